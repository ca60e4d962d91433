/* The stream of Anthropic's Messages: named events whose data say their type themselves. Blocks are
 * parts; text that directly follows text goes on with its part. Knows nothing of sockets.
 * Invariant: LLM_FINAL only after a stop_reason and `message_stop`. */
#include "base/mem.h"
#include "llm/tool_calls.h"
#include "wire/limits.h"

enum { READER_MAGIC = 0x616e7472, BLOCKS_MAX = 4096 };

enum block_kind { BLOCK_OTHER, BLOCK_TEXT, BLOCK_REASONING, BLOCK_CALL };

struct block {
    int64_t index; /* the provider's */
    enum block_kind kind;
    int64_t part; /* of text and reasoning; LLM_NO_PART until begun */
    size_t call;  /* its place among the calls */
};

struct anthropic_reader {
    uint32_t magic;
    struct llm_reading *reading;
    struct block *blocks;
    size_t block_count;
    struct tool_calls calls;
    int64_t text_part; /* the last part that began, if it is text; else LLM_NO_PART */
    int64_t uncached, cache_read, cache_written; /* input tokens, -1: not told */
};

static void *anthropic_reader_new(struct llm_reading *reading)
{
    struct anthropic_reader *r = MEM_NEW(struct anthropic_reader);
    r->magic = READER_MAGIC;
    r->reading = reading;
    r->text_part = LLM_NO_PART;
    r->uncached = r->cache_read = r->cache_written = -1;
    return r;
}

static void anthropic_reader_free(void *reader)
{
    struct anthropic_reader *r = reader;
    if (r == NULL)
        return;
    CHECK_MAGIC(r, READER_MAGIC);
    tool_calls_release(&r->calls);
    mem_free(r->blocks);
    r->magic = 0;
    mem_free(r);
}

/* Blocks. */

static struct block *find_block(struct anthropic_reader *r, int64_t index)
{
    for (size_t i = r->block_count; i > 0; i--)
        if (r->blocks[i - 1].index == index)
            return &r->blocks[i - 1];
    return NULL;
}

static struct block *add_block(struct anthropic_reader *r, int64_t index, enum block_kind kind)
{
    if (r->block_count == BLOCKS_MAX) {
        (void)failure_set(&r->reading->failure, -ERR_OUTPUT_LIMIT, "more than %d blocks",
                          BLOCKS_MAX);
        return NULL;
    }
    r->blocks = mem_grow(r->blocks, r->block_count + 1, sizeof(*r->blocks));
    struct block *block = &r->blocks[r->block_count++];
    *block = (struct block){.index = index, .kind = kind, .part = LLM_NO_PART};
    return block;
}

static void say_text(struct anthropic_reader *r, struct block *block, struct span text)
{
    if (block->part == LLM_NO_PART)
        block->part = r->text_part;
    llm_say_text(r->reading, EVENT_DELTA, &block->part, text);
    if (block->part == r->reading->parts - 1)
        r->text_part = block->part;
}

static void begin_reasoning(struct anthropic_reader *r, struct block *block)
{
    if (block->part == LLM_NO_PART)
        block->part = r->reading->parts++;
    r->text_part = LLM_NO_PART;
}

static void say_reasoning(struct anthropic_reader *r, struct block *block, struct span text)
{
    if (text.len == 0)
        return;
    begin_reasoning(r, block);
    llm_say_text(r->reading, EVENT_REASONING, &block->part, text);
}

static void say_signature(struct anthropic_reader *r, struct block *block, struct span signature)
{
    if (signature.len == 0)
        return;
    begin_reasoning(r, block);
    llm_say_piece(r->reading, &(struct piece){.kind = EVENT_REASONING,
                                              .part = block->part,
                                              .text = SPAN_LIT(""),
                                              .signature = signature});
}

/* Events. */

static int begin_call(struct anthropic_reader *r, struct block *block, const struct json *content,
                      struct span input)
{
    struct span name = json_string(json_get(content, "name"));
    bool is_whole = json_count(json_get(content, "input")) > 0; /* as some servers have it */
    struct tool_call *call =
        tool_calls_add(&r->calls, r->reading, block->index, json_string(json_get(content, "id")));
    if (call == NULL)
        return r->reading->failure.code;
    block->call = r->calls.count - 1;
    r->text_part = LLM_NO_PART;
    return tool_call_grow(call, r->reading, name, is_whole ? input : SPAN_NONE);
}

static int64_t index_of(const struct json *root)
{
    int64_t index;
    return json_int(json_get(root, "index"), &index) ? index : 0;
}

static int on_block_start(struct anthropic_reader *r, const struct json *root, struct span data)
{
    static const struct {
        const char *type;
        enum block_kind kind;
    } kinds[] = {{"text", BLOCK_TEXT},
                 {"thinking", BLOCK_REASONING},
                 {"redacted_thinking", BLOCK_REASONING},
                 {"tool_use", BLOCK_CALL}};
    const struct json *content = json_get(root, "content_block");
    struct span type = json_string(json_get(content, "type"));
    enum block_kind kind = BLOCK_OTHER;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (span_is(type, kinds[i].type))
            kind = kinds[i].kind;
    struct block *block = add_block(r, index_of(root), kind);
    if (block == NULL)
        return r->reading->failure.code;
    if (kind == BLOCK_CALL)
        return begin_call(r, block, content, json_raw(json_raw(data, "content_block"), "input"));
    if (kind == BLOCK_TEXT)
        say_text(r, block, json_string(json_get(content, "text")));
    if (kind == BLOCK_REASONING) {
        say_reasoning(r, block, json_string(json_get(content, "thinking")));
        say_signature(r, block, json_string(json_get(content, "data")));
    }
    return 0;
}

static int on_block_delta(struct anthropic_reader *r, const struct json *root, struct span data)
{
    const struct json *delta = json_get(root, "delta");
    struct block *block = find_block(r, index_of(root));
    struct span fragment = json_string(json_get(delta, "partial_json"));
    (void)data;
    if (block == NULL)
        return failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                           "the stream goes on with a block that it did not begin");
    if (block->kind == BLOCK_TEXT)
        say_text(r, block, json_string(json_get(delta, "text")));
    if (block->kind == BLOCK_REASONING) {
        say_reasoning(r, block, json_string(json_get(delta, "thinking")));
        say_signature(r, block, json_string(json_get(delta, "signature")));
    }
    if (block->kind == BLOCK_CALL && fragment.len > 0)
        return tool_call_grow(&r->calls.each[block->call], r->reading, SPAN_NONE, fragment);
    return 0;
}

/* A call without arguments says none: others say {}. */
static int on_block_stop(struct anthropic_reader *r, const struct json *root, struct span data)
{
    struct block *block = find_block(r, index_of(root));
    (void)data;
    if (block == NULL || block->kind != BLOCK_CALL || r->calls.each[block->call].arguments.len > 0)
        return 0;
    return tool_call_grow(&r->calls.each[block->call], r->reading, SPAN_NONE, SPAN_LIT("{}"));
}

static void take(int64_t *count, const struct json *usage, const char *name)
{
    int64_t told = llm_tokens(usage, name);
    if (told >= 0)
        *count = told;
}

/* Counts are cumulative. Input comes at the start, so that a stream that breaks off has it; the
 * output told there is no count yet. */
static void read_usage(struct anthropic_reader *r, const struct json *usage, bool has_output)
{
    struct usage *u = &r->reading->usage;
    if (json_type(usage) != JSON_OBJECT)
        return;
    take(&r->uncached, usage, "input_tokens");
    take(&r->cache_read, usage, "cache_read_input_tokens");
    take(&r->cache_written, usage, "cache_creation_input_tokens");
    u->source = USAGE_PROVIDER;
    u->cached = r->cache_read;
    if (r->uncached >= 0)
        u->input = r->uncached + (r->cache_read > 0 ? r->cache_read : 0) +
                   (r->cache_written > 0 ? r->cache_written : 0);
    if (has_output) {
        take(&u->output, usage, "output_tokens");
        take(&u->reasoning, json_get(usage, "output_tokens_details"), "thinking_tokens");
    }
    u->is_settled = r->reading->finish_reason != NULL && u->output >= 0;
}

static int on_message_start(struct anthropic_reader *r, const struct json *root, struct span data)
{
    (void)data;
    read_usage(r, json_get(json_get(root, "message"), "usage"), false);
    return 0;
}

static int on_message_delta(struct anthropic_reader *r, const struct json *root, struct span data)
{
    static const struct llm_reason reasons[] = {
        {"max_tokens", "length"},
        {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"},
        {"refusal", "content_filter"},
        {NULL, "stop"},
    };
    struct span reason = json_string(json_get(json_get(root, "delta"), "stop_reason"));
    (void)data;
    if (reason.len > 0)
        r->reading->finish_reason = llm_reason(reasons, reason);
    read_usage(r, json_get(root, "usage"), true);
    return 0;
}

static int on_message_stop(struct anthropic_reader *r, const struct json *root, struct span data)
{
    (void)root;
    (void)data;
    if (r->reading->finish_reason == NULL)
        return failure_set(&r->reading->failure, -ERR_PROVIDER_TRUNCATED,
                           "the stream ended without a stop_reason");
    tool_calls_say(&r->calls, r->reading);
    return LLM_FINAL;
}

static int on_error(struct anthropic_reader *r, const struct json *root, struct span data)
{
    (void)data;
    int result = failure_from_event(&r->reading->failure, root);
    return result != 0 ? result
                       : failure_set(&r->reading->failure, -ERR_PROVIDER_ERROR,
                                     "the provider broke off with an error");
}

/* Pings, and events that are not known, are passed by. */
static int anthropic_read(void *reader, struct span data)
{
    static const struct {
        const char *type;
        int (*on)(struct anthropic_reader *r, const struct json *root, struct span data);
    } events[] = {
        {"content_block_delta", on_block_delta},
        {"content_block_start", on_block_start},
        {"content_block_stop", on_block_stop},
        {"message_start", on_message_start},
        {"message_delta", on_message_delta},
        {"message_stop", on_message_stop},
        {"error", on_error},
    };
    struct anthropic_reader *r = reader;
    CHECK_MAGIC(r, READER_MAGIC);
    struct json_doc *doc;
    int result = llm_parse(r->reading, data, &doc);
    if (result != 0)
        return result;
    struct span type = json_string(json_get(json_root(doc), "type"));
    if (type.ptr == NULL) /* an error of something that stands between */
        result = failure_from_event(&r->reading->failure, json_root(doc));
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]) && type.ptr != NULL; i++)
        if (span_is(type, events[i].type)) {
            result = events[i].on(r, json_root(doc), data);
            break;
        }
    json_free(doc);
    return result;
}

const struct llm_format llm_anthropic = {
    .name = "anthropic",
    .path = "/v1/messages",
    .key_header = "x-api-key",
    .key_prefix = "",
    .header = {"anthropic-version", "2023-06-01"},
    .content_type = "text/event-stream",
    .framing = FRAMING_SSE,
    .write_request = anthropic_write_request,
    .reader_new = anthropic_reader_new,
    .read = anthropic_read,
    .reader_free = anthropic_reader_free,
};
