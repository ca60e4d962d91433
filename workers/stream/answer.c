/* One generation as one model call: its life, its pieces and its ends. Invariant: at most one of a
 * place in line, a look at the history and a call is under way, and none once the run is over, but
 * for a call that is read on silently for its usage. */
#include "stream/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "stream/answer_inner.h"
#include "wire/limits.h"

struct answer *answer_of(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return a;
}

/* Ends. */

static struct usage usage_now(const struct answer *a)
{
    if (a->call == NULL)
        return a->usage;
    return a->was_asked ? llm_usage(a->call) : a->usage;
}

/* The call is over, or is closed now. */
static void call_ended(struct answer *a, struct usage usage)
{
    if (a->was_asked)
        a->usage = usage;
    a->call = NULL;
    metric_add(METRIC_PROVIDER_OPEN, -1);
    place_give(&a->place);
}

static void cancel_call(struct answer *a)
{
    struct llm_call *call = a->call;
    if (call == NULL)
        return;
    struct usage usage = llm_usage(call);
    llm_cancel(call);
    call_ended(a, usage);
}

static void end_broken(struct answer *a, const char *state, int code, const char *message,
                       int provider_status)
{
    a->usage.is_settled = true;
    const struct run_end end = {
        .state = state,
        .usage = a->usage,
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

void answer_give_back(struct answer *a, int64_t delay_ms)
{
    place_give(&a->place);
    run_release(a->run, delay_ms);
}

static void end_too_large(struct answer *a)
{
    cancel_call(a);
    end_broken(a, "failed", ERR_OUTPUT_LIMIT, NULL, 0);
}

static void end_done(struct answer *a, const char *finish_reason)
{
    const struct claimed *c = run_claimed(a->run);
    struct buf reply, output;
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
                                                .usage = a->usage});
    const struct run_end end = {
        .state = "done",
        .usage = a->usage,
        .finish_reason = span_of(finish_reason),
        .reply = c->is_stateless ? SPAN_NONE : buf_as_span(&reply),
        .output = c->is_stateless ? buf_as_span(&output) : SPAN_NONE,
        .model = answer_model(a),
        .system = answer_system(a),
    };
    if (buf_error(&reply) != 0 || buf_error(&output) != 0)
        end_broken(a, "failed", ERR_OUTPUT_LIMIT, NULL, 0);
    else
        run_finish(a->run, &end);
    buf_release(&reply);
    buf_release(&output);
}

/* The call's hooks. */

static void on_connected(void *arg)
{
    struct answer *a = answer_of(arg);
    a->was_asked = true;
    if (!a->is_silent)
        run_enter(a->run, RUN_PREFILL);
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct answer *a = answer_of(arg);
    if (a->is_silent)
        return;
    metric_add(METRIC_TOKENS_OUT, 1);
    run_enter(a->run, RUN_STREAMING);
    if (run_put_piece(a->run, piece) != 0)
        end_too_large(a);
    else
        reply_put_piece(&a->reply, piece);
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct answer *a = answer_of(arg);
    struct call_piece dated = *call;
    if (a->is_silent)
        return;
    metric_add(METRIC_TOKENS_OUT, 1);
    run_enter(a->run, RUN_STREAMING);
    if (call->kind == EVENT_TOOL_CALL)
        dated.at_ms = clock_wall_ms();
    if (run_put_call(a->run, &dated) != 0)
        end_too_large(a);
    else
        reply_put_call(&a->reply, &dated);
}

static void on_done(const struct llm_result *result, void *arg)
{
    struct answer *a = answer_of(arg);
    call_ended(a, result->usage);
    a->usage.is_settled = true;
    if (a->is_silent)
        run_closed(a->run);
    else
        end_done(a, result->finish_reason);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct answer *a = answer_of(arg);
    bool may_go_on = run_has_shown(a->run) && failure->code != -ERR_OUTPUT_LIMIT;
    metric_add(METRIC_PROVIDER_ERRORS, 1);
    call_ended(a, failure->usage);
    a->usage.is_settled = true;
    if (a->is_silent)
        run_closed(a->run);
    else
        end_broken(a, may_go_on ? "interrupted" : "failed", failure->code, failure->message,
                   failure->provider_status);
}

/* The call itself. */

void answer_call(struct answer *a, const struct llm_request *request)
{
    const struct llm_hooks hooks = {.on_connected = on_connected,
                                    .on_piece = on_piece,
                                    .on_call = on_call,
                                    .on_done = on_done,
                                    .on_failed = on_failed,
                                    .arg = a};
    struct worker *worker = run_worker(a->run);
    struct err err;
    if (llm_start(worker_loop(worker), worker_fetcher(worker), &a->model, request, &hooks, &a->call,
                  &err) != 0) {
        answer_fail(a, ERR_PROVIDER_REFUSED, err.message);
        return;
    }
    metric_add(METRIC_PROVIDER_REQUESTS, 1);
    metric_add(METRIC_PROVIDER_OPEN, 1);
    run_enter(a->run, RUN_CONNECTING);
}

/* The work. */

static void answer_start(void *work)
{
    answer_ask(answer_of(work));
}

static bool answer_stop(void *work, bool read_on)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    if (read_on && a->call != NULL && a->was_asked) {
        llm_resume(a->call);
        return false;
    }
    cancel_call(a);
    place_give(&a->place);
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
    return usage_now(a);
}

static void *answer_new(struct run *run)
{
    struct answer *a = MEM_NEW(struct answer);
    const struct conf *conf = worker_conf(run_worker(run));
    a->magic = ANSWER_MAGIC;
    a->run = run;
    /* An earlier claim may have asked: then nobody knows. */
    a->usage = run_claimed(run)->epoch == 1 ? usage_none() : usage_unknown();
    reply_init(&a->reply, 8 * (size_t)conf->limits_output); /* calls are kept as JSON */
    return a;
}

static void answer_free(void *work)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    place_drop(&a->place); /* held in the teardown only, where nobody shall be served */
    cancel_call(a);
    reply_release(&a->reply);
    conf_model_free(a->conf_model);
    a->magic = 0;
    mem_free(a);
}

static void *shared_new(struct worker *worker)
{
    if (worker_conf(worker)->model_count == 0)
        log_event(LOG_WARN, "worker.no_model", "hint=models");
    return places_new();
}

static void shared_free(void *shared)
{
    places_free(shared);
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
