/* Owns: one answer each, its timer and its row in the journal. The timer waits first_ms, then
 * delay_ms from token to token; it rests while the client does not read (is_full), and after a
 * fault that is silence. Invariant: the row ends exactly once, and nothing is said behind its end.
 */
#include "answer.h"
#include "frames.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

#include <stdio.h>

enum {
    ANSWER_MAGIC = 0x616e7377,
    FRAMES_MAX = 16 * 1024 * 1024,
    BURST = 64,
    WHOLE_MAX = 4 * 1024 * 1024,
    HUGE_BYTES = 8 * 1024 * 1024
};

static const char ARGUMENTS[] = "{\"query\": \"simulated\", \"limit\": 3}";
enum { FRAGMENT_BYTES = 7 };

struct answer {
    uint32_t magic;
    bool wants_usage;
    bool ends_after_drip;
    bool is_full; /* the client does not read */
    bool is_cut;  /* by max_tokens */
    struct simulator *sim;
    struct http_request *request; /* until the answer begins */
    struct http_stream *stream;
    struct row *row;
    struct script script;
    struct frame frame;
    struct id id;
    char *model;
    int64_t input_tokens, total;
    int64_t said;    /* tokens so far */
    struct buf drip; /* bytes that go out one by one */
    struct timer timer;
};

static void free_answer(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    timer_release(&a->timer);
    buf_release(&a->drip);
    mem_free(a->model);
    a->magic = 0;
    mem_free(a);
}

static void over(struct answer *a, const char *end, int status)
{
    row_end(a->sim->journal, a->row, end, status);
    a->row = NULL;
    a->stream = NULL;
    timer_stop(&a->timer);
    loop_defer(a->sim->loop, free_answer, a);
}

/* What is said. */

static int64_t total_of(const struct script *s)
{
    return *s->tool != '\0' ? ((int64_t)sizeof ARGUMENTS + FRAGMENT_BYTES - 2) / FRAGMENT_BYTES
           : s->tokens >= 0 ? s->tokens
                            : text_tokens();
}

static const char *finish_reason(const struct answer *a)
{
    if (a->is_cut)
        return "length";
    return *a->script.tool != '\0' ? "tool_calls" : "stop";
}

static struct span token(const struct answer *a, int64_t n, char *own, size_t size)
{
    if (*a->script.tool != '\0') {
        size_t at = (size_t)n * FRAGMENT_BYTES, left = sizeof ARGUMENTS - 1 - at;
        return span_make(ARGUMENTS + at, left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES);
    }
    if (a->script.is_clock)
        return span_make(own, (size_t)snprintf(own, size, "@%lld ", (long long)clock_mono_us()));
    if (!a->script.is_self)
        return text_token(n);
    return span_make(own, (size_t)snprintf(own, size, "%s:%lld ", row_id(a->row), (long long)n));
}

static void put_token(struct answer *a, struct buf *out)
{
    char own[64];
    struct span text = token(a, a->said, own, sizeof own);
    bool is_tool = *a->script.tool != '\0';
    if (is_tool && a->said == 0)
        frame_tool_begin(out, &a->frame, "call_0", a->script.tool);
    if (is_tool)
        frame_tool_arguments(out, &a->frame, text);
    else
        frame_text(out, &a->frame, text);
    a->said++;
    row_token(a->row);
}

static void put_end(struct answer *a, struct buf *out)
{
    frame_finish(out, &a->frame, finish_reason(a));
    if (a->wants_usage && a->script.tells_usage)
        frame_usage(out, &a->frame, a->input_tokens, a->said);
    frame_done(out);
}

/* Faults. */

/* Does what the script's fault wants at this place; true when the answer goes no further. */
static bool fault_here(struct answer *a, struct buf *out)
{
    enum fault fault = a->script.fault;
    bool is_placed = fault >= FAULT_STALL && fault <= FAULT_HUGE;
    if (!is_placed || a->said != a->script.fault_at)
        return false;
    if (fault == FAULT_ERROR)
        frame_error(out);
    else if (fault == FAULT_GARBAGE)
        frame_garbage(out);
    else if (fault == FAULT_HUGE)
        frame_huge(out, &a->frame);
    http_stream_write(a->stream, buf_as_span(out));
    if (fault == FAULT_STALL || fault == FAULT_HUGE)
        return true; /* silent from here on, until the client leaves */
    struct http_stream *stream = a->stream;
    over(a, "fault", 200);
    if (fault == FAULT_RESET)
        http_stream_abort(stream);
    else
        http_stream_close(stream);
    return true;
}

/* Going on. */

static void complete(struct answer *a)
{
    struct http_stream *stream = a->stream;
    over(a, "complete", 200);
    http_stream_close(stream);
}

/* A byte in each turn of the loop. */
static void drip(struct answer *a)
{
    if (a->drip.len > 0) {
        http_stream_write(a->stream, span_make(a->drip.ptr, 1));
        buf_consume(&a->drip, 1);
    }
    a->is_full = http_stream_is_full(a->stream);
    if (a->drip.len == 0 && a->ends_after_drip)
        complete(a);
    else if (!a->is_full)
        timer_start(&a->timer, a->drip.len > 0 ? 0 : a->script.delay_ms);
}

/* Whatever is due now: one token, or, without a delay, as many as fit. */
static void talk(struct answer *a)
{
    struct buf out;
    bool is_at_fault = false;
    buf_init(&out, FRAMES_MAX);
    for (int n = 0; n < (a->script.delay_ms == 0 ? BURST : 1) && a->said < a->total && !is_at_fault;
         n++) {
        is_at_fault = fault_here(a, &out);
        if (!is_at_fault)
            put_token(a, &out);
    }
    bool is_over = !is_at_fault && a->said >= a->total;
    if (is_over)
        is_at_fault = fault_here(a, &out);
    if (is_over && !is_at_fault)
        put_end(a, &out);
    if (!is_at_fault && a->script.fault == FAULT_DRIP) {
        (void)buf_span(&a->drip, buf_as_span(&out)); /* bounded: one token at a time */
        a->ends_after_drip = is_over;
        drip(a);
    } else if (!is_at_fault) {
        http_stream_write(a->stream, buf_as_span(&out));
        a->is_full = http_stream_is_full(a->stream);
        if (is_over)
            complete(a);
        else if (!a->is_full)
            timer_start(&a->timer, a->script.delay_ms);
    }
    buf_release(&out);
}

static void on_timer(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    if (a->drip.len > 0)
        drip(a);
    else
        talk(a);
}

static void on_writable(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    if (!a->is_full)
        return;
    a->is_full = false;
    timer_start(&a->timer, 0);
}

static void on_gone(void *arg, const char *reason)
{
    struct answer *a = arg;
    (void)reason;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    over(a, "client_closed", 200);
}

/* Beginning. */

static void begin_stream(struct answer *a)
{
    struct buf out;
    a->stream = http_stream_begin(a->request, "text/event-stream; charset=utf-8",
                                  &(struct http_stream_hooks){on_gone, on_writable, a});
    a->request = NULL;
    buf_init(&out, FRAMES_MAX);
    frame_role(&out, &a->frame);
    http_stream_write(a->stream, buf_as_span(&out));
    buf_release(&out);
    timer_start(&a->timer, a->script.first_ms);
}

/* Without a stream. */

static void on_request_gone(void *user)
{
    struct answer *a = user;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    a->request = NULL;
    over(a, "client_closed", 200);
}

static void reply_whole(struct answer *a, int status, struct span body, const char *end)
{
    http_set_user(a->request, NULL, NULL);
    http_reply_json(a->request, status, body);
    over(a, end, status);
}

/* The half of the body, and then what the fault wants of the connection. */
static void break_off(struct answer *a, struct span body)
{
    http_set_user(a->request, NULL, NULL);
    a->stream = http_stream_begin(a->request, "application/json",
                                  &(struct http_stream_hooks){on_gone, on_writable, a});
    a->request = NULL;
    if (a->script.fault == FAULT_DRIP) {
        (void)buf_span(&a->drip, body);
        a->ends_after_drip = true;
        drip(a);
        return;
    }
    struct http_stream *stream = a->stream;
    http_stream_write(stream, span_make(body.ptr, body.len / 2));
    over(a, "fault", 200);
    if (a->script.fault == FAULT_RESET)
        http_stream_abort(stream);
    else
        http_stream_close(stream);
}

/* A reply that is right but for its size. */
static void put_huge(struct answer *a, struct buf *out)
{
    struct buf text;
    buf_init(&text, HUGE_BYTES);
    while (text.len < HUGE_BYTES)
        (void)buf_text(&text, "01234567"); /* fits */
    frame_whole(out, &a->frame, buf_as_span(&text), "", "stop", a->input_tokens, a->said);
    buf_release(&text);
}

/* The faults of a stream, as far as one body can have them: stall is silence, reset and truncate
 * end in mid-body, error is a 500, garbage no JSON, huge 8 MiB of text, drip a byte at a time. */
static void fail_whole(struct answer *a, struct buf *out)
{
    enum fault fault = a->script.fault;
    if (fault == FAULT_STALL)
        return; /* until the client leaves */
    if (fault == FAULT_RESET || fault == FAULT_TRUNCATE || fault == FAULT_DRIP) {
        break_off(a, buf_as_span(out));
        return;
    }
    buf_reset(out);
    if (fault == FAULT_ERROR)
        frame_failure(out, 500, "The server had an error while processing your request.", NULL);
    else if (fault == FAULT_GARBAGE)
        frame_garbage(out);
    else
        put_huge(a, out);
    reply_whole(a, fault == FAULT_ERROR ? 500 : 200, buf_as_span(out), "fault");
}

static bool fails_whole(const struct answer *a)
{
    enum fault fault = a->script.fault;
    return fault == FAULT_DRIP ||
           (fault >= FAULT_STALL && fault <= FAULT_HUGE && a->script.fault_at <= a->total);
}

static void answer_whole(struct answer *a)
{
    struct buf text, out;
    char own[64];
    buf_init(&text, WHOLE_MAX);
    buf_init(&out, FRAMES_MAX);
    for (; a->said < a->total && buf_error(&text) == 0; a->said++, row_token(a->row))
        (void)buf_span(&text,
                       token(a, a->said, own, sizeof own)); /* looked at in the loop's head */
    frame_whole(&out, &a->frame, buf_as_span(&text), a->script.tool, finish_reason(a),
                a->input_tokens, a->said);
    if (fails_whole(a))
        fail_whole(a, &out);
    else
        reply_whole(a, 200, buf_as_span(&out), "complete");
    buf_release(&text);
    buf_release(&out);
}

static void on_whole_due(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    if (a->stream != NULL)
        drip(a);
    else
        answer_whole(a);
}

void answer_start(struct simulator *sim, struct http_request *request, struct row *row,
                  const struct script *script, const struct asked *asked)
{
    struct answer *a = MEM_NEW(struct answer);
    a->magic = ANSWER_MAGIC;
    a->sim = sim;
    a->request = request;
    a->row = row;
    a->script = *script;
    a->wants_usage = asked->wants_usage;
    a->input_tokens = asked->input_tokens;
    a->total = total_of(script);
    a->is_cut = asked->max_tokens >= 0 && asked->max_tokens < a->total;
    if (a->is_cut)
        a->total = asked->max_tokens;
    a->model = span_dup(asked->model);
    a->id = id_mint("chatcmpl");
    a->frame =
        (struct frame){a->id.text, span_of(a->model), clock_wall_ms() / 1000, asked->wants_usage};
    buf_init(&a->drip, FRAMES_MAX);
    if (asked->wants_stream) {
        timer_init(&a->timer, sim->loop, on_timer, a);
        begin_stream(a);
    } else {
        timer_init(&a->timer, sim->loop, on_whole_due, a);
        http_set_user(request, a, on_request_gone);
        timer_start(&a->timer,
                    script->first_ms + script->delay_ms * (a->total > 0 ? a->total - 1 : 0));
    }
}
