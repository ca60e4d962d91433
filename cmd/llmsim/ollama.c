/* Ollama's chat: a JSON object a line, `done: true` in the last; a tool call comes whole, its
 * arguments as an object; an error in mid-stream is a line of its own. Streams unless told not to.
 */
#include "format.h"

#include <stdio.h>
#include <time.h>

static int look(const struct json *root, struct asked *asked, struct err *err)
{
    int64_t number;
    (void)err; /* nothing else is required */
    if (json_int(json_get(json_get(root, "options"), "num_predict"), &number) && number >= 0)
        asked->max_tokens = number;
    asked->wants_stream = json_bool(json_get(root, "stream"), true);
    return 0;
}

/* `{"model":...,"created_at":...,"message":{"role":"assistant","content":...` is open afterwards.
 */
static struct json_writer begin(struct buf *b, const struct frame *f, struct span content)
{
    char at[64] = "";
    time_t seconds = (time_t)(f->at_ms / 1000);
    struct tm tm;
    struct json_writer w = json_writer(b);
    size_t len = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    (void)snprintf(at + len, sizeof at - len, ".%03dZ", (int)(f->at_ms % 1000));
    json_open(&w, NULL, '{');
    json_member_str(&w, "model", f->model);
    json_member_str(&w, "created_at", span_of(at));
    json_open(&w, "message", '{');
    json_member_str(&w, "role", SPAN_LIT("assistant"));
    json_member_str(&w, "content", content);
    return w;
}

static void end(struct buf *b, struct json_writer *w)
{
    json_close(w); /* message */
    json_member_bool(w, "done", false);
    json_close(w);
    (void)buf_text(b, "\n"); /* whoever sends it looks at buf_error */
}

static void put_calls(struct json_writer *w, const struct call *calls, size_t count)
{
    json_open(w, "tool_calls", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(w, NULL, '{');
        json_open(w, "function", '{');
        json_member_str(w, "name", span_of(calls[i].name));
        json_member_raw(w, "arguments", calls[i].arguments);
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

static void open_answer(struct buf *b, const struct frame *f)
{
    (void)b;
    (void)f; /* the first line is the first piece */
}

static void part_begin(struct buf *b, const struct frame *f, enum part part)
{
    (void)b;
    (void)f;
    (void)part; /* parts begin without a word */
}

static void piece(struct buf *b, const struct frame *f, enum part part, struct span text)
{
    if (part == PART_TOOL)
        return; /* a call is told when it is whole */
    struct json_writer w = begin(b, f, part == PART_TEXT ? text : SPAN_LIT(""));
    if (part == PART_REASONING)
        json_member_str(&w, "thinking", text);
    end(b, &w);
}

static void part_end(struct buf *b, const struct frame *f, enum part part)
{
    if (part != PART_TOOL || f->call.is_cut)
        return;
    struct json_writer w = begin(b, f, SPAN_LIT(""));
    put_calls(&w, &f->call, 1);
    end(b, &w);
}

/* The last members of an answer, with the bracket of its message; times are in nanoseconds. */
static void put_end(struct json_writer *w, const struct frame *f, enum finish reason,
                    const struct spent *spent)
{
    int64_t took_ns = spent->took_ms * 1000 * 1000;
    json_close(w); /* message */
    json_member_str(w, "done_reason", span_of(reason == FINISH_LENGTH ? "length" : "stop"));
    json_member_bool(w, "done", true);
    json_member_int(w, "total_duration", took_ns);
    json_member_int(w, "load_duration", 0);
    if (f->tells_usage) {
        json_member_int(w, "prompt_eval_count", f->input_tokens);
        json_member_int(w, "prompt_eval_duration", 0);
        json_member_int(w, "eval_count", spent->output);
        json_member_int(w, "eval_duration", took_ns);
    }
    json_close(w);
}

static void finish(struct buf *b, const struct frame *f, enum finish reason,
                   const struct spent *spent)
{
    struct json_writer w = begin(b, f, SPAN_LIT(""));
    put_end(&w, f, reason, spent);
    (void)buf_text(b, "\n");
}

static void whole(struct buf *b, const struct frame *f, const struct whole *answer)
{
    size_t calls = answer->call_count;
    bool is_last_cut = calls > 0 && answer->calls[calls - 1].is_cut;
    struct json_writer w = begin(b, f, answer->text);
    if (answer->reasoning.len > 0)
        json_member_str(&w, "thinking", answer->reasoning);
    if (calls > is_last_cut)
        put_calls(&w, answer->calls, calls - is_last_cut);
    put_end(&w, f, answer->finish, &answer->spent);
}

static void failure(struct buf *b, const struct failure *failed)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "error",
                    failed->is_spending
                        ? SPAN_LIT("you (sim) have reached your weekly usage limit, upgrade for "
                                   "higher limits")
                        : span_of(failed->message));
    json_close(&w);
}

const struct format format_ollama = {
    .name = "ollama",
    .id_prefix = "ollama",
    .stream_type = "application/x-ndjson",
    .not_a_param = (const char *const[]){"model", "messages", "stream", NULL},
    .look = look,
    .open = open_answer,
    .part_begin = part_begin,
    .piece = piece,
    .part_end = part_end,
    .finish = finish,
    .error_frame = "{\"error\":\"an error was encountered while running the model\"}\n",
    .garbage_frame = "{\"message\":{\"content\":\"\xff\xfe broken\n",
    .whole = whole,
    .failure = failure,
};
