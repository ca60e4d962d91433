/* The call and what it says. Invariant: what was put into the log stands in the reply, and nothing
 * else does. */
#include "base/clock.h"
#include "base/metric.h"
#include "stream/answer_inner.h"

enum { SEED_BYTES = 32 * 1024, ERROR_STATUS = 400 };

/* The call is over, or is closed now. */
static void call_ended(struct answer *a, struct usage told)
{
    a->spending.told = told;
    a->call = NULL;
    metric_add(METRIC_PROVIDER_OPEN, -1);
    place_give(&a->place);
}

void answer_cancel(struct answer *a)
{
    struct llm_call *call = a->call;
    if (call == NULL)
        return;
    struct usage told = llm_usage(call);
    llm_cancel(call);
    call_ended(a, told);
}

static void end_too_large(struct answer *a)
{
    answer_cancel(a);
    answer_fail(a, ERR_OUTPUT_LIMIT, NULL);
}

/* Hooks. */

static void on_connected(void *arg)
{
    struct answer *a = answer_of(arg);
    a->spending.was_asked = true;
    if (!a->is_silent)
        run_enter(a->run, RUN_PREFILL);
}

static int put_text(struct answer *a, const struct piece *piece)
{
    int rc = run_put_piece(a->run, piece);
    if (rc == 0)
        reply_put_piece(&a->reply, piece);
    return rc;
}

/* What the reply begins with: put with the first of what the provider says, so that until then the
 * request may be tried again. */
static int put_seed(struct answer *a)
{
    struct span rest = a->seed;
    int rc = 0;
    a->seed = SPAN_NONE;
    while (rest.len > 0 && rc == 0) {
        size_t len = rest.len < SEED_BYTES ? rest.len : SEED_BYTES;
        while (len < rest.len && ((unsigned char)rest.ptr[len] & 0xc0) == 0x80)
            len--; /* not within a character */
        rc = put_text(a, &(struct piece){.kind = EVENT_DELTA, .text = {rest.ptr, len}});
        rest = span_make(rest.ptr + len, rest.len - len);
    }
    a->spending.from = reply_mark(&a->reply); /* it counts as input */
    return rc;
}

/* False: the run is over, or ends now. */
static bool output_comes(struct answer *a)
{
    a->spending.pieces++;
    if (a->is_silent)
        return false;
    metric_add(METRIC_TOKENS_OUT, 1);
    run_enter(a->run, RUN_STREAMING);
    if (!a->has_output)
        cooling_end(answers_of(a)->cooling, a->conf_model->name);
    a->has_output = true;
    if (a->seed.len == 0 || put_seed(a) == 0)
        return true;
    end_too_large(a);
    return false;
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct answer *a = answer_of(arg);
    struct piece joined = *piece;
    if (!output_comes(a) || !join_piece(&a->join, &joined))
        return;
    if (put_text(a, &joined) != 0)
        end_too_large(a);
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct answer *a = answer_of(arg);
    struct call_piece joined = *call;
    if (!output_comes(a))
        return;
    joined.part = join_part(&a->join, call->part);
    if (call->kind == EVENT_TOOL_CALL)
        joined.at_ms = clock_wall_ms();
    if (run_put_call(a->run, &joined) != 0)
        end_too_large(a);
    else
        reply_put_call(&a->reply, &joined);
}

static void on_done(const struct llm_result *result, void *arg)
{
    struct answer *a = answer_of(arg);
    cooling_end(answers_of(a)->cooling, a->conf_model->name);
    call_ended(a, result->usage);
    if (a->is_silent)
        run_closed(a->run);
    else if (a->seed.len > 0 && put_seed(a) != 0)
        answer_fail(a, ERR_OUTPUT_LIMIT, NULL);
    else
        answer_done(a, result->finish_reason);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct answer *a = answer_of(arg);
    metric_add(METRIC_PROVIDER_ERRORS, 1);
    call_ended(a, failure->usage);
    a->spending.is_refused = failure->provider_status >= ERROR_STATUS;
    a->failure = *failure;
    if (a->is_silent)
        run_closed(a->run);
    else
        answer_failed(a);
}

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
    spending_begin(&a->spending, request, &a->reply);
    join_begin(&a->join);
    if (llm_start(worker_loop(worker), worker_fetcher(worker), &a->model, request, &hooks, &a->call,
                  &err) != 0) {
        answer_break(a, ERR_PROVIDER_REFUSED, err.message, 0);
        return;
    }
    metric_add(METRIC_PROVIDER_REQUESTS, 1);
    metric_add(METRIC_PROVIDER_OPEN, 1);
    run_enter(a->run, RUN_CONNECTING);
}
