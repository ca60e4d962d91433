/* The stream of OpenAI's chat completions: chunks of deltas, then `[DONE]`. Assembles tool calls by
 * index, numbers the parts, remembers finish_reason and usage. Knows nothing of sockets. Invariant:
 * LLM_FINAL only after a finish_reason and `[DONE]`. */
#include "base/id.h"
#include "base/mem.h"
#include "llm/format.h"
#include "wire/limits.h"

enum { READER_MAGIC = 0x6f616972, TOOL_CALLS_MAX = 128, NO_PART = -1 };

struct tool_call {
    int64_t index; /* the provider's */
    int64_t part;
    char *id;
    char *name; /* NULL until said */
    struct buf arguments;
};

struct openai_reader {
    uint32_t magic;
    struct llm_reading *reading;
    int64_t text_part, reasoning_part, refusal_part; /* NO_PART until begun */
    struct tool_call *calls;
    size_t call_count;
};

static void *openai_reader_new(struct llm_reading *reading, const struct llm_request *request)
{
    (void)request; /* the format's own */
    struct openai_reader *r = MEM_NEW(struct openai_reader);
    r->magic = READER_MAGIC;
    r->reading = reading;
    r->text_part = r->reasoning_part = r->refusal_part = NO_PART;
    return r;
}

static void openai_reader_free(void *reader)
{
    struct openai_reader *r = reader;
    if (r == NULL)
        return;
    CHECK_MAGIC(r, READER_MAGIC);
    for (size_t i = 0; i < r->call_count; i++) {
        mem_free(r->calls[i].id);
        mem_free(r->calls[i].name);
        buf_release(&r->calls[i].arguments);
    }
    mem_free(r->calls);
    r->magic = 0;
    mem_free(r);
}

static void read_text(struct openai_reader *r, enum event_kind kind, int64_t *part,
                      const struct json *value)
{
    struct span text = json_string(value);
    if (text.len == 0 || r->reading->is_over)
        return;
    if (*part == NO_PART)
        *part = r->reading->parts++;
    llm_say_piece(r->reading, &(struct piece){.kind = kind, .part = *part, .text = text});
}

/* The call that a fragment belongs to: the newest with its index, unless the fragment has another
 * id (some servers give every call index 0). */
static struct tool_call *find_call(struct openai_reader *r, int64_t index, struct span id)
{
    for (size_t i = r->call_count; i > 0; i--) {
        struct tool_call *call = &r->calls[i - 1];
        if (call->index == index)
            return id.len == 0 || span_is(id, call->id) ? call : NULL;
    }
    return NULL;
}

static struct tool_call *add_call(struct openai_reader *r, int64_t index, struct span id)
{
    r->calls = mem_grow(r->calls, r->call_count + 1, sizeof(*r->calls));
    struct tool_call *call = &r->calls[r->call_count++];
    *call = (struct tool_call){.index = index, .part = r->reading->parts++};
    call->id = id.len > 0 ? span_dup(id) : mem_strdup(id_mint("call").text);
    buf_init(&call->arguments, LIMIT_OUTPUT);
    return call;
}

static int read_fragment(struct openai_reader *r, const struct json *fragment, size_t place)
{
    int64_t index;
    if (!json_int(json_get(fragment, "index"), &index))
        index = (int64_t)place;
    struct span id = json_string(json_get(fragment, "id"));
    struct tool_call *call = find_call(r, index, id);
    bool is_new = call == NULL;
    if (is_new && r->call_count == TOOL_CALLS_MAX)
        return failure_set(&r->reading->failure, -ERR_OUTPUT_LIMIT, "more than %d tool calls",
                           TOOL_CALLS_MAX);
    if (is_new)
        call = add_call(r, index, id);
    const struct json *function = json_get(fragment, "function");
    struct span name = json_string(json_get(function, "name"));
    struct span arguments = json_string(json_get(function, "arguments"));
    bool is_naming = call->name == NULL && name.len > 0;
    if (is_naming)
        call->name = span_dup(name);
    if (buf_span(&call->arguments, arguments) != 0)
        return failure_set(&r->reading->failure, -ERR_OUTPUT_LIMIT,
                           "a tool call's arguments are larger than the limit");
    if (is_new || is_naming || arguments.len > 0)
        llm_say_call(
            r->reading,
            &(struct call_piece){.kind = EVENT_TOOL_CALL_DELTA,
                                 .part = call->part,
                                 .call_id = span_of(call->id),
                                 .name = is_naming ? span_of(call->name) : SPAN_NONE,
                                 .arguments = arguments.ptr == NULL ? SPAN_LIT("") : arguments});
    return 0;
}

static int read_delta(struct openai_reader *r, const struct json *delta)
{
    const struct json *reasoning = json_get(delta, "reasoning_content");
    if (json_type(reasoning) != JSON_STRING)
        reasoning = json_get(delta, "reasoning");
    read_text(r, EVENT_REASONING, &r->reasoning_part, reasoning);
    read_text(r, EVENT_DELTA, &r->text_part, json_get(delta, "content"));
    read_text(r, EVENT_REFUSAL, &r->refusal_part, json_get(delta, "refusal"));
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
    static const struct {
        const char *said, *meant;
    } reasons[] = {
        {"length", "length"},
        {"max_tokens", "length"},
        {"tool_calls", "tool_calls"},
        {"function_call", "tool_calls"},
        {"content_filter", "content_filter"},
    };
    if (reason.len == 0)
        return 0;
    if (span_is(reason, "error"))
        return failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                           "the provider ended with finish_reason error");
    r->reading->finish_reason = "stop";
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (span_is(reason, reasons[i].said))
            r->reading->finish_reason = reasons[i].meant;
    return 0;
}

static int64_t tokens(const struct json *object, const char *name)
{
    int64_t count;
    return json_int(json_get(object, name), &count) && count >= 0 ? count : -1;
}

/* Some servers tell a running count in every chunk: settled is what comes with or after the
 * finish_reason. */
static void read_usage(struct openai_reader *r, const struct json *usage)
{
    if (json_type(usage) != JSON_OBJECT)
        return;
    r->reading->usage = (struct usage){
        .input = tokens(usage, "prompt_tokens"),
        .output = tokens(usage, "completion_tokens"),
        .cached = tokens(json_get(usage, "prompt_tokens_details"), "cached_tokens"),
        .reasoning = tokens(json_get(usage, "completion_tokens_details"), "reasoning_tokens"),
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
    for (size_t i = 0; i < r->call_count; i++) {
        struct tool_call *call = &r->calls[i];
        struct span arguments = buf_as_span(&call->arguments);
        llm_say_call(
            r->reading,
            &(struct call_piece){.kind = EVENT_TOOL_CALL,
                                 .part = call->part,
                                 .call_id = span_of(call->id),
                                 .name = call->name == NULL ? SPAN_LIT("") : span_of(call->name),
                                 .arguments = arguments.len == 0 ? SPAN_LIT("") : arguments});
    }
    return LLM_FINAL;
}

static int openai_read(void *reader, struct span data)
{
    struct openai_reader *r = reader;
    CHECK_MAGIC(r, READER_MAGIC);
    if (span_starts_with(data, "[DONE]"))
        return read_done(r);
    struct json_doc *doc;
    struct err err;
    if (json_parse(data, &doc, &err) != 0)
        return failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                           "the stream holds what is no JSON: %s", err.message);
    int result = json_type(json_root(doc)) == JSON_OBJECT
                     ? read_chunk(r, json_root(doc))
                     : failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                                   "the stream holds %s, no chunk", json_type_name(json_root(doc)));
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
