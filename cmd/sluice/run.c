/* sluice run: a private Redis, a provider, one API process and one worker of each kind, for a first
 * try on one machine. Prints three lines: redis, provider, ready. Owns the order of it: Redis, then
 * the model server (when given) and the provider, then the services, each when the one before is
 * ready. How processes are started and stopped is stack.c's. */
#include "command.h"
#include "folders.h"
#include "run_inner.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RUN_MAGIC = 0x72756e21,
    STOP_PATIENCE_MS = 9000,
    MODEL_SERVER_PATIENCE_MS = 180 * 1000,
    SERVER_PATIENCE_MS = 2000
};

static const char HELP[] =
    "usage: sluice run [--config FILE] [--graphs FOLDER] [-- MODEL_SERVER ARG...]\n\n"
    "Starts a private redis-server (unless SLUICE_REDIS_URL names one), a provider if none is\n"
    "configured (sluice-llmsim), one API process and one stream worker; where there are graphs,\n"
    "one graph worker and the tools of the example graphs too. Ctrl-C stops all, state kept.\n\n"
    "  --graphs FOLDER   graph files, where graph.folder (SLUICE_GRAPH_FOLDER) names none\n"
    "  SLUICE_PORT       the API's port on 127.0.0.1 (8080; 0: any free one)\n"
    "  SLUICE_HOME       the state folder (~/.local/state/sluice)\n"
    "  SLUICE_LLM_URL    an OpenAI-compatible base URL, with SLUICE_LLM_MODEL (else the first\n"
    "                    that it lists) and SLUICE_LLM_KEY\n"
    "  OPENAI_API_KEY, ANTHROPIC_API_KEY\n"
    "                    use OpenAI, else Anthropic, where no SLUICE_LLM_URL is given\n"
    "  MODEL_SERVER      a command that serves SLUICE_LLM_URL, started and stopped with the rest\n";

void run_say(const char *name, const char *value)
{
    (void)printf("%s %s\n", name, value);
    (void)fflush(stdout);
}

static void stop_all(struct run *r, int exit_status)
{
    if (r->is_stopping)
        return;
    r->is_stopping = true;
    r->exit_status = exit_status;
    stack_stop(r->stack, STOP_PATIENCE_MS);
}

static void give_up(struct run *r, const char *what, const char *why)
{
    (void)fprintf(stderr, "sluice run: %s: %s\n", what, why);
    stop_all(r, EXIT_FAILED);
}

char *run_program(struct run *r, const char *name)
{
    char *path = mem_printf("%s/%s", r->bin, name);
    if (access(path, X_OK) == 0)
        return path;
    mem_free(path);
    return mem_strdup(name); /* from PATH */
}

const char *run_listening(const char *line)
{
    static const char word[] = "listening http://";
    return strncmp(line, word, sizeof word - 1) == 0 ? line + sizeof word - 1 : NULL;
}

/* Provider. */

enum { SIMULATOR_ADDRESS = 2 }; /* its place in argv; kept for when it is started again */

static void start_simulator(struct run *r)
{
    char *path = run_program(r, "sluice-llmsim");
    stack_add(r->stack, &(struct stack_member){
                            "llmsim", (const char *[]){path, "--listen", "127.0.0.1:0", NULL}, NULL,
                            NULL, RANK_PROVIDER, false});
    mem_free(path);
}

static void on_simulator_line(struct run *r, const char *line)
{
    const char *address = run_listening(line);
    if (address == NULL || r->provider_url != NULL)
        return;
    r->provider_url = mem_printf("http://%s/v1", address);
    stack_set_argument(r->stack, "llmsim", SIMULATOR_ADDRESS, address);
    run_say("provider", r->provider_url);
    char model[] = "sim";
    run_start_services(
        r,
        &(struct provider){.url = r->provider_url, .format = "openai", .model = model, .key = ""});
}

static void on_found(int status, const struct provider *p, const char *why, void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    if (r->is_stopping)
        return;
    if (status != 0) {
        give_up(r, "provider", why);
    } else if (p->needs_simulator) {
        start_simulator(r);
    } else {
        r->provider_url = mem_strdup(p->url);
        run_say("provider", r->provider_url);
        stack_ready(r->stack, "model-server");
        run_start_services(r, p);
    }
}

static void find_provider(struct run *r)
{
    int64_t patience_ms = r->model_server != NULL ? MODEL_SERVER_PATIENCE_MS : SERVER_PATIENCE_MS;
    if (r->model_server != NULL) {
        char *log_path = mem_printf("%s/model-server.log", r->home);
        /* its standard output is not ours to print: lines are ignored */
        stack_add(r->stack,
                  &(struct stack_member){"model-server", (const char *const *)r->model_server, NULL,
                                         log_path, RANK_PROVIDER, true});
        mem_free(log_path);
    }
    r->search = provider_find(r->loop, r->fetcher, r->conf, patience_ms, on_found, r);
}

/* Redis. */

static void on_redis_ready(struct run *r)
{
    r->is_seen = true;
    run_say("redis", r->redis_url);
    if (r->graphs != NULL)
        run_start_tools(r);
    else
        find_provider(r);
}

static void on_given_redis(struct link *link, enum link_state state, void *arg)
{
    struct run *r = arg;
    (void)link;
    CHECK_MAGIC(r, RUN_MAGIC);
    if (state == LINK_UP && !r->is_seen && !r->is_stopping)
        on_redis_ready(r);
    else if (state == LINK_BACKOFF && !r->is_seen)
        give_up(r, r->redis_url, "cannot be reached");
}

static void start_redis(struct run *r)
{
    const char *given = environment_or("SLUICE_REDIS_URL", NULL);
    if (given != NULL) { /* as it was resolved; the children read the variable themselves */
        r->redis_url = conf_redis_url_masked(r->conf);
        r->link =
            link_new(r->loop, &(struct link_options){
                                  .url = r->conf->redis_url, .on_state = on_given_redis, .arg = r});
        return;
    }
    char *socket = mem_printf("%s/redis.sock", r->home),
         *log_path = mem_printf("%s/redis.log", r->home);
    r->redis_url = mem_printf("unix://%s", socket);
    const char *argv[] = {
        "redis-server", "--port",      "0",     "--unixsocket", socket, "--unixsocketperm",
        "600",          "--dir",       r->home, "--appendonly", "yes",  "--supervised",
        "systemd",      "--daemonize", "no",    "--save",       "",     "--logfile",
        log_path,       NULL};
    stack_add(r->stack, &(struct stack_member){"redis", argv, NULL, log_path, RANK_REDIS, true});
    mem_free(socket);
    mem_free(log_path);
}

/* The stack's hooks. */

static void on_ready(const char *name, void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    if (r->is_stopping)
        return;
    if (strcmp(name, "redis") == 0)
        on_redis_ready(r);
    else
        run_service_ready(r, name);
}

static void on_line(const char *name, const char *line, void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    if (r->is_stopping)
        return;
    if (strcmp(name, "llmsim") == 0)
        on_simulator_line(r, line);
    else if (run_service_line(r, name, line))
        find_provider(r);
}

static void on_failed(const char *name, const char *why, void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    give_up(r, name, why);
    if (strcmp(name, "api") == 0)
        (void)fputs("sluice run: SLUICE_PORT names its port; 0 takes any free one\n", stderr);
}

static void on_stopped(void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    loop_stop(r->loop);
}

static void on_drain(void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    stop_all(r, EXIT_OK);
}

static void on_now(void *arg)
{
    struct run *r = arg;
    CHECK_MAGIC(r, RUN_MAGIC);
    stack_stop_now(r->stack);
}

/* Set-up. */

/* Two servers on one folder would take each other's socket and write over each other's files. */
static int claim_home(struct run *r)
{
    if (environment_or("SLUICE_REDIS_URL", NULL) != NULL)
        return EXIT_OK;
    int rc = folder_claim(r->home);
    if (rc < 0) {
        (void)fprintf(stderr, "sluice run: %s: %s; set SLUICE_HOME to another folder\n", r->home,
                      rc == -EWOULDBLOCK ? "another sluice run has its state there"
                                         : strerror(-rc));
        return EXIT_FAILED;
    }
    r->claim_fd = rc;
    return EXIT_OK;
}

static int check_port(void)
{
    const char *port = environment_or("SLUICE_PORT", "0");
    uint64_t value = 0;
    if (num_parse_u64(span_of(port), &value) == 0 && value <= UINT16_MAX)
        return EXIT_OK;
    (void)fprintf(stderr, "sluice run: SLUICE_PORT: '%s' is not valid; expected 0 to 65535\n",
                  port);
    return EXIT_FAILED;
}

static int prepare(struct run *r, const char *config, const char *graphs)
{
    struct err err = {.code = ERR_OK};
    size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/redis.sock";
    if (config != NULL)
        (void)setenv("SLUICE_CONFIG", config, 1); /* the children read it too */
    if (conf_load(NULL, &r->conf, &err) != 0 || link_check_url(r->conf->redis_url, &err) != 0) {
        (void)fprintf(stderr, "sluice run: %s\n", err.message);
        return EXIT_FAILED;
    }
    r->graphs = run_graph_folder(r->conf, graphs);
    r->home = folder_of_state();
    r->bin = folder_of_programs();
    int why = folder_make(r->home);
    if (why != 0 || strlen(r->home) > longest) {
        (void)fprintf(stderr,
                      "sluice run: %s: %s; set SLUICE_HOME to a folder that can be written\n",
                      r->home, why != 0 ? strerror(why) : "the path is too long for a socket");
        return EXIT_FAILED;
    }
    return check_port() == EXIT_OK ? claim_home(r) : EXIT_FAILED;
}

static void release(struct run *r)
{
    provider_search_free(r->search);
    stack_free(r->stack);
    link_free(r->link);
    fetcher_free(r->fetcher);
    process_free(r->process);
    if (r->loop != NULL)
        loop_free(r->loop);
    conf_free(r->conf);
    if (r->claim_fd >= 0)
        (void)close(r->claim_fd);
    char *owned[] = {r->home, r->bin, r->redis_url, r->provider_url, r->api_url, r->tools};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        mem_free(owned[i]);
}

static int run_stack(const char *config, const char *graphs, char *const *model_server)
{
    struct run r = {
        .magic = RUN_MAGIC, .model_server = model_server, .claim_fd = -1, .exit_status = EXIT_OK};
    int rc = prepare(&r, config, graphs);
    if (rc == EXIT_OK) {
        r.loop = loop_new();
        r.process = process_new(
            r.loop, &(struct process_hooks){.on_drain = on_drain, .on_now = on_now, .arg = &r});
        r.fetcher = fetcher_new(r.loop);
        r.stack =
            stack_new(r.loop, &(struct stack_hooks){on_ready, on_line, on_failed, on_stopped, &r});
        start_redis(&r);
        loop_run(r.loop);
        rc = r.exit_status;
    }
    release(&r);
    return rc;
}

int command_run(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"graphs", required_argument, NULL, 'g'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *config = NULL, *graphs = NULL;
    for (int c; (c = getopt_long(argc, argv, "+c:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 'c')
            config = optarg;
        else if (c == 'g')
            graphs = optarg;
        else
            return command_misused(HELP);
    }
    return run_stack(config, graphs, optind < argc ? argv + optind : NULL);
}
