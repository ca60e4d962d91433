/* An answer without a stream: one body, after the time that its tokens would have taken, and the
 * faults as far as one body can have them. */
#include "answer_inner.h"

enum { WHOLE_MAX = 4 * 1024 * 1024 };

static void on_request_gone(void *user)
{
    struct answer *a = user;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    a->request = NULL;
    answer_over(a, "client_closed", 200);
}

static void reply(struct answer *a, int status, struct span body, const char *end)
{
    http_set_user(a->request, NULL, NULL);
    http_reply_json(a->request, status, body);
    answer_over(a, end, status);
}

/* The half of the body, and then what the fault wants of the connection. */
static void break_off(struct answer *a, struct span body)
{
    http_set_user(a->request, NULL, NULL);
    answer_open(a, "application/json");
    if (a->script.fault == FAULT_DRIP) {
        (void)buf_span(&a->drip, body); /* fits: the body was in a buffer of this size */
        a->ends_after_drip = true;
        answer_drip(a);
        return;
    }
    struct http_stream *stream = a->stream;
    http_stream_write(stream, span_make(body.ptr, body.len / 2));
    answer_over(a, "fault", 200);
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
    answer_put_huge(&text);
    a->format->whole(out, &a->frame,
                     &(struct whole){.text = buf_as_span(&text), .spent = answer_spent(a)});
    buf_release(&text);
}

/* The faults of a stream, as far as one body can have them: stall is silence, reset and truncate
 * end in mid-body, error is a 500, garbage no JSON, huge 8 MiB of text, drip a byte at a time. */
static void fail(struct answer *a, struct buf *out)
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
        a->format->failure(
            out,
            &(struct failure){.status = 500,
                              .message = "The server had an error while processing your request."});
    else if (fault == FAULT_GARBAGE)
        (void)buf_text(out, a->format->garbage_frame); /* fits */
    else
        put_huge(a, out);
    reply(a, fault == FAULT_ERROR ? 500 : 200, buf_as_span(out), "fault");
}

static bool fails(const struct answer *a)
{
    enum fault fault = a->script.fault;
    return fault == FAULT_DRIP ||
           (fault >= FAULT_STALL && fault <= FAULT_HUGE && a->script.fault_at <= a->speech.total);
}

/* Says all of it. `text` is what of the text, or of all calls' arguments, was said. */
static void say_all(struct answer *a, struct buf *reasoning, struct buf *text)
{
    while (speech_part(&a->speech) != PART_NONE && buf_error(text) == 0 &&
           buf_error(reasoning) == 0) {
        enum part part;
        struct span token = answer_token(a, &part);
        (void)buf_span(part == PART_REASONING ? reasoning : text, token); /* looked at above */
    }
}

/* The calls that were begun; the last one may be cut. */
static size_t calls_said(const struct answer *a, struct call calls[CALLS_MAX])
{
    const struct speech *s = &a->speech;
    if (a->play.call_count == 0 || s->said <= s->reasoning)
        return 0;
    memcpy(calls, a->play.calls, sizeof a->play.calls);
    calls[s->call].is_cut = s->is_cut;
    calls[s->call].arguments.len = s->call_at;
    return s->call + 1;
}

static void answer(struct answer *a)
{
    struct buf text, reasoning, out;
    struct call calls[CALLS_MAX];
    buf_init(&text, WHOLE_MAX);
    buf_init(&reasoning, WHOLE_MAX);
    buf_init(&out, FRAMES_MAX);
    say_all(a, &reasoning, &text);
    struct whole whole = {.reasoning = buf_as_span(&reasoning),
                          .text = a->play.call_count > 0 ? SPAN_LIT("") : buf_as_span(&text),
                          .finish = speech_finish(&a->speech),
                          .spent = answer_spent(a),
                          .calls = calls,
                          .call_count = calls_said(a, calls)};
    a->format->whole(&out, &a->frame, &whole);
    if (fails(a))
        fail(a, &out);
    else
        reply(a, 200, buf_as_span(&out), "complete");
    buf_release(&text);
    buf_release(&reasoning);
    buf_release(&out);
}

static void on_due(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    if (a->stream != NULL)
        answer_drip(a);
    else
        answer(a);
}

void whole_start(struct answer *a)
{
    int64_t tokens = a->speech.total;
    timer_init(&a->timer, a->sim->loop, on_due, a);
    http_set_user(a->request, a, on_request_gone);
    timer_start(&a->timer, a->script.first_ms + a->script.delay_ms * (tokens > 0 ? tokens - 1 : 0));
}
