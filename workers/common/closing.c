/* The end that others said: a stop, the flag, another claim. The provider is closed at once, or
 * read on silently where the job says so; then the usage is settled. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "bus/turn.h"
#include "common/worker_inner.h"

enum { AGAIN_MS = 500, NO_FLAG_AGAIN_MS = 100 };

static const char *const reason_names[] = {
    [CLOSE_STOPPED] = "stopped",
    [CLOSE_FENCED] = "fenced",
    [CLOSE_LOST] = "lost",
    [CLOSE_ABANDONED] = "abandoned",
};

static void on_settled(int status, void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    /* Fenced, and over by this token: that was a stop whose wake-up came later than our append. */
    if (status == 0 && run->why == CLOSE_FENCED)
        run->why = CLOSE_STOPPED;
    run_leave(run, RUN_GONE, reason_names[run->why]);
    run_let_go(run);
}

static void settle(struct run *run)
{
    const struct claimed *c = &run->claimed;
    struct buf usage;
    run->ending.usage.is_settled = true; /* nothing more will be learnt */
    buf_init(&usage, 1024);
    usage_put_json(&usage, &run->ending.usage);
    const struct settle settle = {
        .tenant = c->tenant,
        .chat = c->chat,
        .generation = c->generation,
        .token = c->token,
        .usage = buf_as_span(&usage),
        .usage_source = usage_source_name(run->ending.usage.source),
    };
    run_hold(run);
    turn_settle(run->worker->bus, &settle, on_settled, run);
    buf_release(&usage);
}

void run_closed(struct run *run)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    CHECK(run->state == RUN_CLOSING);
    run->is_reading_on = false;
    run->ending.usage = run_usage(run);
    settle(run);
}

/* Whether the provider may be read to its end. */
static bool may_read_on(const struct run *run)
{
    return run->why != CLOSE_LOST && run->why != CLOSE_ABANDONED && run->claimed.job_status == 0 &&
           span_is(run->claimed.job.upstream, "drain") && run->worker->drain.stage != DRAIN_ENDING;
}

void run_close(struct run *run, enum close_reason why)
{
    if (run->state > RUN_FINISHING)
        return;
    bool was_at_work = !run_is_over(run);
    int64_t now_us = clock_mono_us();
    int64_t noticed_us = run->noticed_us != 0 ? run->noticed_us : now_us;
    run->why = why;
    log_event(LOG_DEBUG, "run.close", "gen=%s epoch=%lld why=%s us=%lld", run->claimed.generation,
              (long long)run->claimed.epoch, reason_names[why], (long long)now_us);
    run_set_state(run, RUN_CLOSING);
    run_unwatch(run);
    timer_stop(&run->again);
    outbox_reset(&run->outbox, run->outbox.length);
    if (!was_at_work) { /* the usage stands in the ending */
        settle(run);
        return;
    }
    run->is_reading_on = !run->worker->work->work_stop(run->work, may_read_on(run));
    if (run->is_reading_on)
        return;
    metric_observe_us(METRIC_STOP_CLOSE_SECONDS, clock_mono_us() - noticed_us);
    run_closed(run);
}

void run_read_no_more(struct run *run)
{
    if (run->state == RUN_CLOSING && run->is_reading_on &&
        run->worker->work->work_stop(run->work, false))
        run_closed(run);
}

static void on_stopped(int status, const struct stop_answer *answer, void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    run->is_asking_flag = false;
    run_let_go(run);
    if (run->state > RUN_FINISHING)
        return;
    if (status == 0 && !span_is(answer->outcome, "no_flag")) {
        run_close(run, CLOSE_STOPPED);
        return;
    }
    run->noticed_us = 0;
    timer_start(&run->again, status == 0 ? NO_FLAG_AGAIN_MS : AGAIN_MS); /* then it goes on */
}

void run_flagged(struct run *run)
{
    const struct claimed *c = &run->claimed;
    if (run->state > RUN_FINISHING || run->is_asking_flag)
        return;
    struct id token = id_mint("req");
    const struct stop stop = {
        .tenant = c->tenant,
        .chat = "",
        .generation = c->generation,
        .reason = "flag",
        .request_token = token.text,
        .seen = -1,
    };
    run->is_asking_flag = true;
    run->noticed_us = clock_mono_us();
    log_event(LOG_DEBUG, "run.flag", "gen=%s epoch=%lld us=%lld", c->generation,
              (long long)c->epoch, (long long)run->noticed_us);
    run_hold(run);
    stop_request(run->worker->bus, &stop, on_stopped, run);
}
