/* The end that we say: finish, or back to the queue. It is said when everything that was put lies
 * in the log, and said again until Redis answers what became of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "common/worker_inner.h"
#include "wire/limits.h"

enum { AGAIN_MS = 1000, ODD_ANSWERS_MAX = 5, NO_RELEASE = -1 };

void run_finish(struct run *run, const struct run_end *end)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (run_is_over(run))
        return;
    if (end->parked.len > LIMIT_PARKED) {
        run_fail(run, ERR_OUTPUT_LIMIT, "What the graph would go on from is too large.");
        return;
    }
    ending_set(&run->ending, end);
    run->release_ms = NO_RELEASE;
    run_set_state(run, RUN_FINISHING);
    timer_stop(&run->again);
    run_dirty(run);
}

void run_release(struct run *run, int64_t delay_ms)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (run_is_over(run))
        return;
    run->release_ms = delay_ms;
    run->ending.usage = run_usage(run);
    run_set_state(run, RUN_FINISHING);
    timer_stop(&run->again);
    run_dirty(run);
}

void run_note(struct run *run, struct span note)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    mem_free(run->note);
    run->note = span_dup(note);
}

static struct run_end broken_end(const struct run *run, int code, const char *message)
{
    bool is_shown = run_has_shown(run);
    struct usage usage = run->ending.state != NULL ? run->ending.usage : run_usage(run);
    usage.is_settled = true; /* the work is over: nothing more will be learnt */
    return (struct run_end){
        .state = is_shown ? "interrupted" : "failed",
        .usage = usage,
        .code = code,
        .message = message,
        .is_resumable = is_shown,
    };
}

void run_fail(struct run *run, int code, const char *message)
{
    struct run_end end = broken_end(run, code, message);
    run_finish(run, &end);
}

/* Another end than the one that was to be said. */
static void end_otherwise(struct run *run, int code, const char *message)
{
    struct run_end end = broken_end(run, code, message);
    ending_set(&run->ending, &end);
    run->release_ms = NO_RELEASE;
    run_dirty(run);
}

static void stop_work(struct run *run)
{
    if (!run_is_over(run))
        (void)run->worker->work->work_stop(run->work, false); /* without read_on it is closed now */
}

void run_break_off(struct run *run, int64_t length, const char *message)
{
    stop_work(run);
    outbox_reset(&run->outbox, length);
    if (run->state == RUN_FINISHING)
        end_otherwise(run, ERR_WORKER_LOST, message);
    else
        run_fail(run, ERR_WORKER_LOST, message);
}

void run_drain(struct run *run)
{
    static const char message[] = "The worker was shut down before the reply was complete.";
    const char *policy = run->claimed.on_interrupt;
    bool may_return = strcmp(policy, "continue") == 0 || strcmp(policy, "restart") == 0;
    if (run_is_over(run))
        return;
    stop_work(run);
    if (!run_has_shown(run) || may_return)
        run_release(run, 0);
    else
        run_fail(run, ERR_DRAINED, message);
}

/* Answers. */

static void answer_odd(struct run *run, int status)
{
    log_event(LOG_DEBUG, "run.odd_answer", "gen=%s status=%s", run->claimed.generation,
              err_name(status));
    if (status != -ERR_UNAVAILABLE && ++run->odd_answers > ODD_ANSWERS_MAX)
        run_close(run, CLOSE_ABANDONED);
    else
        timer_start(&run->again, AGAIN_MS);
}

/* True when the answer is still wanted. */
static bool take_answer(struct run *run)
{
    run->is_asked = false;
    run_let_go(run);
    return run->state == RUN_FINISHING;
}

static void answer_behind(struct run *run, int64_t length)
{
    if (outbox_logged(&run->outbox, length, clock_mono_ms()))
        run_dirty(run); /* what is missing goes first */
    else
        run_break_off(run, length, "The log lost events that are no longer kept.");
}

static void on_finished(int status, const struct finish_answer *answer, void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    if (!take_answer(run))
        return;
    if (status == -ERR_MALFORMED && strcmp(run->ending.state, "done") == 0)
        end_otherwise(run, ERR_INTERNAL, "The chat's record is damaged and cannot take the turn.");
    else if (status != 0)
        answer_odd(run, status);
    else if (answer->outcome == FINISH_MINE)
        run_leave(run, RUN_KEPT, run->ending.state);
    else if (answer->outcome == FINISH_BEHIND)
        answer_behind(run, answer->length);
    else if (answer->outcome == FINISH_OTHER && span_is(answer->state, "failed"))
        run_leave(run, RUN_GONE, "failed"); /* what it was to replace is gone: it has the usage */
    else
        run_close(run, answer->outcome == FINISH_OTHER ? CLOSE_STOPPED : CLOSE_FENCED);
}

static void on_released(int status, struct span outcome, void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    if (!take_answer(run))
        return;
    if (status != 0) {
        answer_odd(run, status);
    } else if (span_is(outcome, "released") || span_is(outcome, "queued")) {
        metric_add(METRIC_RELEASED, 1);
        run_leave(run, RUN_GONE, "released");
    } else if (span_is(outcome, "shown")) {
        end_otherwise(run, ERR_DRAINED, NULL);
    } else {
        run_close(run, span_is(outcome, "stopped") ? CLOSE_STOPPED : CLOSE_FENCED);
    }
}

void run_conclude(struct run *run)
{
    const struct claimed *c = &run->claimed;
    if (run->is_asked)
        return;
    run->is_asked = true;
    run_hold(run);
    if (run->release_ms != NO_RELEASE) {
        const struct lease lease = {c->tenant, c->generation, c->token};
        queue_release(run->worker->bus, &lease, run->release_ms, span_of(run->note), on_released,
                      run);
        return;
    }
    struct finish finish = ending_finish(&run->ending, c, run->outbox.length);
    turn_finish(run->worker->bus, &finish, on_finished, run);
}

void run_repeat(struct run *run)
{
    run_set_state(run, RUN_FINISHING);
    run->worker->kept--;
    run->worker->kept_bytes -= run->kept_bytes;
    run_doubt(run);
}
