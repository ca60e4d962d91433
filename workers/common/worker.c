/* The process: its parts wired together, readiness, announcements, and all taken apart again. */
#include "common/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "common/health.h"
#include "common/worker_inner.h"
#include "common/worker_run.h"
#include "http/http.h"
#include "loop/process.h"
#include <stdio.h>

enum {
    RETRY_MS = 10 * 60 * 1000, /* what the bus repeats for us while Redis is away */
    ANNOUNCE_EVERY_MS = 10 * 1000,
    READY_MS = 5000, /* so long without Redis, and it is told to be ready all the same */
    FORGET_FIRST_MS = 1000
};

struct loop *worker_loop(const struct worker *worker)
{
    return worker->loop;
}

struct bus *worker_bus(const struct worker *worker)
{
    return worker->bus;
}

struct fetcher *worker_fetcher(const struct worker *worker)
{
    return worker->fetcher;
}

const struct conf *worker_conf(const struct worker *worker)
{
    return worker->conf;
}

void *worker_shared(const struct worker *worker)
{
    return worker->shared;
}

void worker_end(struct worker *worker, const char *message)
{
    CHECK_MAGIC(worker, WORKER_MAGIC);
    (void)err_set(&worker->end, ERR_CONFIG, NULL, "%s", message);
    loop_stop(worker->loop);
}

void worker_tell_ready(struct worker *worker)
{
    char status[sizeof worker->metrics + 64];
    worker->is_ready_due = true;
    if (worker->is_ready || worker->is_preparing)
        return;
    worker->is_ready = true;
    timer_stop(&worker->ready);
    (void)snprintf(status, sizeof status, "metrics on http://%s", worker->metrics); /* it fits */
    process_ready(worker->process, status);
    log_event(LOG_INFO, "worker.ready", "worker=%s kind=%s slots=%lld metrics=%s redis=%s",
              worker->name.text, worker->work->kind, (long long)worker->conf->worker_slots,
              worker->metrics, bus_is_up(worker->bus) ? "up" : "away");
}

void worker_prepare(struct worker *worker)
{
    worker->is_preparing = true;
}

void worker_prepared(struct worker *worker)
{
    worker->is_preparing = false;
    if (worker->is_ready_due)
        worker_tell_ready(worker);
}

static void announce(struct worker *worker)
{
    queue_announce(worker->bus, worker->name.text, worker->work->kind, worker->conf->worker_slots,
                   (int64_t)worker->running);
    if (worker->work->announce != NULL)
        worker->work->announce(worker->shared);
    timer_start(&worker->announce, ANNOUNCE_EVERY_MS);
}

static void on_announce(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    announce(worker);
}

static void on_ready_due(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    worker_tell_ready(worker);
}

static void on_up(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    log_event(LOG_INFO, "redis.up", "state=up");
    revival_up(worker);
    announce(worker);
    leases_renew(worker);
    worker_flush_all(worker);
}

static void on_down(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    log_event(LOG_WARN, "redis.down", "state=down");
    revival_down(worker);
    drain_check(worker);
}

static void on_flag(void *entry)
{
    struct run *run = entry;
    CHECK_MAGIC(run, RUN_MAGIC);
    run_flagged(run);
}

static void on_control(void *entry)
{
    struct run *run = entry;
    CHECK_MAGIC(run, RUN_MAGIC);
    run_close(run, CLOSE_FENCED);
}

/* A request leaves: what was stopped by now keeps its own here. */
static void on_leaving(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    stop_watch_look(worker->stops);
}

static void on_drain(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    drain_start(worker);
}

static void on_now(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    drain_now(worker);
}

/* What runs keeps the model and the limits that it began with. */
static void on_reload(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    if (!daemon_reload(worker->daemon, worker->conf))
        return;
    metric_set(METRIC_SLOTS, worker->conf->worker_slots);
    claims_set_caps(worker);
    claims_go(worker); /* there may be more slots */
    if (worker->work->reload != NULL)
        worker->work->reload(worker->shared);
}

static void open_bus(struct worker *worker)
{
    const struct conf *conf = worker->conf;
    const struct bus_options options = {
        .warns_of_settings = true,
        .redis_url = conf->redis_url,
        .stop_key = conf->stop_key,
        .tenant_stop_key = conf->stop_tenant_key,
        .retry_ms = RETRY_MS,
        .lease_ms = conf->worker_lease,
        .keep_log_ms = conf->keep_log,
        .keep_record_ms = conf->keep_record,
        .keep_chat_ms = conf->keep_chat,
        .keep_dead_ms = conf->keep_dead,
        .on_up = on_up,
        .on_down = on_down,
        .arg = worker,
    };
    const struct stop_watch_hooks hooks = {.on_flag = on_flag, .on_control = on_control};
    worker->bus = bus_new(worker->loop, &options);
    worker->keeper = keeper_new(worker->bus, worker->loop, conf->queue_interactive_timeout,
                                conf->queue_batch_timeout);
    worker->stops = stop_watch_new(worker->bus, worker->loop, conf->worker_stop_poll, &hooks);
}

static void open_worker(struct worker *worker, const struct daemon *daemon, struct conf *conf,
                        struct err *err)
{
    const struct process_hooks hooks = {
        .on_drain = on_drain, .on_now = on_now, .on_reload = on_reload, .arg = worker};
    worker->magic = WORKER_MAGIC;
    worker->daemon = daemon;
    worker->work = daemon->arg;
    worker->conf = conf;
    worker->name = id_mint("w");
    TAILQ_INIT(&worker->runs);
    TAILQ_INIT(&worker->gone);
    TAILQ_INIT(&worker->dirty);
    worker->loop = loop_new();
    loop_moderate(worker->loop);
    worker->process = process_new(worker->loop, &hooks);
    timer_init(&worker->announce, worker->loop, on_announce, worker);
    timer_init(&worker->ready, worker->loop, on_ready_due, worker);
    timer_init(&worker->gathering, worker->loop, on_worker_gathered, worker);
    timer_init(&worker->forget, worker->loop, on_worker_forget, worker);
    revival_init(worker);
    drain_init(worker);
    leases_init(worker);
    open_bus(worker);
    worker->fetcher = fetcher_new(worker->loop);
    fetcher_on_leaving(worker->fetcher, on_leaving, worker);
    worker->shared = worker->work->shared_new(worker, err);
    claims_init(worker);
    timer_start(&worker->ready, READY_MS);
    timer_start(&worker->forget, FORGET_FIRST_MS);
    metric_set(METRIC_SLOTS, conf->worker_slots);
}

/* Runs go before the bus that they are on: nothing turns the loop in between. */
static void close_worker(struct worker *worker)
{
    http_server_free(worker->health);
    claims_release(worker);
    stop_watch_free(worker->stops);
    keeper_free(worker->keeper);
    worker_free_runs(worker);
    if (worker->shared != NULL)
        worker->work->shared_free(worker->shared);
    bus_free(worker->bus);
    fetcher_free(worker->fetcher);
    leases_release(worker);
    drain_release(worker);
    revival_release(worker);
    timer_release(&worker->gathering);
    timer_release(&worker->forget);
    timer_release(&worker->ready);
    timer_release(&worker->announce);
    process_free(worker->process);
    loop_free(worker->loop);
}

int worker_run(const struct daemon *daemon, struct conf *conf, struct err *err)
{
    struct worker worker = {.magic = 0};
    open_worker(&worker, daemon, conf, err);
    log_event(LOG_INFO, "worker.start", "version=%s kind=%s", SLUICE_VERSION, worker.work->kind);
    int rc = worker.shared == NULL ? -ERR_CONFIG : health_open(&worker, err);
    if (rc == 0) {
        loop_run(worker.loop);
        log_event(LOG_INFO, "worker.end", "running=%zu", worker.running);
    }
    if (rc == 0 && worker.end.code != ERR_OK) {
        *err = worker.end;
        rc = -ERR_CONFIG;
    }
    close_worker(&worker);
    return rc;
}
