/* The stream of Ollama's chat: a JSON object per line, the last one with `"done": true`. Tool calls
 * come whole, their arguments as an object. Knows nothing of sockets. Invariant: LLM_FINAL only
 * after a line that is done and says no error. */
#include "base/mem.h"
#include "llm/tool_calls.h"

enum { READER_MAGIC = 0x6f6c6c72 };

struct ollama_reader {
    uint32_t magic;
    struct llm_reading *reading;
    int64_t text_part, reasoning_part; /* LLM_NO_PART until begun */
    struct tool_calls calls;
};

static void *ollama_reader_new(struct llm_reading *reading)
{
    struct ollama_reader *r = MEM_NEW(struct ollama_reader);
    r->magic = READER_MAGIC;
    r->reading = reading;
    r->text_part = r->reasoning_part = LLM_NO_PART;
    return r;
}

static void ollama_reader_free(void *reader)
{
    struct ollama_reader *r = reader;
    if (r == NULL)
        return;
    CHECK_MAGIC(r, READER_MAGIC);
    tool_calls_release(&r->calls);
    r->magic = 0;
    mem_free(r);
}

/* `call` is raw, so that no number of its arguments changes; `view` the same as a value. */
static int read_call(struct ollama_reader *r, const struct json *view, struct span call)
{
    struct span function = json_raw(call, "function");
    struct span arguments = function.ptr == NULL ? SPAN_NONE : json_raw(function, "arguments");
    const struct json *given = json_get(json_get(view, "function"), "arguments");
    struct tool_call *added = tool_calls_add(&r->calls, r->reading, (int64_t)r->calls.count,
                                             json_string(json_get(view, "id")));
    if (added == NULL)
        return r->reading->failure.code;
    if (json_type(given) == JSON_STRING) /* of a server that only resembles it */
        arguments = json_string(given);
    if (json_type(given) == JSON_NULL)
        arguments = SPAN_LIT("{}");
    return tool_call_grow(added, r->reading,
                          json_string(json_get(json_get(view, "function"), "name")), arguments);
}

static int read_calls(struct ollama_reader *r, const struct json *message, struct span raw)
{
    const struct json *calls = json_get(message, "tool_calls");
    if (json_type(calls) != JSON_ARRAY)
        return 0;
    struct json_walk walk = json_walk_array(json_raw(raw, "tool_calls"));
    struct span name, call;
    int result = 0;
    for (size_t i = 0; result == 0 && !r->reading->is_over && json_walk_next(&walk, &name, &call);
         i++)
        result = read_call(r, json_at(calls, i), call);
    return result;
}

/* Counts that are left out are not told: a prompt that was cached wholly has none. */
static void read_usage(struct ollama_reader *r, const struct json *root)
{
    struct usage usage = {
        .input = llm_tokens(root, "prompt_eval_count"),
        .output = llm_tokens(root, "eval_count"),
        .cached = llm_tokens(root, "prompt_eval_cached_count"),
        .reasoning = -1,
        .source = USAGE_PROVIDER,
        .is_settled = true,
    };
    if (usage.input >= 0 || usage.output >= 0)
        r->reading->usage = usage;
}

static int read_done(struct ollama_reader *r, const struct json *root)
{
    static const struct llm_reason reasons[] = {{"length", "length"}, {NULL, "stop"}};
    r->reading->finish_reason = llm_reason(reasons, json_string(json_get(root, "done_reason")));
    if (r->calls.count > 0)
        r->reading->finish_reason = "tool_calls";
    read_usage(r, root);
    tool_calls_say(&r->calls, r->reading);
    return LLM_FINAL;
}

static int read_line(struct ollama_reader *r, const struct json *root, struct span data)
{
    const struct json *message = json_get(root, "message");
    int result = failure_from_event(&r->reading->failure, root);
    if (result != 0)
        return result;
    llm_say_text(r->reading, EVENT_REASONING, &r->reasoning_part,
                 json_string(json_get(message, "thinking")));
    llm_say_text(r->reading, EVENT_DELTA, &r->text_part, json_string(json_get(message, "content")));
    result = read_calls(r, message, json_raw(data, "message"));
    if (result == 0 && !r->reading->is_over && json_bool(json_get(root, "done"), false))
        result = read_done(r, root);
    return result;
}

static int ollama_read(void *reader, struct span data)
{
    struct ollama_reader *r = reader;
    CHECK_MAGIC(r, READER_MAGIC);
    struct json_doc *doc;
    int result = llm_parse(r->reading, data, &doc);
    if (result != 0)
        return result;
    result = read_line(r, json_root(doc), data);
    json_free(doc);
    return result;
}

const struct llm_format llm_ollama = {
    .name = "ollama",
    .path = "/api/chat",
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
    .content_type = "application/x-ndjson",
    .framing = FRAMING_LINES,
    .write_request = ollama_write_request,
    .reader_new = ollama_reader_new,
    .read = ollama_read,
    .reader_free = ollama_reader_free,
};
