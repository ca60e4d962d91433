/* The request of OpenAI's chat completions (POST /v1/chat/completions, openai/openai-openapi):
 * model, messages, stream, then the params and what `extra` adds. Pure. Invariant: no member is
 * written twice, so that a provider never has to choose. */
#include "llm/format.h"

/* Members that are ours: without them the stream could not be read. However their name is spelled:
 * \u006dodel is model. */
static bool is_ours(struct span name)
{
    static const char *const ours[] = {"model", "messages", "stream", "stream_options"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (json_name_is(name, ours[i]))
            return true;
    return false;
}

static void put_member(struct buf *b, struct span raw_name, struct span raw_value)
{
    (void)buf_printf(b, ",\"%.*s\":", SPAN_ARG(raw_name)); /* the caller looks at buf_error */
    (void)buf_span(b, raw_value);
}

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

static void put_params(struct buf *b, struct span params)
{
    if (params.len == 0)
        return;
    struct span extra = json_raw(params, "extra");
    bool has_extra = extra.len > 0 && extra.ptr[0] == '{';
    struct json_walk walk = json_walk_object(params);
    struct span name;
    struct span value;
    while (json_walk_next(&walk, &name, &value))
        if (!is_ours(name) && !json_name_is(name, "extra") &&
            !(has_extra && has_member(extra, name)))
            put_member(b, name, value);
    if (!has_extra)
        return;
    walk = json_walk_object(extra);
    while (json_walk_next(&walk, &name, &value))
        if (!is_ours(name))
            put_member(b, name, value);
}

static void put_message(struct json_writer *w, const struct llm_message *message)
{
    json_open(w, NULL, '{');
    json_member_str(w, "role", span_of(message->role));
    json_member_str(w, "content", message->content);
    if (message->tool_calls.len > 0)
        json_member_raw(w, "tool_calls", message->tool_calls);
    if (message->tool_call_id.ptr != NULL)
        json_member_str(w, "tool_call_id", message->tool_call_id);
    json_close(w);
}

static void put_messages(struct json_writer *w, const struct llm_request *request)
{
    json_open(w, "messages", '[');
    if (request->system.len > 0)
        put_message(w, &(struct llm_message){.role = "system", .content = request->system});
    if (request->raw_messages.len > 0) {
        struct json_walk walk = json_walk_array(request->raw_messages);
        struct span name;
        struct span value;
        while (json_walk_next(&walk, &name, &value))
            json_member_raw(w, NULL, value);
    } else {
        for (size_t i = 0; i < request->message_count; i++)
            put_message(w, &request->messages[i]);
    }
    if (request->prefill.len > 0)
        put_message(w, &(struct llm_message){.role = "assistant", .content = request->prefill});
    json_close(w);
}

int openai_write_request(struct buf *body, const struct llm_model *model,
                         const struct llm_request *request, struct err *err)
{
    (void)err;
    struct json_writer w = json_writer(body);
    json_open(&w, NULL, '{');
    json_member_str(&w, "model", span_of(model->model));
    put_messages(&w, request);
    json_member_bool(&w, "stream", true);
    json_open(&w, "stream_options", '{');
    json_member_bool(&w, "include_usage", true);
    json_close(&w);
    put_params(body, request->params);
    json_close(&w);
    return 0;
}
