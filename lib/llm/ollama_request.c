/* The request of Ollama's chat (POST /api/chat). Pure. Sampling params stand in `options`, where
 * members of `extra.options` win; other members of `extra` stand beside it. What the format lacks:
 * images by URL and a forced tool choice are refused; `tool_choice: none` leaves the tools out. */
#include "llm/conversation.h"
#include "llm/format.h"
#include "llm/params.h"

static int put_images(struct json_writer *w, const struct message *message, struct err *err)
{
    if (!message_has(message, PART_IMAGE))
        return 0;
    json_open(w, "images", '[');
    for (size_t i = 0; i < message->parts.count; i++) {
        const struct part *part = &message->parts.each[i];
        if (part->kind == PART_IMAGE && part->data.len == 0)
            return err_set(err, ERR_NOT_SUPPORTED, "attachments",
                           "the provider takes images as data only, not by url");
        if (part->kind == PART_IMAGE)
            json_member_str(w, NULL, part->data);
    }
    json_close(w);
    return 0;
}

static void put_calls(struct json_writer *w, const struct message *message)
{
    if (message->call_count == 0)
        return;
    json_open(w, "tool_calls", '[');
    for (size_t i = 0; i < message->call_count; i++) {
        json_open(w, NULL, '{');
        json_member_str(w, "id", message->calls[i].id);
        json_open(w, "function", '{');
        json_member_str(w, "name", message->calls[i].name);
        json_key(w, SPAN_LIT("arguments"));
        message_put_arguments(w->buf, message->calls[i].arguments);
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

static void put_text(struct json_writer *w, const char *name, const struct message *message)
{
    struct buf text;
    buf_init(&text, w->buf->max); /* what is too large here is so in the body */
    message_put_text(&text, message);
    json_member_str(w, name, buf_as_span(&text));
    buf_release(&text);
}

static void put_reasoning(struct json_writer *w, const struct message *message)
{
    for (size_t i = 0; i < message->parts.count; i++) {
        const struct part *part = &message->parts.each[i];
        if (part->kind != PART_REASONING || part->text.len == 0)
            continue;
        json_member_str(w, "thinking", part->text); /* the format has place for one */
        return;
    }
}

static int put_message(struct json_writer *w, const struct conversation *c, size_t at,
                       struct err *err)
{
    static const char *const roles[] = {[ROLE_SYSTEM] = "system",
                                        [ROLE_USER] = "user",
                                        [ROLE_ASSISTANT] = "assistant",
                                        [ROLE_TOOL] = "tool"};
    const struct message *message = &c->messages[at];
    json_open(w, NULL, '{');
    json_member_str(w, "role", span_of(roles[message->role]));
    put_text(w, "content", message);
    put_reasoning(w, message);
    put_calls(w, message);
    if (message->role == ROLE_TOOL) {
        struct span tool = conversation_tool(c, at, message->call_id);
        if (tool.ptr != NULL)
            json_member_str(w, "tool_name", tool);
        json_member_str(w, "tool_call_id", message->call_id);
    }
    int result = put_images(w, message, err);
    if (result == 0)
        json_close(w);
    return result;
}

static int put_messages(struct json_writer *w, const struct conversation *c, struct err *err)
{
    int result = 0;
    json_open(w, "messages", '[');
    for (size_t i = 0; i < c->count && result == 0; i++)
        result = put_message(w, c, i, err);
    if (result == 0)
        json_close(w);
    return result;
}

/* The members that params become: each writes itself, or nothing. */

static int put_options(struct json_writer *w, const struct params *params, struct err *err)
{
    static const char *const none[] = {NULL};
    static const struct {
        const char *name, *theirs;
    } options[] = {{"temperature", "temperature"},
                   {"top_p", "top_p"},
                   {"max_tokens", "num_predict"},
                   {"seed", "seed"}};
    struct span given = params->extra.ptr == NULL ? SPAN_NONE : json_raw(params->extra, "options");
    (void)err;
    json_open(w, "options", '{');
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct span value = params_raw(params, options[i].name);
        if (value.ptr != NULL && json_raw(given, options[i].theirs).ptr == NULL)
            json_member_raw(w, options[i].theirs, value);
    }
    if (json_raw(given, "stop").ptr == NULL)
        params_put_stop(w, "stop", params);
    params_put_extra(w, given, none);
    json_close(w);
    return 0;
}

static int put_format(struct json_writer *w, const struct params *params, struct err *err)
{
    struct params_format format = params_format(params);
    if (format.kind == FORMAT_OTHER)
        return err_set(err, ERR_NOT_SUPPORTED, "params.response_format",
                       "the provider takes a response_format of the types json_object and "
                       "json_schema only");
    if (format.kind == FORMAT_OBJECT)
        json_member_str(w, "format", SPAN_LIT("json"));
    if (format.kind == FORMAT_SCHEMA)
        json_member_raw(w, "format", format.schema);
    return 0;
}

static int put_think(struct json_writer *w, const struct params *params, struct err *err)
{
    static const struct {
        const char *effort, *think;
    } efforts[] = {{"none", "false"},
                   {"minimal", "false"},
                   {"low", "\"low\""},
                   {"high", "\"high\""},
                   {"xhigh", "\"high\""}};
    struct span effort = json_string(params_get(params, "reasoning_effort"));
    const char *think = "\"medium\"";
    (void)err;
    if (effort.len == 0)
        return 0;
    for (size_t i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++)
        if (span_is(effort, efforts[i].effort))
            think = efforts[i].think;
    json_member_raw(w, "think", span_of(think));
    return 0;
}

static int put_tools(struct json_writer *w, const struct params *params, struct err *err)
{
    const struct json *choice = params_get(params, "tool_choice");
    if (json_count(params_get(params, "tools")) == 0 || span_is(json_string(choice), "none"))
        return 0;
    if (choice != NULL && !span_is(json_string(choice), "auto"))
        return err_set(err, ERR_NOT_SUPPORTED, "params.tool_choice",
                       "the provider cannot be made to call a tool");
    json_member_raw(w, "tools", params_raw(params, "tools"));
    return 0;
}

static int put_params(struct json_writer *w, const struct params *params, struct err *err)
{
    static const char *const ours[] = {"model", "messages", "stream", "options", NULL};
    static const struct {
        const char *name; /* NULL: ours alone */
        int (*put)(struct json_writer *w, const struct params *params, struct err *err);
    } members[] = {
        {NULL, put_options}, {"format", put_format}, {"think", put_think}, {"tools", put_tools}};
    int result = 0;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && result == 0; i++)
        if (members[i].name == NULL || !params_has_extra(params, members[i].name))
            result = members[i].put(w, params, err);
    params_put_extra(w, params->extra, ours);
    return result;
}

int ollama_write_request(struct buf *body, const struct llm_model *model,
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
        json_open(&w, NULL, '{');
        json_member_str(&w, "model", span_of(model->model));
        json_member_bool(&w, "stream", true);
        result = put_messages(&w, &c, err);
    }
    if (result == 0)
        result = put_params(&w, &params, err);
    if (result == 0)
        json_close(&w);
    conversation_release(&c);
    params_close(&params);
    return result;
}
