/* Three formats are read at once: where they differ, they use different names. */
#include "talk.h"

static bool is_of(const struct json *message, const char *role)
{
    return span_is(json_string(json_get(message, "role")), role);
}

static bool is_type(const struct json *part, const char *type)
{
    return span_is(json_string(json_get(part, "type")), type);
}

struct span talk_text(const struct json *message, bool is_last)
{
    const struct json *content = json_get(message, "content");
    struct span text = json_string(content);
    for (size_t i = 0; json_type(content) == JSON_ARRAY && i < json_count(content); i++) {
        struct span part = json_string(json_get(json_at(content, i), "text"));
        if (part.ptr != NULL && (is_last || text.ptr == NULL))
            text = part;
    }
    return text;
}

/* Anthropic has it beside the messages, as a text or as parts. */
static struct span system_of(const struct json *request, const struct json *messages)
{
    const struct json *system = json_get(request, "system");
    struct span text = json_type(system) == JSON_ARRAY
                           ? json_string(json_get(json_at(system, 0), "text"))
                           : json_string(system);
    for (size_t i = 0; i < json_count(messages) && text.ptr == NULL; i++) {
        const struct json *message = json_at(messages, i);
        if (is_of(message, "system") || is_of(message, "developer"))
            text = talk_text(message, false);
    }
    return text;
}

/* Calls and their results. */

static void add_call(struct talk *t, struct span id, struct span name)
{
    t->calls_before++;
    if (t->call_count < TALK_CALLS_MAX)
        t->calls[t->call_count++] = (struct talk_call){.id = id, .name = name};
}

/* By its call's id; where there is none, results come in the order of the calls. */
static void add_result(struct talk *t, struct span id, struct span text)
{
    for (size_t i = 0; i < t->call_count; i++) {
        struct talk_call *call = &t->calls[i];
        bool is_it = id.ptr == NULL || call->id.ptr == NULL || span_equal(call->id, id);
        if (call->result.ptr == NULL && is_it) {
            call->result = text.ptr == NULL ? SPAN_LIT("") : text;
            return;
        }
    }
}

/* OpenAI and Ollama have a role for results, Anthropic parts of the user's message. */
static bool read_part(struct talk *t, const struct json *part)
{
    if (is_type(part, "tool_use"))
        add_call(t, json_string(json_get(part, "id")), json_string(json_get(part, "name")));
    bool is_result = is_type(part, "tool_result");
    if (is_result)
        add_result(t, json_string(json_get(part, "tool_use_id")), talk_text(part, false));
    return is_result;
}

/* Whether the message tells results. */
static bool read_calls(struct talk *t, const struct json *message)
{
    const struct json *calls = json_get(message, "tool_calls");
    const struct json *content = json_get(message, "content");
    bool has_results = is_of(message, "tool");
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_at(calls, i);
        add_call(t, json_string(json_get(call, "id")),
                 json_string(json_get(json_get(call, "function"), "name")));
    }
    if (has_results)
        add_result(t, json_string(json_get(message, "tool_call_id")), talk_text(message, false));
    for (size_t i = 0; json_type(content) == JSON_ARRAY && i < json_count(content); i++)
        has_results = read_part(t, json_at(content, i)) || has_results;
    return has_results;
}

struct talk talk_read(const struct json *request)
{
    const struct json *messages = json_get(request, "messages");
    struct talk t = {.system = system_of(request, messages)};
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *message = json_at(messages, i);
        struct span text = talk_text(message, false);
        if (is_of(message, "user") && text.ptr != NULL) {
            t.user = text;
            t.call_count = 0;
        }
        t.has_tool_results = read_calls(&t, message);
    }
    const struct json *last = json_at(messages, json_count(messages) - 1);
    if (is_of(last, "assistant"))
        t.prefill = talk_text(last, true);
    return t;
}

/* What may be called. */

static bool may_call(const struct json *request)
{
    const struct json *choice = json_get(request, "tool_choice");
    struct span word = json_string(choice);
    if (word.ptr == NULL)
        word = json_string(json_get(choice, "type"));
    return !span_is(word, "none");
}

size_t talk_tool_count(const struct json *request)
{
    const struct json *tools = json_get(request, "tools");
    return json_type(tools) == JSON_ARRAY && may_call(request) ? json_count(tools) : 0;
}

struct talk_tool talk_tool_at(const struct json *request, size_t index)
{
    const struct json *tool = json_at(json_get(request, "tools"), index);
    const struct json *function = json_get(tool, "function"); /* Anthropic has no such wrapping */
    const struct json *about = function != NULL ? function : tool;
    const struct json *parameters = json_get(about, "parameters");
    return (struct talk_tool){
        .name = json_string(json_get(about, "name")),
        .description = json_string(json_get(about, "description")),
        .parameters = parameters != NULL ? parameters : json_get(about, "input_schema"),
    };
}

bool talk_wants_json(const struct json *request, const struct json **schema)
{
    const struct json *openai = json_get(request, "response_format");
    const struct json *ollama = json_get(request, "format");
    const struct json *anthropic = json_get(json_get(request, "output_config"), "format");
    *schema = json_get(json_get(openai, "json_schema"), "schema");
    if (json_type(ollama) == JSON_OBJECT)
        *schema = ollama;
    else if (anthropic != NULL)
        *schema = json_get(anthropic, "schema");
    return *schema != NULL || is_type(openai, "json_object") ||
           span_is(json_string(ollama), "json");
}
