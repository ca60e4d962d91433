/* What the model says. Invariant: what was put into the log stands in the reply, and nothing else
 * does. */
#include "base/clock.h"
#include "stream/answer_inner.h"

enum { SEED_BYTES = 32 * 1024 };

void on_ask_connected(void *arg)
{
    struct answer *a = answer_of(arg);
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
    return rc;
}

/* False: the run ends now. */
static bool output_comes(struct answer *a)
{
    run_enter(a->run, RUN_STREAMING);
    if (a->seed.len == 0 || put_seed(a) == 0)
        return true;
    answer_fail(a, ERR_OUTPUT_LIMIT, run_limit(a->run));
    return false;
}

void on_ask_piece(const struct piece *piece, void *arg)
{
    struct answer *a = answer_of(arg);
    struct piece joined = *piece;
    if (!output_comes(a) || !join_piece(&a->join, &joined))
        return;
    if (put_text(a, &joined) != 0)
        answer_fail(a, ERR_OUTPUT_LIMIT, run_limit(a->run));
}

void on_ask_call(const struct call_piece *call, void *arg)
{
    struct answer *a = answer_of(arg);
    struct call_piece joined = *call;
    if (!output_comes(a))
        return;
    joined.part = join_part(&a->join, call->part);
    if (call->kind == EVENT_TOOL_CALL)
        joined.at_ms = clock_wall_ms();
    if (run_put_call(a->run, &joined) != 0)
        answer_fail(a, ERR_OUTPUT_LIMIT, run_limit(a->run));
    else
        reply_put_call(&a->reply, &joined);
}

void on_ask_done(const struct llm_result *result, void *arg)
{
    struct answer *a = answer_of(arg);
    if (a->is_silent)
        run_closed(a->run);
    else if (a->seed.len > 0 && put_seed(a) != 0)
        answer_fail(a, ERR_OUTPUT_LIMIT, run_limit(a->run));
    else
        answer_done(a, result->finish_reason);
}

void on_ask_failed(const struct llm_failure *failure, void *arg)
{
    struct answer *a = answer_of(arg);
    if (a->is_silent)
        run_closed(a->run);
    else
        answer_break(a, failure->code, failure->message, failure->provider_status);
}
