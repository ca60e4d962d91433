/* The reply in memory. */
#include "model/reply.h"

#include "model/estimate.h"
#include "wire/json.h"

static void text_init(struct reply_text *t, size_t max_bytes)
{
    buf_init(&t->text, max_bytes);
    t->part = -1;
}

void reply_init(struct reply *r, size_t max_bytes)
{
    text_init(&r->content, max_bytes);
    text_init(&r->reasoning, max_bytes);
    text_init(&r->refusal, max_bytes);
    buf_init(&r->calls, max_bytes);
    r->has_calls = false;
}

void reply_release(struct reply *r)
{
    buf_release(&r->content.text);
    buf_release(&r->reasoning.text);
    buf_release(&r->refusal.text);
    buf_release(&r->calls);
}

static void text_reset(struct reply_text *t)
{
    buf_reset(&t->text);
    t->part = -1;
}

void reply_reset(struct reply *r)
{
    text_reset(&r->content);
    text_reset(&r->reasoning);
    text_reset(&r->refusal);
    buf_reset(&r->calls);
    r->has_calls = false;
}

int64_t reply_tokens(const struct reply *r)
{
    return estimate_tokens(buf_as_span(&r->content.text)) +
           estimate_tokens(buf_as_span(&r->reasoning.text)) +
           estimate_tokens(buf_as_span(&r->refusal.text)) + estimate_tokens(buf_as_span(&r->calls));
}

bool reply_is_empty(const struct reply *r)
{
    return !r->has_calls && r->content.part < 0 && r->reasoning.part < 0 && r->refusal.part < 0;
}

static void text_put(struct reply_text *t, int64_t part, struct span text)
{
    if (text.len == 0)
        return; /* a signature alone */
    if (t->part >= 0 && t->part != part)
        (void)buf_text(&t->text, "\n\n"); /* a full buffer shows in the message's own */
    (void)buf_span(&t->text, text);
    t->part = part;
}

void reply_put_piece(struct reply *r, const struct piece *piece)
{
    if (piece->kind == EVENT_DELTA)
        text_put(&r->content, piece->part, piece->text);
    else if (piece->kind == EVENT_REASONING)
        text_put(&r->reasoning, piece->part, piece->text);
    else
        text_put(&r->refusal, piece->part, piece->text);
}

void reply_put_call(struct reply *r, const struct call_piece *call)
{
    r->has_calls = true;
    if (call->kind != EVENT_TOOL_CALL)
        return;
    if (r->calls.len > 0)
        (void)buf_byte(&r->calls, ',');
    struct json_writer w = json_writer(&r->calls);
    json_open(&w, NULL, '{');
    json_member_str(&w, "call_id", call->call_id);
    json_member_str(&w, "name", call->name);
    json_member_str(&w, "arguments", call->arguments);
    json_close(&w);
}

static struct span text_or_none(const struct buf *text)
{
    return text->len == 0 ? SPAN_NONE : buf_as_span(text);
}

/* As JSON text; nothing is appended when there are none. */
static void put_calls(struct buf *out, const struct reply *r)
{
    if (r->calls.len == 0)
        return;
    (void)buf_byte(out, '['); /* the caller looks at buf_error */
    (void)buf_span(out, buf_as_span(&r->calls));
    (void)buf_byte(out, ']');
}

void reply_put_message(struct buf *out, const struct reply *r, const struct reply_facts *facts)
{
    struct span content = buf_as_span(&r->content.text);
    struct buf calls, usage;
    buf_init(&calls, r->calls.max + 2);
    buf_init(&usage, 1024);
    put_calls(&calls, r);
    usage_put_json(&usage, &facts->usage);
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", 1);
    mp_field_str(&f, "id", facts->id);
    mp_field_str(&f, "role", SPAN_LIT("assistant"));
    mp_field_str(&f, "content", content.len > 0 ? content : buf_as_span(&r->refusal.text));
    mp_field_int(&f, "created_at", facts->created_at_ms);
    mp_field_str(&f, "generation_id", facts->generation);
    mp_field_str(&f, "reasoning", text_or_none(&r->reasoning.text));
    mp_field_str(&f, "tool_calls", text_or_none(&calls));
    mp_field_str(&f, "model", facts->model);
    mp_field_str(&f, "finish_reason", facts->finish_reason);
    mp_field_str(&f, "usage", buf_as_span(&usage));
    mp_field_str(&f, "metadata", facts->metadata);
    mp_fields_end(&f);
    buf_release(&usage);
    buf_release(&calls);
}

void reply_put_output(struct buf *out, const struct reply *r)
{
    struct buf calls;
    buf_init(&calls, r->calls.max + 2);
    put_calls(&calls, r);
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_str(&w, "text", text_or_none(&r->content.text));
    json_member_str(&w, "reasoning", text_or_none(&r->reasoning.text));
    json_member_raw(&w, "tool_calls", text_or_none(&calls)); /* none: null */
    json_close(&w);
    buf_release(&calls);
}
