/* What `sluice run` starts once Redis and a provider are there: the API, a stream worker and, where
 * there are graphs, a graph worker. The example graphs ask tools of a host that is nowhere but
 * here: a second simulator, whose address the graph worker is told. */
#include "folders.h"
#include "run_inner.h"

#include "base/buf.h"
#include "base/mem.h"
#include "graphs/library.h"

#include <stdlib.h>
#include <string.h>

#define TOOLS_HOST "tools.sluice.test:80"

enum {
    ADDRESS_ARGUMENT = 2, /* of a simulator; kept for when it is started again */
    HOSTS_MAX = 64 * 1024,
    ENV_MAX = 12
};

/* A service's environment: variables, owned. */
struct variables {
    char *items[ENV_MAX + 1];
    size_t count;
};

static void add(struct variables *v, const char *name, const char *value)
{
    CHECK(v->count < ENV_MAX);
    v->items[v->count++] = mem_printf("%s=%s", name, value);
}

static void release(struct variables *v)
{
    for (size_t i = 0; i < v->count; i++)
        mem_free(v->items[i]);
}

static void add_common(struct variables *v, const struct run *r, const struct provider *p)
{
    const char *admin =
        environment_or("SLUICE_PORT", NULL) == NULL ? "127.0.0.1:8081" : "127.0.0.1:0";
    char *listen = mem_printf("127.0.0.1:%s", environment_or("SLUICE_PORT", "8080"));
    add(v, "SLUICE_REDIS_URL", environment_or("SLUICE_REDIS_URL", r->redis_url));
    add(v, "SLUICE_API_LISTEN", listen);
    add(v, "SLUICE_API_ADMIN_LISTEN", environment_or("SLUICE_API_ADMIN_LISTEN", admin));
    add(v, "SLUICE_WORKER_DRAIN", environment_or("SLUICE_WORKER_DRAIN", "5s"));
    add(v, "SLUICE_LLM_MODEL", p->model);
    if (!p->is_configured) {
        add(v, "SLUICE_LLM_URL", p->url);
        add(v, "SLUICE_LLM_PROVIDER", p->format);
    }
    if (*p->key != '\0')
        add(v, "SLUICE_LLM_KEY", p->key);
    if (r->graphs != NULL)
        add(v, "SLUICE_GRAPH_FOLDER", r->graphs);
    mem_free(listen);
}

/* Those that are configured, and the example tools. */
static void add_hosts(struct variables *v, const struct run *r)
{
    const struct conf_list *hosts = &r->conf->graph_hosts;
    struct buf text;
    buf_init(&text, HOSTS_MAX);
    for (size_t i = 0; i < hosts->count; i++)
        (void)buf_printf(&text, "%s,", hosts->items[i]); /* looked at below */
    (void)buf_printf(&text, TOOLS_HOST "=%s", r->tools);
    if (buf_error(&text) == 0)
        add(v, "SLUICE_GRAPH_HOSTS", text.ptr);
    buf_release(&text);
}

static void start(struct run *r, const char *name, const char *program, const struct variables *v)
{
    char *path = run_program(r, program);
    r->wanted_services++;
    stack_add(r->stack, &(struct stack_member){
                            name, (const char *[]){path, NULL}, (const char *const *)v->items, NULL,
                            strcmp(name, "api") == 0 ? RANK_API : RANK_WORKER, true});
    mem_free(path);
}

void run_start_services(struct run *r, const struct provider *p)
{
    struct variables v = {.count = 0};
    add_common(&v, r, p);
    start(r, "api", "sluice-api", &v);
    start(r, "stream-worker", "sluice-stream-worker", &v);
    if (r->graphs != NULL) {
        add_hosts(&v, r);
        start(r, "graph-worker", "sluice-graph-worker", &v);
    }
    release(&v);
}

/* Graphs and their tools. */

const char *run_graph_folder(const struct conf *conf, const char *given)
{
    const char *folder = *conf->graph_folder != '\0' ? conf->graph_folder : given;
    struct dirent **entries = NULL;
    int count = folder == NULL ? -1 : scandir(folder, &entries, library_is_file, alphasort);
    for (int i = 0; i < count; i++)
        free(entries[i]); /* NOLINT: scandir's */
    if (count >= 0)
        free(entries);
    return count > 0 ? folder : NULL;
}

void run_start_tools(struct run *r)
{
    char *path = run_program(r, "sluice-llmsim");
    stack_add(r->stack, &(struct stack_member){
                            "tools", (const char *[]){path, "--listen", "127.0.0.1:0", NULL}, NULL,
                            NULL, RANK_PROVIDER, false});
    mem_free(path);
}

/* What members say. */

static void on_api_line(struct run *r, const char *address)
{
    if (r->api_url != NULL)
        return;
    r->api_url = mem_printf("http://%s", address);
    char *listen = mem_printf("SLUICE_API_LISTEN=%s", address);
    stack_set(r->stack, "api", listen);
    mem_free(listen);
}

bool run_service_line(struct run *r, const char *name, const char *line)
{
    const char *address = run_listening(line);
    if (address != NULL && strcmp(name, "api") == 0)
        on_api_line(r, address);
    if (address == NULL || strcmp(name, "tools") != 0 || r->tools != NULL)
        return false;
    r->tools = mem_strdup(address);
    stack_set_argument(r->stack, "tools", ADDRESS_ARGUMENT, address);
    return true;
}

void run_service_ready(struct run *r, const char *name)
{
    static const char *const services[] = {"api", "stream-worker", "graph-worker"};
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        r->ready_services += strcmp(name, services[i]) == 0;
    if (r->wanted_services == 0 || r->ready_services < r->wanted_services || r->api_url == NULL)
        return;
    run_say("ready", r->api_url);
    process_ready(r->process, "running");
}
