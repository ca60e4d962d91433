/* One generation as one answer of a model: its life and its ends. Invariant: the ask is over, or
 * cancelled, once the run is, but for a call that is read on silently for its usage. */
#include "stream/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/request.h"
#include "stream/answer_inner.h"
#include "wire/limits.h"

enum { NOTE_BYTES = 4096 };

struct answer *answer_of(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return a;
}

struct span answer_model(const struct answer *a)
{
    const struct conf_model *model = ask_model(a->ask);
    return model == NULL ? SPAN_NONE : span_of(model->name);
}

/* Ends. */

static void end_broken(struct answer *a, const char *state, int code, const char *message,
                       int provider_status)
{
    ask_cancel(a->ask);
    struct usage usage = ask_usage(a->ask);
    usage.is_settled = true;
    const struct run_end end = {
        .state = state,
        .usage = usage,
        .code = code,
        .message = message,
        .provider_status = provider_status,
        .is_resumable = !a->reply.has_calls, /* a call that was begun may have taken effect */
        .model = answer_model(a),
        .system = request_system(run_claimed(a->run)),
    };
    run_finish(a->run, &end);
}

void answer_fail(struct answer *a, int code, const char *message)
{
    end_broken(a, "failed", code, message, 0);
}

void answer_break(struct answer *a, int code, const char *message, int provider_status)
{
    end_broken(a, reply_is_empty(&a->reply) ? "failed" : "interrupted", code, message,
               provider_status);
}

/* What was tried, for the next claim. */
static void leave_note(struct answer *a)
{
    struct buf note;
    buf_init(&note, NOTE_BYTES);
    if (ask_note(a->ask, &note))
        run_note(a->run, buf_as_span(&note));
    buf_release(&note);
}

void answer_give_back(struct answer *a, int64_t delay_ms)
{
    ask_cancel(a->ask);
    leave_note(a);
    run_release(a->run, delay_ms);
}

void answer_done(struct answer *a, const char *finish_reason)
{
    const struct claimed *c = run_claimed(a->run);
    struct usage usage = ask_usage(a->ask);
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
        .system = request_system(c),
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
    if (read_on && ask_read_on(a->ask))
        return false;
    ask_cancel(a->ask);
    if (!run_is_over(a->run))
        leave_note(a); /* it may go back to the queue */
    return true;
}

static void answer_hold(void *work, bool is_held)
{
    ask_hold(answer_of(work)->ask, is_held);
}

static struct usage answer_usage(const void *work)
{
    const struct answer *a = work;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return ask_usage(a->ask);
}

static void *answer_new(struct run *run)
{
    struct answer *a = MEM_NEW(struct answer);
    const struct conf *conf = worker_conf(run_worker(run));
    const struct claimed *c = run_claimed(run);
    const struct ask_hooks hooks = {
        .on_ahead = on_ask_ahead,
        .on_compose = on_ask_compose,
        .on_wait = on_ask_wait,
        .on_connected = on_ask_connected,
        .on_piece = on_ask_piece,
        .on_call = on_ask_call,
        .on_done = on_ask_done,
        .on_failed = on_ask_failed,
        .arg = a,
    };
    a->magic = ANSWER_MAGIC;
    a->run = run;
    a->ask = ask_new(worker_shared(run_worker(run)), c, span_of(c->attempt), &hooks);
    join_init(&a->join);
    reply_init(&a->reply, 8 * (size_t)conf->limits_output); /* calls are kept as JSON */
    shown_init(&a->shown, &a->reply);
    if (c->job_status == 0 && c->job.prefill.len > 0) {
        a->seed = c->job.prefill;
        join_set(&a->join, a->seed, 0, 1);
    }
    return a;
}

static void answer_free(void *work)
{
    struct answer *a = answer_of(work);
    ask_free(a->ask);
    shown_release(&a->shown);
    reply_release(&a->reply);
    join_release(&a->join);
    a->magic = 0;
    mem_free(a);
}

static void *shared_new(struct worker *worker, struct err *err)
{
    (void)err; /* it always can */
    if (worker_conf(worker)->model_count == 0)
        log_event(LOG_WARN, "worker.no_model", "hint=models");
    return desk_new(worker);
}

static void shared_free(void *shared)
{
    desk_free(shared);
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
