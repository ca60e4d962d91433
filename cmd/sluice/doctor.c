/* sluice doctor: is Redis there, and set as the promises need it; is anybody working. Every finding
 * says what to do. Exit status 1 when something is broken, 0 with warnings or without. */
#include "command.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bus/keys.h"
#include "bus/settings.h"
#include "conf/conf.h"
#include "graphs/library.h"

#include <getopt.h>
#include <stdio.h>

enum { DOCTOR_MAGIC = 0x646f6374, PATIENCE_MS = 3000, WORKERS_MAX = 1000 };

static const char HELP[] =
    "usage: sluice doctor [--config FILE]\n\n"
    "Looks at the configuration, graph files, at Redis (reachable, version, eviction, "
    "persistence, buffers, round trip) and at the workers,\n"
    "and says for each finding what to do.\n";

struct doctor {
    uint32_t magic;
    struct loop *loop;
    struct link *link;
    struct settings *settings;
    struct timer patience;
    const struct conf *conf;
    char *redis_url; /* for people */
    size_t workers;
    int64_t graph_workers;
    bool is_asking;
    int failures, warnings;
};

static void say(const struct finding *f, void *arg)
{
    static const char *const words[] = {[FINDING_GOOD] = "good",
                                        [FINDING_NOTE] = "note",
                                        [FINDING_WARNING] = "WARNING",
                                        [FINDING_FAILURE] = "BROKEN"};
    struct doctor *d = arg;
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    d->failures += f->level == FINDING_FAILURE;
    d->warnings += f->level == FINDING_WARNING;
    (void)printf("%-8s %-14s %s\n", words[f->level], f->check, f->found);
    if (*f->advice != '\0')
        (void)printf("%-8s %-14s -> %s\n", "", "", f->advice);
}

/* Workers: who is announced, then of which kind, then what graphs they have published. */

static void on_published(int status, const struct reply *reply, void *arg)
{
    struct doctor *d = arg;
    char found[96];
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    (void)snprintf(found, sizeof found, "%lld of %zu workers, %lld graphs known",
                   (long long)d->graph_workers, d->workers, (long long)reply_int(reply, 0));
    bool is_missing = d->graph_workers == 0 && *d->conf->graph_folder != '\0';
    if (status == 0 && (is_missing || d->graph_workers > 0))
        say(&(struct finding){is_missing ? FINDING_WARNING : FINDING_GOOD, "graph workers", found,
                              is_missing ? "Nobody runs the graphs of graph.folder: start "
                                           "sluice-graph-worker."
                                         : ""},
            d);
    loop_stop(d->loop);
}

/* "<kind> <slots> <running>" of each. */
static void on_kinds(int status, const struct reply *reply, void *arg)
{
    struct doctor *d = arg;
    struct key key = key_plain("graphs");
    const struct span command[] = {SPAN_LIT("HLEN"), span_of(key.text)};
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    for (size_t i = 0; status == 0 && i < reply_count(reply); i++)
        d->graph_workers += span_starts_with(reply_str(reply_at(reply, i)), "graph ");
    link_command(d->link, 2, command, 0, on_published, d);
}

static void ask_for_kinds(struct doctor *d, const struct reply *names)
{
    struct span *command = mem_new_array(d->workers + 1, sizeof *command);
    struct key *keys = mem_new_array(d->workers, sizeof *keys);
    command[0] = SPAN_LIT("MGET");
    for (size_t i = 0; i < d->workers; i++) {
        struct span name = reply_str(reply_at(names, i));
        (void)snprintf(keys[i].text, sizeof keys[i].text, "%sworker:%.*s", KEY_PREFIX,
                       SPAN_ARG(name));
        command[i + 1] = span_of(keys[i].text);
    }
    link_command(d->link, d->workers + 1, command, 0, on_kinds, d);
    mem_free(keys);
    mem_free(command);
}

static void on_workers(int status, const struct reply *reply, void *arg)
{
    struct doctor *d = arg;
    char found[64];
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    d->workers = status == 0 ? reply_count(reply) : 0;
    (void)snprintf(found, sizeof found, "%s%zu announced", d->workers == WORKERS_MAX ? "over " : "",
                   d->workers);
    if (status == 0)
        say(
            &(struct finding){
                d->workers > 0 ? FINDING_GOOD : FINDING_WARNING, "workers", found,
                d->workers > 0
                    ? ""
                    : "Nobody takes generations from the queue: start sluice-stream-worker."},
            d);
    if (d->workers > 0)
        ask_for_kinds(d, reply);
    else
        on_published(status, NULL, d);
}

static void on_checked(int status, void *arg)
{
    struct doctor *d = arg;
    struct key key = key_plain("workers");
    char now[24], most[8];
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    if (status != 0) {
        say(&(struct finding){FINDING_FAILURE, "redis", "the connection broke while it was asked",
                              "Look at the server's log."},
            d);
        loop_stop(d->loop);
        return;
    }
    (void)snprintf(now, sizeof now, "%lld", (long long)clock_wall_ms());
    (void)snprintf(most, sizeof most, "%d", WORKERS_MAX);
    const struct span command[] = {
        SPAN_LIT("ZRANGEBYSCORE"), span_of(key.text), span_of(now), SPAN_LIT("+inf"),
        SPAN_LIT("LIMIT"),         SPAN_LIT("0"),     span_of(most)};
    link_command(d->link, sizeof command / sizeof command[0], command, 0, on_workers, d);
}

/* The files, as far as they can be checked without a worker. */
static void look_at_graphs(struct doctor *d)
{
    struct library *library = NULL;
    struct err err = {.code = ERR_OK};
    const char *folder = d->conf->graph_folder;
    if (*folder == '\0')
        return;
    int rc = library_read(folder, NULL, NULL, &library, &err);
    char *found = rc == 0 ? mem_printf("%zu in %s", library_count(library), folder) : NULL;
    say(&(struct finding){rc == 0 ? FINDING_GOOD : FINDING_FAILURE, "graphs",
                          rc == 0 ? found : err.message,
                          rc == 0 ? "" : "Mend the file; `sluice graph check` tells all of it."},
        d);
    mem_free(found);
    library_free(library);
}

static void on_state(struct link *link, enum link_state state, void *arg)
{
    struct doctor *d = arg;
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    if (state != LINK_UP || d->is_asking)
        return;
    d->is_asking = true;
    say(&(struct finding){FINDING_GOOD, "redis", d->redis_url, ""}, d);
    d->settings =
        settings_check(link, d->conf->worker_lease, &(struct settings_hooks){say, on_checked, d});
}

static void on_patience_over(void *arg)
{
    struct doctor *d = arg;
    CHECK_MAGIC(d, DOCTOR_MAGIC);
    say(&(struct finding){FINDING_FAILURE, "redis", d->redis_url,
                          d->is_asking ? "It does not answer in time: is it busy, or very far away?"
                                       : "It cannot be reached: is the server running, and "
                                         "redis.url (SLUICE_REDIS_URL) right, with user and "
                                         "password? That of `sluice run` is in its line `redis`."},
        d);
    loop_stop(d->loop);
}

static void examine(struct doctor *d)
{
    char models[64];
    d->redis_url = conf_redis_url_masked(d->conf);
    d->loop = loop_new();
    timer_init(&d->patience, d->loop, on_patience_over, d);
    timer_start(&d->patience, PATIENCE_MS);
    (void)snprintf(models, sizeof models, "%zu configured", d->conf->model_count);
    say(&(struct finding){d->conf->model_count > 0 ? FINDING_GOOD : FINDING_WARNING, "models",
                          models,
                          d->conf->model_count > 0 ? ""
                                                   : "No generation can run: add a row to models, "
                                                     "or set SLUICE_LLM_URL and SLUICE_LLM_MODEL."},
        d);
    look_at_graphs(d);
    d->link = link_new(
        d->loop, &(struct link_options){.url = d->conf->redis_url, .on_state = on_state, .arg = d});
    loop_run(d->loop);
    link_free(d->link);
    settings_free(d->settings);
    timer_release(&d->patience);
    loop_free(d->loop);
    mem_free(d->redis_url);
    (void)printf("%d broken, %d warning%s\n", d->failures, d->warnings,
                 d->warnings == 1 ? "" : "s");
}

int command_doctor(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct doctor doctor = {.magic = DOCTOR_MAGIC};
    struct conf *conf = NULL;
    struct err err = {.code = ERR_OK};
    const char *path = NULL;
    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c != 'c')
            return command_misused(HELP);
        path = optarg;
    }
    if (optind < argc)
        return command_misused(HELP);
    if (conf_load(path, &conf, &err) != 0 || link_check_url(conf->redis_url, &err) != 0) {
        say(&(struct finding){FINDING_FAILURE, "configuration", err.message,
                              "Mend the file; `sluice config` prints what is in force."},
            &doctor);
        conf_free(conf);
        return EXIT_FAILED;
    }
    doctor.conf = conf;
    examine(&doctor);
    conf_free(conf);
    return doctor.failures > 0 ? EXIT_FAILED : EXIT_OK;
}
