/* The request of Anthropic's Messages (POST /v1/messages): the conversation as blocks. Pure.
 * Invariants: messages alternate between user and assistant, none is empty, and what answers tools
 * stands where it was said, in a message of the user.
 *
 * System messages, wherever they stand, become the one `system`. Text at the very end of the
 * assistant loses its trailing white space, which the provider refuses. */
#include "llm/anthropic.h"

static void put_block(struct json_writer *w, const char *type, const char *name, struct span text)
{
    json_open(w, NULL, '{');
    json_member_str(w, "type", span_of(type));
    json_member_str(w, name, text);
    json_close(w);
}

static void put_image(struct json_writer *w, const struct part *part)
{
    bool has_data = part->data.len > 0;
    json_open(w, NULL, '{');
    json_member_str(w, "type", SPAN_LIT("image"));
    json_open(w, "source", '{');
    json_member_str(w, "type", has_data ? SPAN_LIT("base64") : SPAN_LIT("url"));
    if (has_data)
        json_member_str(w, "media_type", part->media_type);
    json_member_str(w, has_data ? "data" : "url", has_data ? part->data : part->url);
    json_close(w);
    json_close(w);
}

/* Reasoning that nobody signed is nothing that the provider would take back. */
static void put_reasoning(struct json_writer *w, const struct part *part)
{
    if (part->signature.len == 0)
        return;
    if (part->text.len == 0) {
        put_block(w, "redacted_thinking", "data", part->signature);
        return;
    }
    json_open(w, NULL, '{');
    json_member_str(w, "type", SPAN_LIT("thinking"));
    json_member_str(w, "thinking", part->text);
    json_member_str(w, "signature", part->signature);
    json_close(w);
}

static void put_parts(struct json_writer *w, const struct message *message)
{
    for (size_t i = 0; i < message->parts.count; i++) {
        const struct part *part = &message->parts.each[i];
        if (part->kind == PART_TEXT)
            put_block(w, "text", "text", part->text);
        else if (part->kind == PART_IMAGE)
            put_image(w, part);
        else if (message->role == ROLE_ASSISTANT)
            put_reasoning(w, part);
    }
}

static void put_calls(struct json_writer *w, const struct message *message)
{
    for (size_t i = 0; i < message->call_count; i++) {
        json_open(w, NULL, '{');
        json_member_str(w, "type", SPAN_LIT("tool_use"));
        json_member_str(w, "id", message->calls[i].id);
        json_member_str(w, "name", message->calls[i].name);
        json_key(w, SPAN_LIT("input"));
        message_put_arguments(w->buf, message->calls[i].arguments);
        json_close(w);
    }
}

static void put_result(struct json_writer *w, const struct message *message)
{
    json_open(w, NULL, '{');
    json_member_str(w, "type", SPAN_LIT("tool_result"));
    json_member_str(w, "tool_use_id", message->call_id);
    if (message->parts.count > 0) {
        json_open(w, "content", '[');
        put_parts(w, message);
        json_close(w);
    }
    json_close(w);
}

static bool has_blocks(const struct message *message)
{
    bool has_part = message_has(message, PART_TEXT) || message_has(message, PART_IMAGE);
    for (size_t i = 0; i < message->parts.count && message->role == ROLE_ASSISTANT; i++)
        has_part = has_part || message->parts.each[i].signature.len > 0;
    return has_part || message->call_count > 0 || message->role == ROLE_TOOL;
}

static void put_messages(struct json_writer *w, const struct conversation *c)
{
    struct span open = SPAN_NONE; /* the role of the message under construction */
    json_open(w, "messages", '[');
    for (size_t i = 0; i < c->count; i++) {
        const struct message *message = &c->messages[i];
        if (message->role == ROLE_SYSTEM || !has_blocks(message))
            continue;
        struct span role =
            message->role == ROLE_ASSISTANT ? SPAN_LIT("assistant") : SPAN_LIT("user");
        if (open.ptr != NULL && !span_equal(open, role)) {
            json_close(w);
            json_close(w);
        }
        if (!span_equal(open, role)) {
            json_open(w, NULL, '{');
            json_member_str(w, "role", role);
            json_open(w, "content", '[');
        }
        open = role;
        if (message->role == ROLE_TOOL)
            put_result(w, message);
        else
            put_parts(w, message);
        put_calls(w, message);
    }
    if (open.ptr != NULL) {
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

static void put_system(struct json_writer *w, const struct conversation *c)
{
    struct buf system;
    buf_init(&system, w->buf->max);
    for (size_t i = 0; i < c->count; i++) {
        if (c->messages[i].role != ROLE_SYSTEM || !message_has(&c->messages[i], PART_TEXT))
            continue;
        if (system.len > 0)
            (void)buf_text(&system, "\n\n"); /* what is too large here is so in the body */
        message_put_text(&system, &c->messages[i]);
    }
    if (system.len > 0)
        json_member_str(w, "system", buf_as_span(&system));
    buf_release(&system);
}

static struct span trim(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n\v\f", text.ptr[text.len - 1]) != NULL &&
           text.ptr[text.len - 1] != '\0')
        text.len--;
    return text;
}

/* What is trimmed away wholly is no part any more. */
static void trim_end(struct conversation *c)
{
    if (!conversation_has_prefill(c))
        return;
    struct parts *parts = &c->messages[c->count - 1].parts;
    while (parts->count > 0 && parts->each[parts->count - 1].kind == PART_TEXT) {
        struct part *last = &parts->each[parts->count - 1];
        last->text = trim(last->text);
        if (last->text.len > 0)
            return;
        parts->count--;
    }
}

int anthropic_write_request(struct buf *body, const struct llm_model *model,
                            const struct llm_request *request, struct err *err)
{
    struct params params;
    struct conversation c;
    struct json_writer w = json_writer(body);
    int result = params_open(&params, request->params, err);
    if (result != 0)
        return result;
    result = conversation_read(&c, request, err);
    if (result == 0) {
        trim_end(&c);
        json_open(&w, NULL, '{');
        json_member_str(&w, "model", span_of(model->model));
        json_member_bool(&w, "stream", true);
        put_system(&w, &c);
        put_messages(&w, &c);
        result = anthropic_put_params(&w, &params, &c, err);
        json_close(&w);
    }
    conversation_release(&c);
    params_close(&params);
    return result;
}
