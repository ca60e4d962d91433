/* One generation as model calls, one after the other: its life and its ends. Invariant: at most one
 * of a wait, a place in line, a look at the history and a call is under way, and none once the run
 * is over, but for a call that is read on silently for its usage. */
#include "stream/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "stream/answer_inner.h"
#include "wire/limits.h"

struct answer *answer_of(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return a;
}

struct answers *answers_of(const struct answer *a)
{
    return worker_shared(run_worker(a->run));
}

struct span answer_model(const struct answer *a)
{
    return a->conf_model == NULL ? SPAN_NONE : span_of(a->conf_model->name);
}

struct span answer_system(const struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    return c->job.system.ptr != NULL ? c->job.system : span_of(c->chat_system);
}

struct usage answer_usage_now(const struct answer *a)
{
    struct usage told = a->call != NULL ? llm_usage(a->call) : a->spending.told;
    return spending_usage(&a->spending, told, &a->reply);
}

/* Ends. */

static void end_broken(struct answer *a, const char *state, int code, const char *message,
                       int provider_status)
{
    struct usage usage = answer_usage_now(a);
    usage.is_settled = true;
    const struct run_end end = {
        .state = state,
        .usage = usage,
        .code = code,
        .message = message,
        .provider_status = provider_status,
        .is_resumable = !a->reply.has_calls, /* a call that was begun may have taken effect */
        .model = answer_model(a),
        .system = answer_system(a),
    };
    run_finish(a->run, &end);
}

void answer_fail(struct answer *a, int code, const char *message)
{
    place_give(&a->place);
    end_broken(a, "failed", code, message, 0);
}

void answer_break(struct answer *a, int code, const char *message, int provider_status)
{
    place_give(&a->place);
    end_broken(a, reply_is_empty(&a->reply) ? "failed" : "interrupted", code, message,
               provider_status);
}

void answer_give_back(struct answer *a, int64_t delay_ms)
{
    place_give(&a->place);
    answer_note(a);
    run_release(a->run, delay_ms);
}

void answer_done(struct answer *a, const char *finish_reason)
{
    const struct claimed *c = run_claimed(a->run);
    struct usage usage = answer_usage_now(a);
    struct buf reply, output;
    usage.is_settled = true;
    buf_init(&reply, LIMIT_MP_BYTES);
    buf_init(&output, LIMIT_MP_BYTES);
    if (c->is_stateless)
        reply_put_output(&output, &a->reply);
    else
        reply_put_message(&reply, &a->reply,
                          &(struct reply_facts){.id = span_of(c->message_id),
                                                .generation = span_of(c->generation),
                                                .model = answer_model(a),
                                                .finish_reason = span_of(finish_reason),
                                                .created_at_ms = clock_wall_ms(),
                                                .usage = usage});
    const struct run_end end = {
        .state = "done",
        .usage = usage,
        .finish_reason = span_of(finish_reason),
        .reply = c->is_stateless ? SPAN_NONE : buf_as_span(&reply),
        .output = c->is_stateless ? buf_as_span(&output) : SPAN_NONE,
        .model = answer_model(a),
        .system = answer_system(a),
    };
    if (buf_error(&reply) != 0 || buf_error(&output) != 0)
        answer_fail(a, ERR_OUTPUT_LIMIT, NULL);
    else
        run_finish(a->run, &end);
    buf_release(&reply);
    buf_release(&output);
}

/* The work. */

static void answer_start(void *work)
{
    struct answer *a = answer_of(work);
    if (run_claimed(a->run)->was_shown)
        answer_resume(a);
    else
        answer_try(a);
}

static bool answer_stop(void *work, bool read_on)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    timer_stop(&a->wait);
    if (read_on && a->call != NULL && a->spending.was_asked) {
        llm_resume(a->call);
        return false;
    }
    answer_cancel(a);
    place_give(&a->place);
    if (!run_is_over(a->run))
        answer_note(a); /* it may go back to the queue */
    return true;
}

static void answer_hold(void *work, bool is_held)
{
    struct answer *a = answer_of(work);
    if (a->call == NULL)
        return;
    if (is_held)
        llm_pause(a->call);
    else
        llm_resume(a->call);
}

static struct usage answer_usage(const void *work)
{
    const struct answer *a = work;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return answer_usage_now(a);
}

static void *answer_new(struct run *run)
{
    struct answer *a = MEM_NEW(struct answer);
    const struct conf *conf = worker_conf(run_worker(run));
    const struct claimed *c = run_claimed(run);
    a->magic = ANSWER_MAGIC;
    a->run = run;
    timer_init(&a->wait, worker_loop(run_worker(run)), on_answer_wait, a);
    attempts_init(&a->attempts);
    join_init(&a->join);
    reply_init(&a->reply, 8 * (size_t)conf->limits_output); /* calls are kept as JSON */
    shown_init(&a->shown, &a->reply);
    attempts_read(&a->attempts, span_of(c->attempt));
    spending_init(&a->spending, c->epoch > 1 && a->attempts.epoch != c->epoch - 1);
    a->spending.lost_input = a->attempts.lost_input;
    a->spending.lost_output = a->attempts.lost_output;
    if (c->job_status == 0 && c->job.prefill.len > 0) {
        a->seed = c->job.prefill;
        join_set(&a->join, a->seed, 0, 1);
    }
    return a;
}

static void answer_free(void *work)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    place_drop(&a->place); /* held in the teardown only, where nobody shall be served */
    answer_cancel(a);
    timer_release(&a->wait);
    shown_release(&a->shown);
    reply_release(&a->reply);
    join_release(&a->join);
    attempts_release(&a->attempts);
    conf_model_free(a->conf_model);
    a->magic = 0;
    mem_free(a);
}

static void *shared_new(struct worker *worker)
{
    struct answers *answers = MEM_NEW(struct answers);
    if (worker_conf(worker)->model_count == 0)
        log_event(LOG_WARN, "worker.no_model", "hint=models");
    answers->places =
        places_new(worker_bus(worker), worker_loop(worker), worker_conf(worker)->worker_lease);
    answers->cooling = cooling_new();
    return answers;
}

static void shared_free(void *shared)
{
    struct answers *answers = shared;
    cooling_free(answers->cooling);
    places_free(answers->places);
    mem_free(answers);
}

const struct work answer_work = {
    .kind = "stream",
    .program = "sluice-stream-worker",
    .summary =
        "Runs generations: takes them from the queue, streams the model's output into Redis.",
    .shared_new = shared_new,
    .shared_free = shared_free,
    .work_new = answer_new,
    .work_start = answer_start,
    .work_stop = answer_stop,
    .work_hold = answer_hold,
    .work_usage = answer_usage,
    .work_free = answer_free,
};
