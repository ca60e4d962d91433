/* The worker's runs as a whole: taking one, the end of a turn, forgetting, teardown. */
#include "base/clock.h"
#include "base/metric.h"
#include "bus/log.h"
#include "common/worker_inner.h"

enum { KEPT_MAX = 4096, KEPT_BYTES_MAX = 64 * 1024 * 1024, FORGET_EVERY_MS = 1000 };

size_t worker_free_slots(const struct worker *worker)
{
    size_t slots = (size_t)worker->conf->worker_slots;
    return slots > worker->running ? slots - worker->running : 0;
}

void worker_take(struct worker *worker, const struct claim *claim, int64_t lease_until_ms)
{
    struct run *run = run_new(worker, claim, lease_until_ms);
    TAILQ_INSERT_TAIL(&worker->runs, run, link);
    worker->running++;
    metric_set(METRIC_RUNNING, (int64_t)worker->running);
    run_start(run);
}

void worker_freed_slot(struct worker *worker)
{
    worker->running--;
    metric_set(METRIC_RUNNING, (int64_t)worker->running);
    claims_go(worker);
    drain_check(worker);
}

/* Its text need not wait for others': the first, what ends it, and what is waited for. */
static bool is_urgent(const struct run *run)
{
    return run->state >= RUN_FINISHING || run->outbox.length <= run->claimed.length + 1 ||
           run->outbox.untold > 0 || !TAILQ_EMPTY(&run->waits);
}

static void flush_dirty(struct worker *worker, bool all)
{
    log_gather(worker->bus);
    for (struct run *run = TAILQ_FIRST(&worker->dirty), *next; run != NULL; run = next) {
        next = TAILQ_NEXT(run, dirty_link);
        if (!all && !is_urgent(run))
            continue;
        TAILQ_REMOVE(&worker->dirty, run, dirty_link);
        run->is_dirty = false;
        run_flush(run);
    }
    log_send(worker->bus);
}

void on_worker_gathered(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    flush_dirty(worker, true);
}

static void free_gone(struct worker *worker)
{
    struct run *run;
    while ((run = TAILQ_FIRST(&worker->gone)) != NULL) {
        TAILQ_REMOVE(&worker->gone, run, link);
        if (run->is_dirty)
            TAILQ_REMOVE(&worker->dirty, run, dirty_link);
        run_free(run);
    }
}

static void on_turn_end(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    worker->is_turn_end_due = false;
    int64_t gather_ms = worker->conf->worker_gather;
    flush_dirty(worker, gather_ms == 0);
    if (!TAILQ_EMPTY(&worker->dirty) && !timer_is_on(&worker->gathering))
        timer_start(&worker->gathering, gather_ms);
    free_gone(worker);
}

void worker_turn_end(struct worker *worker)
{
    if (worker->is_turn_end_due)
        return;
    worker->is_turn_end_due = true;
    loop_defer(worker->loop, on_turn_end, worker);
}

void worker_flush_all(struct worker *worker)
{
    for (struct run *run = TAILQ_FIRST(&worker->runs); run != NULL; run = TAILQ_NEXT(run, link))
        if (run->state <= RUN_FINISHING)
            run_dirty(run);
}

void on_worker_forget(void *arg)
{
    struct worker *worker = arg;
    struct run *run = TAILQ_FIRST(&worker->runs);
    CHECK_MAGIC(worker, WORKER_MAGIC);
    int64_t before_ms = clock_mono_ms() - REVIVAL_KEEP_MS;
    while (run != NULL) {
        struct run *next = TAILQ_NEXT(run, link);
        bool is_over_limit = worker->kept > KEPT_MAX || worker->kept_bytes > KEPT_BYTES_MAX;
        if (run->state == RUN_KEPT && (run->kept_ms < before_ms || is_over_limit))
            run_leave(run, RUN_GONE, NULL);
        run = next;
    }
    timer_start(&worker->forget, FORGET_EVERY_MS);
}

void worker_free_runs(struct worker *worker)
{
    struct run *run;
    TAILQ_INIT(&worker->dirty);
    TAILQ_CONCAT(&worker->runs, &worker->gone, link);
    while ((run = TAILQ_FIRST(&worker->runs)) != NULL) {
        TAILQ_REMOVE(&worker->runs, run, link);
        run_free(run);
    }
}
