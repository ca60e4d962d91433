/* The request of OpenAI's chat completions (POST /v1/chat/completions, openai/openai-openapi):
 * model, messages, stream, then the params and what `extra` adds. Pure. Invariant: no member is
 * written twice, so that a provider never has to choose.
 *
 * A prefill is a plain last message of the assistant, which most compatible servers go on from;
 * those that want a member besides (vLLM's continue_final_message, which others refuse as unknown)
 * are no models to declare for prefill. */
#include "llm/format.h"
#include "llm/params.h"
#include "llm/parts.h"

/* Members that are ours: without them the stream could not be read. However their name is spelled:
 * \u006dodel is model. */
static const char *const ours[] = {"model", "messages", "stream", "stream_options", NULL};

static bool has_member(struct span object, struct span raw_name)
{
    struct json_walk walk = json_walk_object(object);
    struct span name;
    struct span value;
    while (json_walk_next(&walk, &name, &value))
        if (json_names_match(name, raw_name))
            return true;
    return false;
}

/* The params' names are this format's own. */
static void put_params(struct json_writer *w, struct span params)
{
    struct span extra = params.len == 0 ? SPAN_NONE : json_raw(params, "extra");
    bool has_extra = extra.len > 0 && extra.ptr[0] == '{';
    struct json_walk walk = json_walk_object(params);
    struct span name, value;
    while (json_walk_next(&walk, &name, &value)) {
        if (params_is_ours(name, ours) || json_name_is(name, "extra") ||
            (has_extra && has_member(extra, name)))
            continue;
        json_key_raw(w, name);
        (void)buf_span(w->buf, value); /* the caller looks at buf_error, here and below */
    }
    if (has_extra)
        params_put_extra(w, extra, ours);
}

static void put_image(struct json_writer *w, const struct part *part)
{
    json_open(w, NULL, '{');
    json_member_str(w, "type", SPAN_LIT("image_url"));
    json_open(w, "image_url", '{');
    if (part->data.len == 0) {
        json_member_str(w, "url", part->url);
    } else { /* one string; Base64 has nothing to escape */
        struct buf type;
        buf_init(&type, part->media_type.len * 6 + 2);
        json_put_string(&type, part->media_type);
        json_key(w, SPAN_LIT("url"));
        (void)buf_printf(w->buf, "\"data:%.*s;base64,", (int)type.len - 2, type.ptr + 1);
        (void)buf_span(w->buf, part->data);
        (void)buf_byte(w->buf, '"');
        buf_release(&type);
    }
    json_close(w);
    json_close(w);
}

/* Into an open array. */
static void put_parts(struct json_writer *w, const struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->each[i];
        if (part->kind == PART_IMAGE) {
            put_image(w, part);
            continue;
        }
        json_open(w, NULL, '{');
        json_member_str(w, "type", SPAN_LIT("text"));
        json_member_str(w, "text", part->text);
        json_close(w);
    }
}

static int put_message(struct json_writer *w, const struct llm_message *message, struct err *err)
{
    struct parts parts = {.each = NULL};
    int result = parts_add_attachments(&parts, message->attachments, err);
    json_open(w, NULL, '{');
    json_member_str(w, "role", span_of(message->role));
    if (parts.count == 0) {
        json_member_str(w, "content", message->content);
    } else {
        parts_add_text(&parts, message->content);
        json_open(w, "content", '[');
        put_parts(w, &parts);
        json_close(w);
    }
    if (message->tool_calls.len > 0)
        json_member_raw(w, "tool_calls", message->tool_calls);
    if (message->tool_call_id.ptr != NULL)
        json_member_str(w, "tool_call_id", message->tool_call_id);
    json_close(w);
    parts_release(&parts);
    return result;
}

/* Parts that this format has no place for. */
static bool is_reasoning(struct span part)
{
    struct span type = json_raw(part, "type");
    return type.len > 2 && json_name_is(span_make(type.ptr + 1, type.len - 2), "reasoning");
}

static size_t count_parts(struct span content, bool of_reasoning)
{
    struct json_walk walk = json_walk_array(content);
    struct span name, part;
    size_t count = 0;
    while (json_walk_next(&walk, &name, &part))
        count += is_reasoning(part) == of_reasoning;
    return count;
}

/* What is attached, then the raw content, text or parts, without reasoning. */
static void put_raw_content(struct json_writer *w, struct span content,
                            const struct parts *attached)
{
    struct json_walk walk = json_walk_array(content);
    struct span name, part;
    bool is_text = content.len > 2 && content.ptr[0] == '"';
    if (attached->count + count_parts(content, false) == 0 && !is_text) {
        json_member_null(w, "content");
        return;
    }
    json_open(w, "content", '[');
    put_parts(w, attached);
    if (is_text) {
        json_open(w, NULL, '{');
        json_member_str(w, "type", SPAN_LIT("text"));
        json_member_raw(w, "text", content);
        json_close(w);
    }
    while (json_walk_next(&walk, &name, &part))
        if (!is_reasoning(part))
            json_member_raw(w, NULL, part);
    json_close(w);
}

/* As it came, but for reasoning and what is attached. */
static void put_raw_message(struct json_writer *w, struct span message,
                            const struct parts *attached)
{
    struct json_walk walk = json_walk_object(message);
    struct span name, value;
    if (attached->count == 0 && count_parts(json_raw(message, "content"), true) == 0) {
        json_member_raw(w, NULL, message);
        return;
    }
    json_open(w, NULL, '{');
    while (json_walk_next(&walk, &name, &value)) {
        if (json_name_is(name, "content")) {
            put_raw_content(w, value, attached);
            continue;
        }
        json_key_raw(w, name);
        json_put_raw(w->buf, value);
    }
    json_close(w);
}

static bool is_of_user(struct span message)
{
    struct span role = json_raw(message, "role");
    return role.len > 2 && json_name_is(span_make(role.ptr + 1, role.len - 2), "user");
}

static int put_raw_messages(struct json_writer *w, const struct llm_request *request,
                            struct err *err)
{
    struct parts attached = {.each = NULL};
    const struct parts none = {.each = NULL};
    struct json_walk walk = json_walk_array(request->raw_messages);
    struct span name, message;
    struct span last = SPAN_NONE; /* of the user */
    while (json_walk_next(&walk, &name, &message))
        if (is_of_user(message))
            last = message;
    int result = parts_add_attachments(&attached, request->raw_attachments, err);
    walk = json_walk_array(request->raw_messages);
    while (result == 0 && json_walk_next(&walk, &name, &message))
        put_raw_message(w, message, message.ptr == last.ptr ? &attached : &none);
    parts_release(&attached);
    return result;
}

static int put_messages(struct json_writer *w, const struct llm_request *request, struct err *err)
{
    int result = 0;
    json_open(w, "messages", '[');
    if (request->system.len > 0)
        result = put_message(w, &(struct llm_message){.role = "system", .content = request->system},
                             err);
    if (request->raw_messages.len > 0 && result == 0)
        result = put_raw_messages(w, request, err);
    for (size_t i = 0; request->raw_messages.len == 0 && i < request->message_count; i++)
        if (result == 0)
            result = put_message(w, &request->messages[i], err);
    if (request->prefill.len > 0 && result == 0)
        result = put_message(
            w, &(struct llm_message){.role = "assistant", .content = request->prefill}, err);
    json_close(w);
    return result;
}

int openai_write_request(struct buf *body, const struct llm_model *model,
                         const struct llm_request *request, struct err *err)
{
    struct json_writer w = json_writer(body);
    json_open(&w, NULL, '{');
    json_member_str(&w, "model", span_of(model->model));
    int result = put_messages(&w, request, err);
    json_member_bool(&w, "stream", true);
    json_open(&w, "stream_options", '{');
    json_member_bool(&w, "include_usage", true);
    json_close(&w);
    put_params(&w, request->params);
    json_close(&w);
    return result;
}
