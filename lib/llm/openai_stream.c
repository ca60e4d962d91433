/* The stream of OpenAI's chat completions: chunks of deltas, then `[DONE]`. Assembles tool calls by
 * index, numbers the parts, remembers finish_reason and usage. Knows nothing of sockets. Invariant:
 * LLM_FINAL only after a finish_reason and `[DONE]`. */
#include "base/mem.h"
#include "llm/tool_calls.h"

enum { READER_MAGIC = 0x6f616972 };

struct openai_reader {
    uint32_t magic;
    struct llm_reading *reading;
    int64_t text_part, reasoning_part, refusal_part; /* LLM_NO_PART until begun */
    struct tool_calls calls;
};

static void *openai_reader_new(struct llm_reading *reading)
{
    struct openai_reader *r = MEM_NEW(struct openai_reader);
    r->magic = READER_MAGIC;
    r->reading = reading;
    r->text_part = r->reasoning_part = r->refusal_part = LLM_NO_PART;
    return r;
}

static void openai_reader_free(void *reader)
{
    struct openai_reader *r = reader;
    if (r == NULL)
        return;
    CHECK_MAGIC(r, READER_MAGIC);
    tool_calls_release(&r->calls);
    r->magic = 0;
    mem_free(r);
}

/* The call that a fragment belongs to: the newest with its index, unless the fragment has another
 * id (some servers give every call index 0). */
static struct tool_call *find_call(struct openai_reader *r, int64_t index, struct span id)
{
    for (size_t i = r->calls.count; i > 0; i--) {
        struct tool_call *call = &r->calls.each[i - 1];
        if (call->index == index)
            return id.len == 0 || span_is(id, call->id) ? call : NULL;
    }
    return NULL;
}

static int read_fragment(struct openai_reader *r, const struct json *fragment, size_t place)
{
    int64_t index;
    if (!json_int(json_get(fragment, "index"), &index))
        index = (int64_t)place;
    struct span id = json_string(json_get(fragment, "id"));
    const struct json *function = json_get(fragment, "function");
    struct span name = json_string(json_get(function, "name"));
    struct span arguments = json_string(json_get(function, "arguments"));
    struct tool_call *call = find_call(r, index, id);
    bool says_nothing = call != NULL && arguments.len == 0 && (name.len == 0 || call->name != NULL);
    if (says_nothing)
        return 0;
    if (call == NULL)
        call = tool_calls_add(&r->calls, r->reading, index, id);
    return call == NULL ? r->reading->failure.code
                        : tool_call_grow(call, r->reading, name, arguments);
}

static int read_delta(struct openai_reader *r, const struct json *delta)
{
    const struct json *reasoning = json_get(delta, "reasoning_content");
    if (json_type(reasoning) != JSON_STRING)
        reasoning = json_get(delta, "reasoning");
    llm_say_text(r->reading, EVENT_REASONING, &r->reasoning_part, json_string(reasoning));
    llm_say_text(r->reading, EVENT_DELTA, &r->text_part, json_string(json_get(delta, "content")));
    llm_say_text(r->reading, EVENT_REFUSAL, &r->refusal_part,
                 json_string(json_get(delta, "refusal")));
    const struct json *calls = json_get(delta, "tool_calls");
    if (json_type(calls) != JSON_ARRAY)
        return 0;
    int result = 0;
    for (size_t i = 0; i < json_count(calls) && result == 0 && !r->reading->is_over; i++)
        result = read_fragment(r, json_at(calls, i), i);
    return result;
}

static int read_finish(struct openai_reader *r, struct span reason)
{
    static const struct llm_reason reasons[] = {
        {"length", "length"},
        {"max_tokens", "length"},
        {"tool_calls", "tool_calls"},
        {"function_call", "tool_calls"},
        {"content_filter", "content_filter"},
        {NULL, "stop"},
    };
    if (reason.len == 0)
        return 0;
    if (span_is(reason, "error"))
        return failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                           "the provider ended with finish_reason error");
    r->reading->finish_reason = llm_reason(reasons, reason);
    return 0;
}

/* Some servers tell a running count in every chunk: settled is what comes with or after the
 * finish_reason. */
static void read_usage(struct openai_reader *r, const struct json *usage)
{
    if (json_type(usage) != JSON_OBJECT)
        return;
    r->reading->usage = (struct usage){
        .input = llm_tokens(usage, "prompt_tokens"),
        .output = llm_tokens(usage, "completion_tokens"),
        .cached = llm_tokens(json_get(usage, "prompt_tokens_details"), "cached_tokens"),
        .reasoning = llm_tokens(json_get(usage, "completion_tokens_details"), "reasoning_tokens"),
        .source = USAGE_PROVIDER,
        .is_settled = r->reading->finish_reason != NULL,
    };
}

static int read_chunk(struct openai_reader *r, const struct json *root)
{
    int result = failure_from_event(&r->reading->failure, root);
    const struct json *choices = json_get(root, "choices");
    for (size_t i = 0; json_type(choices) == JSON_ARRAY && i < json_count(choices) && result == 0;
         i++) {
        const struct json *choice = json_at(choices, i);
        int64_t index;
        if (json_int(json_get(choice, "index"), &index) && index != 0)
            continue; /* further choices were not asked for */
        result = read_delta(r, json_get(choice, "delta"));
        if (result == 0)
            result = read_finish(r, json_string(json_get(choice, "finish_reason")));
    }
    if (result == 0)
        read_usage(r, json_get(root, "usage"));
    return result;
}

static int read_done(struct openai_reader *r)
{
    if (r->reading->finish_reason == NULL)
        return failure_set(&r->reading->failure, -ERR_PROVIDER_TRUNCATED,
                           "the stream ended without a finish_reason");
    tool_calls_say(&r->calls, r->reading);
    return LLM_FINAL;
}

static int openai_read(void *reader, struct span data)
{
    struct openai_reader *r = reader;
    CHECK_MAGIC(r, READER_MAGIC);
    if (span_starts_with(data, "[DONE]"))
        return read_done(r);
    struct json_doc *doc;
    int result = llm_parse(r->reading, data, &doc);
    if (result != 0)
        return result;
    result = read_chunk(r, json_root(doc));
    json_free(doc);
    return result;
}

const struct llm_format llm_openai = {
    .name = "openai",
    .path = "/chat/completions",
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
    .content_type = "text/event-stream",
    .framing = FRAMING_SSE,
    .write_request = openai_write_request,
    .reader_new = openai_reader_new,
    .read = openai_read,
    .reader_free = openai_reader_free,
};
