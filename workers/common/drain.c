/* From SIGTERM to the end of the loop. */
#include "common/drain.h"

#include "base/log.h"
#include "common/worker_inner.h"
#include "loop/process.h"

enum {
    ENDING_MS = 3000, /* for the last words; a lease brings back what they did not reach */
    MARGIN_MS = 5000
};

static void set_stage(struct worker *worker, enum drain_stage stage)
{
    static const char *const names[] = {"no", "waiting", "ending"};
    log_event(LOG_INFO, "worker.drain", "stage=%s running=%zu", names[stage], worker->running);
    worker->drain.stage = stage;
}

static void end(struct worker *worker)
{
    timer_stop(&worker->drain.timer);
    loop_stop(worker->loop);
}

/* A claim that is under way to a Redis that is away is not waited for: if it came through, its
 * lease brings it back. */
void drain_check(struct worker *worker)
{
    bool is_quiet = claims_are_quiet(worker) || !bus_is_up(worker->bus);
    if (worker->drain.stage != DRAIN_NO && worker->running == 0 && is_quiet)
        end(worker);
}

void drain_start(struct worker *worker)
{
    int64_t limit_ms = worker->conf->worker_drain;
    set_stage(worker, DRAIN_WAITING);
    process_stopping(limit_ms + ENDING_MS + MARGIN_MS);
    claims_go(worker); /* goes no more: the bell falls silent */
    timer_start(&worker->drain.timer, limit_ms);
    drain_check(worker);
}

void drain_now(struct worker *worker)
{
    if (worker->drain.stage == DRAIN_ENDING) {
        end(worker);
        return;
    }
    set_stage(worker, DRAIN_ENDING);
    timer_start(&worker->drain.timer, ENDING_MS);
    for (struct run *run = TAILQ_LAST(&worker->runs, run_list); run != NULL;
         run = TAILQ_PREV(run, run_list, link)) { /* those that wait for others first */
        run_read_no_more(run);
        run_drain(run);
    }
    drain_check(worker);
}

static void on_timer(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    if (worker->drain.stage == DRAIN_ENDING)
        log_event(LOG_WARN, "worker.drain_left", "running=%zu", worker->running);
    drain_now(worker);
}

void drain_init(struct worker *worker)
{
    timer_init(&worker->drain.timer, worker->loop, on_timer, worker);
}

void drain_release(struct worker *worker)
{
    timer_release(&worker->drain.timer);
}
