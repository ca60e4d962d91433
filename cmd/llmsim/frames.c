/* What the provider says, frame by frame. Must not know when, nor to whom. */
#include "frames.h"

#include "wire/json.h"

enum { HUGE_BYTES = 8 * 1024 * 1024 };

/* `{"id":...,"object":...,"created":...,"model":...` is open afterwards. */
static struct json_writer begin_object(struct buf *b, const struct frame *f, const char *object)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "id", span_of(f->id));
    json_member_str(&w, "object", span_of(object));
    json_member_int(&w, "created", f->created_s);
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
    if (f->has_usage_member)
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

void frame_role(struct buf *b, const struct frame *f)
{
    struct json_writer w = begin(b, f);
    json_member_str(&w, "role", SPAN_LIT("assistant"));
    json_member_str(&w, "content", SPAN_LIT(""));
    end(b, &w, NULL);
}

void frame_text(struct buf *b, const struct frame *f, struct span text)
{
    struct json_writer w = begin(b, f);
    json_member_str(&w, "content", text);
    end(b, &w, NULL);
}

void frame_tool_begin(struct buf *b, const struct frame *f, const char *call_id, const char *name)
{
    struct json_writer w = begin(b, f);
    json_open(&w, "tool_calls", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", 0);
    json_member_str(&w, "id", span_of(call_id));
    json_member_str(&w, "type", SPAN_LIT("function"));
    json_open(&w, "function", '{');
    json_member_str(&w, "name", span_of(name));
    json_member_str(&w, "arguments", SPAN_LIT(""));
    json_close(&w);
    json_close(&w);
    json_close(&w);
    end(b, &w, NULL);
}

void frame_tool_arguments(struct buf *b, const struct frame *f, struct span fragment)
{
    struct json_writer w = begin(b, f);
    json_open(&w, "tool_calls", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", 0);
    json_open(&w, "function", '{');
    json_member_str(&w, "arguments", fragment);
    json_close(&w);
    json_close(&w);
    json_close(&w);
    end(b, &w, NULL);
}

void frame_finish(struct buf *b, const struct frame *f, const char *finish_reason)
{
    struct json_writer w = begin(b, f);
    end(b, &w, finish_reason);
}

static void put_usage(struct json_writer *w, int64_t input, int64_t output)
{
    json_open(w, "usage", '{');
    json_member_int(w, "prompt_tokens", input);
    json_member_int(w, "completion_tokens", output);
    json_member_int(w, "total_tokens", input + output);
    json_close(w);
}

void frame_usage(struct buf *b, const struct frame *f, int64_t input, int64_t output)
{
    struct json_writer w = begin_chunk(b, f);
    json_open(&w, "choices", '[');
    json_close(&w);
    put_usage(&w, input, output);
    json_close(&w);
    (void)buf_text(b, "\n\n");
}

void frame_failure(struct buf *b, int status, const char *message, const char *param)
{
    struct json_writer w = json_writer(b);
    bool has_param = param != NULL && *param != '\0';
    json_open(&w, NULL, '{');
    json_open(&w, "error", '{');
    json_member_str(&w, "message", span_of(message));
    json_member_str(&w, "type",
                    span_of(status >= 500   ? "server_error"
                            : status == 429 ? "rate_limit_error"
                                            : "invalid_request_error"));
    json_member_str(&w, "param", has_param ? span_of(param) : SPAN_NONE);
    json_member_null(&w, "code");
    json_close(&w);
    json_close(&w);
}

void frame_error(struct buf *b)
{
    (void)buf_text(b,
                   "data: {\"error\":{\"message\":\"The server had an error while processing your "
                   "request.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
}

void frame_garbage(struct buf *b)
{
    (void)buf_text(b, "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe broken\n\n");
}

void frame_huge(struct buf *b, const struct frame *f)
{
    struct json_writer w = begin(b, f);
    (void)w; /* never ended: it is one endless string */
    (void)buf_text(b, "\"content\":\"");
    for (int i = 0; i < HUGE_BYTES / 64; i++)
        (void)buf_text(b, "0123456789012345678901234567890123456789012345678901234567890123");
    (void)buf_text(b, "\"}}]}\n\n");
}

void frame_done(struct buf *b)
{
    (void)buf_text(b, "data: [DONE]\n\n");
}

void frame_whole(struct buf *b, const struct frame *f, struct span text, const char *tool,
                 const char *finish_reason, int64_t input, int64_t output)
{
    struct json_writer w = begin_object(b, f, "chat.completion");
    json_open(&w, "choices", '[');
    json_open(&w, NULL, '{');
    json_member_int(&w, "index", 0);
    json_open(&w, "message", '{');
    json_member_str(&w, "role", SPAN_LIT("assistant"));
    json_member_str(&w, "content", *tool == '\0' ? text : SPAN_NONE);
    if (*tool != '\0') {
        json_open(&w, "tool_calls", '[');
        json_open(&w, NULL, '{');
        json_member_str(&w, "id", SPAN_LIT("call_0"));
        json_member_str(&w, "type", SPAN_LIT("function"));
        json_open(&w, "function", '{');
        json_member_str(&w, "name", span_of(tool));
        json_member_str(&w, "arguments", text);
        json_close(&w);
        json_close(&w);
        json_close(&w);
    }
    json_close(&w);
    json_member_str(&w, "finish_reason", span_of(finish_reason));
    json_close(&w);
    json_close(&w);
    put_usage(&w, input, output);
    json_close(&w);
}
