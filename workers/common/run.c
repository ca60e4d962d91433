/* A run's life: made of a claim, moved from state to state, let go. */
#include "common/run.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "common/worker_inner.h"

static const char *const state_names[RUN_STATES] = {
    [RUN_CLAIMED] = "claimed",     [RUN_CONNECTING] = "connecting",
    [RUN_PREFILL] = "prefill",     [RUN_STREAMING] = "streaming",
    [RUN_FINISHING] = "finishing", [RUN_CLOSING] = "closing",
    [RUN_KEPT] = "kept",           [RUN_GONE] = "gone",
};

void run_set_state(struct run *run, enum run_state next)
{
    enum { ENDS = 1U << RUN_FINISHING | 1U << RUN_CLOSING };
    static const unsigned legal[RUN_STATES] = {
        [RUN_CLAIMED] = 1U << RUN_CONNECTING | ENDS,
        [RUN_CONNECTING] = 1U << RUN_PREFILL | ENDS,
        [RUN_PREFILL] = 1U << RUN_STREAMING | ENDS,
        [RUN_STREAMING] = ENDS,
        [RUN_FINISHING] = 1U << RUN_CLOSING | 1U << RUN_KEPT | 1U << RUN_GONE,
        [RUN_CLOSING] = 1U << RUN_GONE,
        [RUN_KEPT] = 1U << RUN_FINISHING | 1U << RUN_GONE,
        [RUN_GONE] = 0,
    };
    CHECK((legal[run->state] & 1U << next) != 0);
    log_event(LOG_DEBUG, "run.state", "gen=%s epoch=%lld from=%s to=%s", run->claimed.generation,
              (long long)run->claimed.epoch, state_names[run->state], state_names[next]);
    run->state = next;
}

static void watch(struct run *run)
{
    const struct claimed *c = &run->claimed;
    run->is_watched = true;
    stop_watch_add(run->worker->stops, c->tenant, c->generation, c->token, c->flag, run);
}

void run_unwatch(struct run *run)
{
    const struct claimed *c = &run->claimed;
    if (run->is_watched)
        stop_watch_remove(run->worker->stops, c->tenant, c->generation, c->token);
    run->is_watched = false;
}

struct run *run_new(struct worker *worker, const struct claim *claim, int64_t lease_until_ms)
{
    struct run *run = MEM_NEW(struct run);
    run->magic = RUN_MAGIC;
    run->worker = worker;
    run->serial = ++worker->serials;
    run->has_slot = true;
    run->lease_until_ms = lease_until_ms;
    run->release_ms = -1;
    run->max_output_bytes = (size_t)worker->conf->limits_output;
    run->max_events = worker->conf->limits_events;
    run->claimed_ms = clock_mono_ms();
    claimed_init(&run->claimed, claim);
    outbox_init(&run->outbox, claim->length);
    TAILQ_INIT(&run->waits);
    ending_init(&run->ending);
    timer_init(&run->again, worker->loop, on_run_again, run);
    return run;
}

void run_start(struct run *run)
{
    const struct claimed *c = &run->claimed;
    const struct work *work = run->worker->work;
    int64_t queued_ms = clock_wall_ms() - c->queued_at_ms;
    queued_ms = queued_ms > 0 ? queued_ms : 0;
    metric_add(METRIC_CLAIMED, 1);
    metric_observe_us(METRIC_QUEUE_SECONDS, queued_ms * 1000);
    log_event(LOG_INFO, "run.claim",
              "gen=%s chat=%s tenant=%s lane=%s epoch=%lld crashes=%lld queued_ms=%lld",
              c->generation, c->chat, c->tenant, c->lane, (long long)c->epoch,
              (long long)c->crashes, (long long)queued_ms);
    watch(run);
    run->work = work->work_new(run);
    if (c->job_status == -ERR_NOT_SUPPORTED)
        run_fail(run, ERR_NOT_SUPPORTED, "The request is of a newer version than the worker.");
    else if (c->job_status != 0)
        run_fail(run, ERR_INTERNAL, "The request in the record is damaged.");
    else
        work->work_start(run->work);
}

void run_enter(struct run *run, enum run_state state)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    CHECK(state <= RUN_STREAMING);
    while (!run_is_over(run) && run->state < state) {
        run_set_state(run, run->state + 1);
        if (run->state == RUN_CONNECTING)
            run->connecting_us = clock_mono_us();
        if (run->state != RUN_STREAMING)
            continue;
        run->first_us = clock_mono_us();
        metric_observe_us(METRIC_FIRST_TOKEN_SECONDS, run->first_us - run->connecting_us);
    }
}

struct worker *run_worker(const struct run *run)
{
    return run->worker;
}

const struct claimed *run_claimed(const struct run *run)
{
    return &run->claimed;
}

bool run_is_over(const struct run *run)
{
    return run->state >= RUN_FINISHING;
}

struct usage run_usage(const struct run *run)
{
    return run->worker->work->work_usage(run->work);
}

/* The one line about it, and the counters. */
static void tell_end(const struct run *run, const char *end)
{
    static const struct {
        const char *end;
        enum metric metric;
    } counters[] = {
        {"done", METRIC_ENDED_DONE},
        {"stopped", METRIC_ENDED_STOPPED},
        {"failed", METRIC_ENDED_FAILED},
        {"interrupted", METRIC_ENDED_INTERRUPTED},
    };
    const struct usage *usage = &run->ending.usage;
    struct span reason = ending_text(&run->ending, ENDING_REASON);
    int64_t ms = clock_mono_ms() - run->claimed_ms;
    int64_t first_ms = run->first_us == 0 ? -1 : (run->first_us - run->connecting_us) / 1000;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (strcmp(counters[i].end, end) == 0)
            metric_add(counters[i].metric, 1);
    metric_observe_us(METRIC_GENERATION_SECONDS, ms * 1000);
    log_event(LOG_INFO, "run.end",
              "gen=%s epoch=%lld end=%s reason=%.*s seq=%lld pieces=%lld first_ms=%lld ms=%lld "
              "input=%lld "
              "output=%lld usage=%s",
              run->claimed.generation, (long long)run->claimed.epoch, end, SPAN_ARG(reason),
              (long long)run->outbox.length, (long long)run->pieces, (long long)first_ms,
              (long long)ms, (long long)usage->input, (long long)usage->output,
              usage_source_name(usage->source));
}

static void drop_work(struct run *run)
{
    if (run->work != NULL)
        run->worker->work->work_free(run->work);
    run->work = NULL;
}

static void free_later(struct run *run)
{
    struct worker *worker = run->worker;
    TAILQ_REMOVE(&worker->runs, run, link);
    TAILQ_INSERT_TAIL(&worker->gone, run, link);
    worker_turn_end(worker);
}

/* Only what is needed to say the end again stays. */
static void keep(struct run *run)
{
    struct worker *worker = run->worker;
    if (run->holds == 0)
        drop_work(run);
    claimed_drop_job(&run->claimed);
    run->kept_ms = clock_mono_ms();
    run->kept_bytes = sizeof *run + run->outbox.kept_bytes + ending_bytes(&run->ending);
    worker->kept++;
    worker->kept_bytes += run->kept_bytes;
}

void run_leave(struct run *run, enum run_state state, const char *end)
{
    struct worker *worker = run->worker;
    if (run->state == RUN_KEPT) {
        worker->kept--;
        worker->kept_bytes -= run->kept_bytes;
    }
    run_unwatch(run);
    timer_stop(&run->again);
    run_set_state(run, state);
    if (run->is_doubted)
        revival_proved(worker);
    run->is_doubted = false;
    if (state == RUN_KEPT)
        keep(run);
    else if (run->holds == 0)
        free_later(run);
    if (!run->has_slot)
        return;
    run->has_slot = false;
    tell_end(run, end);
    worker_freed_slot(worker);
}

void run_hold(struct run *run)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    run->holds++;
}

void run_let_go(struct run *run)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    CHECK(run->holds > 0);
    if (--run->holds == 0 && run->state == RUN_GONE)
        free_later(run);
}

void run_free(struct run *run)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    drop_work(run);
    CHECK(TAILQ_EMPTY(&run->waits));
    timer_release(&run->again);
    outbox_release(&run->outbox);
    ending_release(&run->ending);
    mem_free(run->note);
    claimed_release(&run->claimed);
    run->magic = 0;
    mem_free(run);
}
