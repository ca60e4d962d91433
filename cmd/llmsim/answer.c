/* Owns: one answer each, its timer and its row in the journal. The timer waits first_ms, then
 * delay_ms from token to token; it rests while the client does not read (is_full), and after a
 * fault that is silence. Invariant: the row ends exactly once, and nothing is said behind its end.
 */
#include "answer_inner.h"

#include "base/clock.h"
#include "base/mem.h"

enum { BURST = 64, MADE_UP_US = 100 * 1000 };

static void free_answer(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    timer_release(&a->timer);
    buf_release(&a->drip);
    play_release(&a->play);
    mem_free(a->model);
    a->magic = 0;
    mem_free(a);
}

void answer_over(struct answer *a, const char *end, int status)
{
    row_end(a->sim->journal, a->row, end, status);
    a->row = NULL;
    a->stream = NULL;
    timer_stop(&a->timer);
    loop_defer(a->sim->loop, free_answer, a);
}

/* What is said. */

struct span answer_token(struct answer *a, enum part *part)
{
    struct span text = speech_next(&a->speech, part);
    if (*part == PART_REASONING)
        a->frame.thought = signature_add(a->frame.thought, text);
    row_token(a->row);
    return text;
}

struct spent answer_spent(const struct answer *a)
{
    const struct speech *s = &a->speech;
    return (struct spent){.output = s->said,
                          .reasoning = s->said < s->reasoning ? s->said : s->reasoning,
                          .took_ms = clock_wall_ms() - a->frame.at_ms};
}

void answer_put_huge(struct buf *text)
{
    for (int i = 0; i < HUGE_BYTES / 64; i++)
        (void)buf_text(text, "0123456789012345678901234567890123456789012345678901234567890123");
}

static void close_part(struct answer *a, struct buf *out)
{
    if (a->part != PART_NONE)
        a->format->part_end(out, &a->frame, a->part);
    a->part = PART_NONE;
}

static void open_part(struct answer *a, struct buf *out, enum part part)
{
    close_part(a, out);
    a->part = part;
    a->frame.index++;
    if (part == PART_TOOL) {
        a->frame.call_index = (int64_t)a->speech.call;
        a->frame.call = a->play.calls[a->speech.call];
    }
    a->format->part_begin(out, &a->frame, part);
}

static void say(struct answer *a, struct buf *out, enum part part, struct span text)
{
    bool is_other_call = part == PART_TOOL && a->frame.call_index != (int64_t)a->speech.call;
    if (a->part != part || is_other_call)
        open_part(a, out, part);
    a->format->piece(out, &a->frame, part, text);
}

static void say_next(struct answer *a, struct buf *out)
{
    enum part part;
    struct span text = answer_token(a, &part);
    say(a, out, part, text);
}

static void say_huge(struct answer *a, struct buf *out)
{
    struct buf text;
    buf_init(&text, HUGE_BYTES);
    answer_put_huge(&text);
    say(a, out, PART_TEXT, buf_as_span(&text));
    buf_release(&text);
}

static void say_end(struct answer *a, struct buf *out)
{
    struct spent spent = answer_spent(a);
    a->frame.call.is_cut = a->speech.is_cut;
    close_part(a, out);
    a->format->finish(out, &a->frame, speech_finish(&a->speech), &spent);
}

/* Faults. */

/* Does what the script's fault wants at this place; true when the answer goes no further. */
static bool fault_here(struct answer *a, struct buf *out)
{
    enum fault fault = a->script.fault;
    bool is_placed = fault >= FAULT_STALL && fault <= FAULT_HUGE;
    if (!is_placed || a->speech.said != a->script.fault_at)
        return false;
    if (fault == FAULT_ERROR)
        (void)buf_text(out, a->format->error_frame); /* fits, as the next one */
    else if (fault == FAULT_GARBAGE)
        (void)buf_text(out, a->format->garbage_frame);
    else if (fault == FAULT_HUGE)
        say_huge(a, out);
    http_stream_write(a->stream, buf_as_span(out));
    if (fault == FAULT_STALL || fault == FAULT_HUGE)
        return true; /* silent from here on, until the client leaves */
    struct http_stream *stream = a->stream;
    answer_over(a, "fault", 200);
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
    answer_over(a, "complete", 200);
    http_stream_close(stream);
}

/* What is late is made up for, unless it is more, as after a client that did not read. */
static void await_next(struct answer *a)
{
    int64_t now_us = clock_mono_us(), delay_us = a->script.delay_ms * 1000;
    a->next_us += delay_us;
    if (a->next_us < now_us - delay_us - MADE_UP_US)
        a->next_us = now_us;
    timer_start_at(&a->timer, a->next_us);
}

void answer_drip(struct answer *a)
{
    if (a->drip.len > 0) {
        http_stream_write(a->stream, span_make(a->drip.ptr, 1));
        buf_consume(&a->drip, 1);
    }
    a->is_full = http_stream_is_full(a->stream);
    if (a->drip.len == 0 && a->ends_after_drip)
        complete(a);
    else if (!a->is_full && a->drip.len > 0)
        timer_start(&a->timer, 0);
    else if (!a->is_full)
        await_next(a);
}

/* Whatever is due now: one token, or, without a delay, as many as fit. */
static void talk(struct answer *a)
{
    struct buf out;
    bool is_at_fault = false;
    buf_init(&out, FRAMES_MAX);
    for (int n = 0; n < (a->script.delay_ms == 0 ? BURST : 1) &&
                    speech_part(&a->speech) != PART_NONE && !is_at_fault;
         n++) {
        is_at_fault = fault_here(a, &out);
        if (!is_at_fault)
            say_next(a, &out);
    }
    bool is_over = !is_at_fault && speech_part(&a->speech) == PART_NONE;
    if (is_over)
        is_at_fault = fault_here(a, &out);
    if (is_over && !is_at_fault)
        say_end(a, &out);
    if (!is_at_fault && a->script.fault == FAULT_DRIP) {
        (void)buf_span(&a->drip, buf_as_span(&out)); /* bounded: one burst at a time */
        a->ends_after_drip = is_over;
        answer_drip(a);
    } else if (!is_at_fault) {
        http_stream_write(a->stream, buf_as_span(&out));
        a->is_full = http_stream_is_full(a->stream);
        if (is_over)
            complete(a);
        else if (!a->is_full)
            await_next(a);
    }
    buf_release(&out);
}

static void on_timer(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    if (a->drip.len > 0)
        answer_drip(a);
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
    answer_over(a, "client_closed", 200);
}

/* Beginning. */

void answer_open(struct answer *a, const char *content_type)
{
    a->stream = http_stream_begin(a->request, content_type,
                                  &(struct http_stream_hooks){on_gone, on_writable, a});
    a->request = NULL;
}

static void stream_start(struct answer *a)
{
    struct buf out;
    timer_init(&a->timer, a->sim->loop, on_timer, a);
    answer_open(a, a->format->stream_type);
    buf_init(&out, FRAMES_MAX);
    a->format->open(&out, &a->frame);
    http_stream_write(a->stream, buf_as_span(&out));
    buf_release(&out);
    a->next_us = clock_mono_us() + a->script.first_ms * 1000;
    timer_start_at(&a->timer, a->next_us);
}

void answer_start(struct simulator *sim, struct http_request *request, struct row *row,
                  const struct order *order)
{
    const struct asked *asked = order->asked;
    struct answer *a = MEM_NEW(struct answer);
    a->magic = ANSWER_MAGIC;
    a->sim = sim;
    a->request = request;
    a->row = row;
    a->format = order->format;
    a->script = *order->script;
    a->model = span_dup(asked->model);
    a->id = id_mint(order->format->id_prefix);
    play_init(&a->play, &a->script, order->request, order->talk);
    speech_init(&a->speech, &a->script, &a->play, row_id(row), order->talk->prefill,
                asked->max_tokens);
    a->frame = (struct frame){.id = a->id.text,
                              .model = span_of(a->model),
                              .calls_before = order->talk->calls_before,
                              .at_ms = clock_wall_ms(),
                              .input_tokens = order->input_tokens,
                              .wants_usage = asked->wants_usage,
                              .tells_usage = a->script.tells_usage,
                              .index = -1};
    buf_init(&a->drip, FRAMES_MAX);
    if (asked->wants_stream)
        stream_start(a);
    else
        whole_start(a);
}
