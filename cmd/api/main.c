/* sluice-api: wires configuration, bus and servers together, and takes them apart again in reverse
 * order. It keeps no state of its own: everything that must survive it is in Redis. */
#include "api/audience.h"
#include "api/board.h"
#include "api/drain.h"
#include "api/host.h"
#include "api/pending.h"
#include "api/routes.h"
#include "api/token.h"
#include "base/log.h"
#include "base/map.h"
#include "bus/queue.h"
#include "conf/daemon.h"
#include "loop/process.h"
#include "wire/limits.h"

#include <stdio.h>

enum {
    API_RETRY_MS = 800, /* the bus gives up before the second is over in which a 503 is promised */
    ADDRESS_MAX = 256
};

/* The whole process. */
struct program {
    struct api api; /* first: its magic is the program's */
    const struct daemon *daemon;
    struct conf *conf; /* what api.conf points to, for the reload */
    struct process *process;
    struct keeper *keeper;
    struct drain drain;
};

/* The first address of the API that others than this machine can reach; NULL: there is none. */
static const char *open_address(const struct conf *conf)
{
    for (size_t i = 0; i < conf->api_listen.count; i++) {
        if (!host_is_loopback(span_of(conf->api_listen.items[i]))) {
            return conf->api_listen.items[i];
        }
    }
    return NULL;
}

static int check_conf(const struct conf *conf, struct err *err)
{
    size_t secret = strlen(conf->api_token_secret);
    if (conf->api_listen.count == 0) {
        return err_set(err, ERR_CONFIG, "api.listen", "api.listen: no address is given");
    }
    if (conf->key_count == 0 && open_address(conf) != NULL) {
        return err_set(err, ERR_CONFIG, "api.listen",
                       "api.listen: %s is not a loopback address; without API keys the API "
                       "listens on 127.0.0.1, [::1] or localhost only",
                       open_address(conf));
    }
    if (secret > 0 && secret < TOKEN_SECRET_MIN) {
        return err_set(err, ERR_CONFIG, "api.token_secret",
                       "api.token_secret: the secret is too short; expected at least %d characters",
                       TOKEN_SECRET_MIN);
    }
    return link_check_url(conf->redis_url, err);
}

static void on_redis_up(void *arg)
{
    (void)arg;
    log_event(LOG_INFO, "redis.up", "state=up");
}

static void on_redis_down(void *arg)
{
    (void)arg;
    log_event(LOG_WARN, "redis.down", "state=down");
}

static void on_drain(void *arg)
{
    struct program *p = arg;
    CHECK_MAGIC(&p->api, API_MAGIC);
    drain_start(&p->drain);
}

/* Handlers look at the configuration anew for each request; streams that are open end when the key
 * that opened them has gone. */
static void on_reload(void *arg)
{
    struct program *p = arg;
    CHECK_MAGIC(&p->api, API_MAGIC);
    if (daemon_reload(p->daemon, p->conf)) { /* says itself what became of it */
        audience_close_revoked(&p->api);
    }
}

static void open_bus(struct program *p)
{
    const struct conf *conf = p->api.conf;
    const struct bus_options options = {
        .warns_of_settings = true,
        .redis_url = conf->redis_url,
        .stop_key = conf->stop_key,
        .tenant_stop_key = conf->stop_tenant_key,
        .retry_ms = API_RETRY_MS,
        .lease_ms = conf->worker_lease,
        .keep_log_ms = conf->keep_log,
        .keep_record_ms = conf->keep_record,
        .keep_chat_ms = conf->keep_chat,
        .keep_dead_ms = conf->keep_dead,
        .on_up = on_redis_up,
        .on_down = on_redis_down,
    };
    p->api.bus = bus_new(p->api.loop, &options);
    p->api.hub = hub_new(p->api.bus, p->api.loop);
    p->keeper = keeper_new(p->api.bus, p->api.loop, conf->queue_interactive_timeout,
                           conf->queue_batch_timeout);
}

/* Listens on one address and says where, for people and for whoever gave port 0. */
static int listen_on(struct http_server *server, const char *address, const char *what,
                     struct err *err)
{
    char bound[ADDRESS_MAX];
    int rc = http_listen(server, address, bound, sizeof bound, err);
    if (rc == 0) {
        (void)printf("%s http://%s\n", what, bound);
        log_event(LOG_INFO, "api.listen", "what=%s address=%s", what, bound);
    }
    return rc;
}

static int listen_all(struct program *p, struct err *err)
{
    const struct conf *conf = p->api.conf;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < conf->api_listen.count; i++) {
        rc = listen_on(p->api.server, conf->api_listen.items[i], "listening", err);
    }
    if (rc == 0) {
        rc = listen_on(p->api.admin, conf->api_admin_listen, "admin", err);
    }
    (void)fflush(stdout);
    return rc;
}

static void open_program(struct program *p, const struct conf *conf)
{
    const struct process_hooks hooks = {.on_drain = on_drain, .on_reload = on_reload, .arg = p};
    struct api *api = &p->api;
    api->magic = API_MAGIC;
    api->conf = conf;
    api->loop = loop_new();
    loop_moderate(api->loop);
    api->audiences = map_new();
    api->is_public_local = open_address(conf) == NULL;
    api->is_admin_local = host_is_loopback(span_of(conf->api_admin_listen));
    LIST_INIT(&api->audience_list);
    LIST_INIT(&api->pending);
    /* JSON may write one byte as six; what a request brought comes back in its last event. */
    buf_init(&api->scratch, 8 * (size_t)LIMIT_EVENT + 6 * (size_t)conf->limits_body);
    p->process = process_new(api->loop, &hooks);
    open_bus(p);
    api->server = routes_public(api);
    api->admin = routes_admin(api);
    api->board = board_new(api);
    drain_init(&p->drain, api);
}

/* Servers first: with them the requests and streams go, and the readers and pending answers that
 * hang on those. */
static void close_program(struct program *p)
{
    struct api *api = &p->api;
    drain_release(&p->drain);
    http_server_free(api->server);
    http_server_free(api->admin);
    keeper_free(p->keeper);
    hub_free(api->hub);
    bus_free(api->bus);
    pending_free_all(api);
    board_free(api->board);
    audience_free_all(api);
    process_free(p->process);
    loop_free(api->loop);
    map_free(api->audiences);
    buf_release(&api->scratch);
}

static int run(const struct daemon *daemon, struct conf *conf, struct err *err)
{
    struct program p = {.daemon = daemon, .conf = conf};
    open_program(&p, conf);
    int rc = listen_all(&p, err);
    if (rc == 0) {
        process_ready(p.process, "serving");
        log_event(LOG_INFO, "api.ready", "listen=%s redis=%s", conf->api_listen.items[0],
                  bus_is_up(p.api.bus) ? "up" : "connecting");
        loop_run(p.api.loop);
        log_event(LOG_INFO, "api.end", "reason=%s", p.api.is_draining ? "drained" : "stopped");
    }
    close_program(&p);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct daemon daemon = {
        .name = "sluice-api",
        .summary = "The HTTP side of Sluice: takes generations, streams their events, stops them.",
        .check = check_conf,
        .run = run,
    };
    return daemon_main(argc, argv, &daemon);
}
