/* OpenAI's chat completions: `data: {chunk}` frames, `[DONE]` at the end. Reasoning is told as
 * reasoning_content, as the servers of open models do; OpenAI itself shows none. */
#include "format.h"

#include <stdio.h>

static int look(const struct json *root, struct asked *asked, struct err *err)
{
    const char *const names[] = {"max_tokens", "max_completion_tokens"};
    int64_t number;
    (void)err; /* nothing else is required */
    for (size_t i = 0; i < 2; i++)
        if (json_int(json_get(root, names[i]), &number) && number >= 0)
            asked->max_tokens = number;
    asked->wants_stream = json_bool(json_get(root, "stream"), false);
    asked->wants_usage =
        json_bool(json_get(json_get(root, "stream_options"), "include_usage"), false);
    return 0;
}

/* `{"id":...,"object":...,"created":...,"model":...` is open afterwards. */
static struct json_writer begin_object(struct buf *b, const struct frame *f, const char *object)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "id", span_of(f->id));
    json_member_str(&w, "object", span_of(object));
    json_member_int(&w, "created", f->at_ms / 1000);
    json_member_str(&w, "model", f->model);
    return w;
}

static struct json_writer begin_chunk(struct buf *b, const struct frame *f)
{
    (void)buf_text(b, "data: "); /* whoever sends it looks at buf_error, here and below */
    return begin_object(b, f, "chat.completion.chunk");
}

/* `...,"choices":[{"index":0,"delta":{` is open afterwards. */
static struct json_writer begin(struct buf *b, const struct frame *f)
{
    struct json_writer w = begin_chunk(b, f);
    if (f->wants_usage)
        json_member_null(&w, "usage");
    json_open(&w, "choices", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", 0);
    json_open(&w, "delta", '{');
    return w;
}

static void end(struct buf *b, struct json_writer *w, const char *finish_reason)
{
    json_close(w); /* delta */
    json_member_str(w, "finish_reason", span_of(finish_reason));
    json_close(w); /* choice */
    json_close(w); /* choices */
    json_close(w);
    (void)buf_text(b, "\n\n");
}

static void open_answer(struct buf *b, const struct frame *f)
{
    struct json_writer w = begin(b, f);
    json_member_str(&w, "role", SPAN_LIT("assistant"));
    json_member_str(&w, "content", SPAN_LIT(""));
    end(b, &w, NULL);
}

/* An item of `tool_calls`. */
static void put_call(struct json_writer *w, const struct call *call, int64_t number,
                     struct span arguments)
{
    char id[32];
    (void)snprintf(id, sizeof id, "call_%lld", (long long)number);
    json_member_str(w, "id", span_of(id));
    json_member_str(w, "type", SPAN_LIT("function"));
    json_open(w, "function", '{');
    json_member_str(w, "name", span_of(call->name));
    json_member_str(w, "arguments", arguments);
    json_close(w);
}

static void part_begin(struct buf *b, const struct frame *f, enum part part)
{
    if (part != PART_TOOL)
        return;
    struct json_writer w = begin(b, f);
    json_open(&w, "tool_calls", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", f->call_index);
    put_call(&w, &f->call, f->calls_before + f->call_index, SPAN_LIT(""));
    json_close(&w);
    json_close(&w);
    end(b, &w, NULL);
}

static void put_arguments(struct json_writer *w, const struct frame *f, struct span fragment)
{
    json_open(w, "tool_calls", '[');
    json_open(w, NULL, '{');
    json_member_int(w, "index", f->call_index);
    json_open(w, "function", '{');
    json_member_str(w, "arguments", fragment);
    json_close(w);
    json_close(w);
    json_close(w);
}

static void piece(struct buf *b, const struct frame *f, enum part part, struct span text)
{
    struct json_writer w = begin(b, f);
    if (part == PART_TOOL)
        put_arguments(&w, f, text);
    else
        json_member_str(&w, part == PART_TEXT ? "content" : "reasoning_content", text);
    end(b, &w, NULL);
}

static void part_end(struct buf *b, const struct frame *f, enum part part)
{
    (void)b;
    (void)f;
    (void)part; /* parts end without a word */
}

static void put_usage(struct json_writer *w, const struct frame *f, const struct spent *spent)
{
    json_open(w, "usage", '{');
    json_member_int(w, "prompt_tokens", f->input_tokens);
    json_member_int(w, "completion_tokens", spent->output);
    json_member_int(w, "total_tokens", f->input_tokens + spent->output);
    if (spent->reasoning > 0) {
        json_open(w, "completion_tokens_details", '{');
        json_member_int(w, "reasoning_tokens", spent->reasoning);
        json_close(w);
    }
    json_close(w);
}

static const char *const REASONS[FINISH_COUNT] = {
    [FINISH_STOP] = "stop", [FINISH_LENGTH] = "length", [FINISH_TOOL] = "tool_calls"};

static void finish(struct buf *b, const struct frame *f, enum finish reason,
                   const struct spent *spent)
{
    struct json_writer w = begin(b, f);
    end(b, &w, REASONS[reason]);
    if (f->wants_usage && f->tells_usage) {
        w = begin_chunk(b, f);
        json_open(&w, "choices", '[');
        json_close(&w);
        put_usage(&w, f, spent);
        json_close(&w);
        (void)buf_text(b, "\n\n");
    }
    (void)buf_text(b, "data: [DONE]\n\n");
}

static void put_calls(struct json_writer *w, const struct frame *f, const struct whole *answer)
{
    json_open(w, "tool_calls", '[');
    for (size_t i = 0; i < answer->call_count; i++) {
        json_open(w, NULL, '{');
        put_call(w, &answer->calls[i], f->calls_before + (int64_t)i, answer->calls[i].arguments);
        json_close(w);
    }
    json_close(w);
}

static void whole(struct buf *b, const struct frame *f, const struct whole *answer)
{
    bool is_call = answer->call_count > 0;
    struct json_writer w = begin_object(b, f, "chat.completion");
    json_open(&w, "choices", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", 0);
    json_open(&w, "message", '{');
    json_member_str(&w, "role", SPAN_LIT("assistant"));
    json_member_str(&w, "content", is_call ? SPAN_NONE : answer->text);
    if (answer->reasoning.len > 0)
        json_member_str(&w, "reasoning_content", answer->reasoning);
    if (is_call)
        put_calls(&w, f, answer);
    json_close(&w);
    json_member_str(&w, "finish_reason", span_of(REASONS[answer->finish]));
    json_close(&w);
    json_close(&w);
    if (f->tells_usage)
        put_usage(&w, f, &answer->spent);
    json_close(&w);
}

static const struct {
    int status;
    const char *type, *code;
} FAILURES[] = {
    {401, "invalid_request_error", "invalid_api_key"},
    {404, "invalid_request_error", "model_not_found"},
    {429, "requests", "rate_limit_exceeded"},
};

static void failure(struct buf *b, const struct failure *failed)
{
    struct json_writer w = json_writer(b);
    const char *type = failed->status >= 500 ? "server_error" : "invalid_request_error";
    const char *code = NULL, *param = failed->param;
    for (size_t i = 0; i < sizeof FAILURES / sizeof *FAILURES; i++) {
        if (FAILURES[i].status != failed->status)
            continue;
        type = FAILURES[i].type;
        code = FAILURES[i].code;
    }
    if (failed->is_spending)
        type = code = "insufficient_quota";
    json_open(&w, NULL, '{');
    json_open(&w, "error", '{');
    json_member_str(&w, "message", span_of(failed->message));
    json_member_str(&w, "type", span_of(type));
    json_member_str(&w, "param", param != NULL && *param != '\0' ? span_of(param) : SPAN_NONE);
    json_member_str(&w, "code", span_of(code));
    json_close(&w);
    json_close(&w);
}

const struct format format_openai = {
    .name = "openai",
    .id_prefix = "chatcmpl",
    .stream_type = "text/event-stream; charset=utf-8",
    .request_id_header = "x-request-id",
    .not_a_param = (const char *const[]){"model", "messages", "stream", "stream_options", NULL},
    .look = look,
    .open = open_answer,
    .part_begin = part_begin,
    .piece = piece,
    .part_end = part_end,
    .finish = finish,
    .error_frame = "data: {\"error\":{\"message\":\"The server had an error while processing your "
                   "request.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n",
    .garbage_frame = "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe broken\n\n",
    .whole = whole,
    .failure = failure,
};
