/* Anthropic's messages: named events whose data repeat the name, a content block per part, usage
 * in message_start and, cumulative, in message_delta; `message_stop` at the end. As the real one it
 * signs its thinking, and refuses a thinking block that comes back other than it was. */
#include "format.h"

#include <stdio.h>

/* A thinking block of the conversation so far must have the signature of its text. */
static bool is_genuine(const struct json *block)
{
    char signature[SIGNATURE_LEN + 1];
    if (!span_is(json_string(json_get(block, "type")), "thinking"))
        return true;
    signature_put(signature_add(0, json_string(json_get(block, "thinking"))), signature);
    return span_is(json_string(json_get(block, "signature")), signature);
}

static int check_thoughts(const struct json *messages, struct err *err)
{
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *content = json_get(json_at(messages, i), "content");
        for (size_t k = 0; json_type(content) == JSON_ARRAY && k < json_count(content); k++)
            if (!is_genuine(json_at(content, k)))
                return err_set(err, ERR_BAD_REQUEST, "messages",
                               "messages.%zu.content.%zu: Invalid `signature` in `thinking` block",
                               i, k);
    }
    return 0;
}

static int look(const struct json *root, struct asked *asked, struct err *err)
{
    if (!json_int(json_get(root, "max_tokens"), &asked->max_tokens) || asked->max_tokens < 1)
        return err_set(err, ERR_BAD_REQUEST, "max_tokens",
                       "max_tokens: a number from 1 is required");
    asked->wants_stream = json_bool(json_get(root, "stream"), false);
    return check_thoughts(json_get(root, "messages"), err);
}

/* `event: NAME`, `data: {"type":"NAME"` is open afterwards. */
static struct json_writer begin(struct buf *b, const char *event)
{
    (void)buf_printf(b, "event: %s\ndata: ", event); /* whoever sends it looks at buf_error */
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "type", span_of(event));
    return w;
}

static void end(struct buf *b, struct json_writer *w)
{
    json_close(w);
    (void)buf_text(b, "\n\n");
}

static void put_usage(struct json_writer *w, const struct frame *f, int64_t output)
{
    if (!f->tells_usage)
        return;
    json_open(w, "usage", '{');
    json_member_int(w, "input_tokens", f->input_tokens);
    json_member_int(w, "output_tokens", output);
    json_close(w);
}

static void put_head(struct json_writer *w, const struct frame *f)
{
    json_member_str(w, "id", span_of(f->id));
    json_member_str(w, "type", SPAN_LIT("message"));
    json_member_str(w, "role", SPAN_LIT("assistant"));
    json_member_str(w, "model", f->model);
}

static void open_answer(struct buf *b, const struct frame *f)
{
    struct json_writer w = begin(b, "message_start");
    json_open(&w, "message", '{');
    put_head(&w, f);
    json_open(&w, "content", '[');
    json_close(&w);
    json_member_null(&w, "stop_reason");
    json_member_null(&w, "stop_sequence");
    put_usage(&w, f, 1);
    json_close(&w);
    end(b, &w);
    w = begin(b, "ping");
    end(b, &w);
}

static struct span signature_of(const struct frame *f, char out[SIGNATURE_LEN + 1])
{
    signature_put(f->thought, out);
    return span_of(out);
}

/* A block of text or thought, empty as it begins or whole. */
static void put_block(struct json_writer *w, enum part part, struct span text,
                      struct span signature)
{
    const char *type = part == PART_REASONING ? "thinking" : "text";
    json_member_str(w, "type", span_of(type));
    json_member_str(w, type, text);
    if (part == PART_REASONING)
        json_member_str(w, "signature", signature);
}

static void put_call(struct json_writer *w, const struct call *call, int64_t number,
                     struct span input)
{
    char id[32];
    (void)snprintf(id, sizeof id, "toolu_%lld", (long long)number);
    json_member_str(w, "type", SPAN_LIT("tool_use"));
    json_member_str(w, "id", span_of(id));
    json_member_str(w, "name", span_of(call->name));
    json_member_raw(w, "input", input);
}

static void part_begin(struct buf *b, const struct frame *f, enum part part)
{
    struct json_writer w = begin(b, "content_block_start");
    json_member_int(&w, "index", f->index);
    json_open(&w, "content_block", '{');
    if (part == PART_TOOL)
        put_call(&w, &f->call, f->calls_before + f->call_index, SPAN_LIT("{}"));
    else
        put_block(&w, part, SPAN_LIT(""), SPAN_LIT(""));
    json_close(&w);
    end(b, &w);
}

static void delta(struct buf *b, const struct frame *f, const char *type, const char *member,
                  struct span text)
{
    struct json_writer w = begin(b, "content_block_delta");
    json_member_int(&w, "index", f->index);
    json_open(&w, "delta", '{');
    json_member_str(&w, "type", span_of(type));
    json_member_str(&w, member, text);
    json_close(&w);
    end(b, &w);
}

static void piece(struct buf *b, const struct frame *f, enum part part, struct span text)
{
    static const char *const deltas[][2] = {[PART_REASONING] = {"thinking_delta", "thinking"},
                                            [PART_TEXT] = {"text_delta", "text"},
                                            [PART_TOOL] = {"input_json_delta", "partial_json"}};
    delta(b, f, deltas[part][0], deltas[part][1], text);
}

static void part_end(struct buf *b, const struct frame *f, enum part part)
{
    char signature[SIGNATURE_LEN + 1];
    if (part == PART_REASONING)
        delta(b, f, "signature_delta", "signature", signature_of(f, signature));
    struct json_writer w = begin(b, "content_block_stop");
    json_member_int(&w, "index", f->index);
    end(b, &w);
}

static const char *const REASONS[FINISH_COUNT] = {
    [FINISH_STOP] = "end_turn", [FINISH_LENGTH] = "max_tokens", [FINISH_TOOL] = "tool_use"};

static void finish(struct buf *b, const struct frame *f, enum finish reason,
                   const struct spent *spent)
{
    struct json_writer w = begin(b, "message_delta");
    json_open(&w, "delta", '{');
    json_member_str(&w, "stop_reason", span_of(REASONS[reason]));
    json_member_null(&w, "stop_sequence");
    json_close(&w);
    put_usage(&w, f, spent->output);
    end(b, &w);
    w = begin(b, "message_stop");
    end(b, &w);
}

static void put_whole_block(struct json_writer *w, const struct frame *f, enum part part,
                            struct span text)
{
    char signature[SIGNATURE_LEN + 1];
    json_open(w, NULL, '{');
    put_block(w, part, text, signature_of(f, signature));
    json_close(w);
}

/* What is cut is no JSON, and a block's input is. */
static void put_whole_call(struct json_writer *w, const struct frame *f, const struct whole *answer,
                           size_t i)
{
    const struct call *call = &answer->calls[i];
    json_open(w, NULL, '{');
    put_call(w, call, f->calls_before + (int64_t)i,
             call->is_cut ? SPAN_LIT("{}") : call->arguments);
    json_close(w);
}

static void whole(struct buf *b, const struct frame *f, const struct whole *answer)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    put_head(&w, f);
    json_open(&w, "content", '[');
    if (answer->reasoning.len > 0)
        put_whole_block(&w, f, PART_REASONING, answer->reasoning);
    if (answer->text.len > 0)
        put_whole_block(&w, f, PART_TEXT, answer->text);
    for (size_t i = 0; i < answer->call_count; i++)
        put_whole_call(&w, f, answer, i);
    json_close(&w);
    json_member_str(&w, "stop_reason", span_of(REASONS[answer->finish]));
    json_member_null(&w, "stop_sequence");
    put_usage(&w, f, answer->spent.output);
    json_close(&w);
}

static const struct {
    int status;
    const char *type;
} FAILURES[] = {
    {401, "authentication_error"}, {402, "billing_error"},     {403, "permission_error"},
    {404, "not_found_error"},      {413, "request_too_large"}, {429, "rate_limit_error"},
    {504, "timeout_error"},        {529, "overloaded_error"},
};

static void failure(struct buf *b, const struct failure *failed)
{
    struct json_writer w = json_writer(b);
    const char *type = failed->status >= 500 ? "api_error" : "invalid_request_error";
    for (size_t i = 0; i < sizeof FAILURES / sizeof *FAILURES; i++)
        if (FAILURES[i].status == failed->status)
            type = FAILURES[i].type;
    json_open(&w, NULL, '{');
    json_member_str(&w, "type", SPAN_LIT("error"));
    json_open(&w, "error", '{');
    json_member_str(&w, "type", span_of(type));
    json_member_str(&w, "message", span_of(failed->message));
    if (failed->is_spending) {
        json_open(&w, "details", '{');
        json_member_str(&w, "error_code", SPAN_LIT("enforced_spend_limit_reached"));
        json_close(&w);
    }
    json_close(&w);
    json_close(&w);
}

const struct format format_anthropic = {
    .name = "anthropic",
    .id_prefix = "msg",
    .stream_type = "text/event-stream; charset=utf-8",
    .request_id_header = "request-id",
    .needs_header = "anthropic-version",
    .not_a_param = (const char *const[]){"model", "messages", "stream", NULL},
    .look = look,
    .open = open_answer,
    .part_begin = part_begin,
    .piece = piece,
    .part_end = part_end,
    .finish = finish,
    .error_frame = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                   "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    .garbage_frame = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                     "\"delta\":{\"text\":\"\xff\xfe broken\n\n",
    .whole = whole,
    .failure = failure,
};
