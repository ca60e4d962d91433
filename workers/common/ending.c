/* The end of a run as data. */
#include "common/ending.h"

#include "wire/json.h"
#include "wire/limits.h"

enum { TEXT_MAX = 2 * LIMIT_MP_BYTES };

void ending_init(struct ending *e)
{
    *e = (struct ending){.state = NULL};
    for (size_t i = 0; i < ENDING_TEXTS; i++)
        buf_init(&e->texts[i], TEXT_MAX);
}

void ending_release(struct ending *e)
{
    for (size_t i = 0; i < ENDING_TEXTS; i++)
        buf_release(&e->texts[i]);
    ending_init(e);
}

static void set(struct ending *e, enum ending_text which, struct span text)
{
    e->has[which] = text.ptr != NULL && buf_span(&e->texts[which], text) == 0;
}

/* {code, message, retryable, provider_status?, node?} */
static void put_error(struct buf *b, const struct run_end *end)
{
    const char *message = end->message != NULL ? end->message : err_message(end->code);
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "code", span_of(err_name(end->code)));
    json_member_str(&w, "message", span_of(message));
    json_member_bool(&w, "retryable", err_is_retryable(end->code));
    if (end->provider_status != 0)
        json_member_int(&w, "provider_status", end->provider_status);
    if (end->node.ptr != NULL)
        json_member_str(&w, "node", end->node);
    json_close(&w);
}

void ending_set(struct ending *e, const struct run_end *end)
{
    ending_release(e);
    e->state = end->state;
    e->usage = end->usage;
    e->is_resumable = end->is_resumable;
    e->parked_ms = end->parked_ms;
    set(e, ENDING_FINISH_REASON, end->finish_reason);
    set(e, ENDING_MODEL, end->model);
    set(e, ENDING_SYSTEM, end->system);
    set(e, ENDING_REPLY, end->reply);
    set(e, ENDING_OUTPUT, end->output);
    set(e, ENDING_GRAPH, end->graph);
    set(e, ENDING_RESUME, end->resume);
    set(e, ENDING_PARKED, end->parked);
    usage_put_json(&e->texts[ENDING_USAGE], &end->usage);
    e->has[ENDING_USAGE] = true;
    if (end->code == 0)
        return;
    set(e, ENDING_REASON, span_of(err_name(end->code)));
    put_error(&e->texts[ENDING_ERROR], end);
    e->has[ENDING_ERROR] = true;
}

struct span ending_text(const struct ending *e, enum ending_text which)
{
    return e->has[which] ? buf_as_span(&e->texts[which]) : SPAN_NONE;
}

size_t ending_bytes(const struct ending *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < ENDING_TEXTS; i++)
        bytes += e->texts[i].len;
    return bytes;
}

struct finish ending_finish(const struct ending *e, const struct claimed *claimed, int64_t seq)
{
    return (struct finish){
        .tenant = claimed->tenant,
        .generation = claimed->generation,
        .token = claimed->token,
        .state = e->state,
        .expected_seq = seq,
        .reason = ending_text(e, ENDING_REASON),
        .error = ending_text(e, ENDING_ERROR),
        .is_resumable = e->is_resumable,
        .finish_reason = ending_text(e, ENDING_FINISH_REASON),
        .model = ending_text(e, ENDING_MODEL),
        .system = ending_text(e, ENDING_SYSTEM),
        .usage = ending_text(e, ENDING_USAGE),
        .usage_source = usage_source_name(e->usage.source),
        .reply = ending_text(e, ENDING_REPLY),
        .output = ending_text(e, ENDING_OUTPUT),
        .graph = ending_text(e, ENDING_GRAPH),
        .resume = ending_text(e, ENDING_RESUME),
        .parked = ending_text(e, ENDING_PARKED),
        .parked_ms = e->parked_ms,
    };
}
