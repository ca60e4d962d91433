/* What a call's transfer brings: head, frames, end; and what the format reads from them, handed on
 * to the caller. Knows no wire format (format.h). */
#include "llm/llm_inner.h"

#include "base/log.h"
#include "wire/limits.h"

enum {
    END_WAIT_MS = 500 /* for the response's own end after the final frame, so that the connection
                         can be kept */
};

/* The reading's voice. */

static void first_output(struct llm_reading *reading)
{
    struct llm_call *call = (void *)((char *)reading - offsetof(struct llm_call, reading));
    CHECK_MAGIC(call, LLM_MAGIC);
    reading->has_output = true;
    waits_stop(&call->waits, WAIT_FIRST_TOKEN);
    waits_start(&call->waits, WAIT_IDLE, call->model->idle_ms);
}

void llm_say_piece(struct llm_reading *reading, const struct piece *piece)
{
    if (reading->is_over)
        return;
    if (!reading->has_output)
        first_output(reading);
    reading->hooks->on_piece(piece, reading->hooks->arg);
}

void llm_say_call(struct llm_reading *reading, const struct call_piece *call)
{
    if (reading->is_over)
        return;
    if (!reading->has_output)
        first_output(reading);
    reading->hooks->on_call(call, reading->hooks->arg);
}

/* A frame of the stream. */

int llm_on_line(struct span data, void *arg)
{
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    if (call->reading.has_output)
        waits_start(&call->waits, WAIT_IDLE, call->model->idle_ms);
    int result = call->format->read(call->reader, data);
    return call->reading.is_over ? -ERR_CANCELLED : result;
}

int llm_on_event(const struct sse_event *event, void *arg)
{
    return llm_on_line(event->data, arg);
}

/* Hooks of the transfer. */

static void on_connected(struct fetch *fetch, void *arg)
{
    (void)fetch;
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    call->is_connected = true;
    waits_start(&call->waits, WAIT_FIRST_BYTE, call->model->first_byte_ms);
    waits_start(&call->waits, WAIT_FIRST_TOKEN, call->model->first_token_ms);
    if (call->hooks.on_connected != NULL && call->state != CALL_OVER)
        call->hooks.on_connected(call->hooks.arg);
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    call->status = status;
    waits_stop(&call->waits, WAIT_FIRST_BYTE);
    if (status != 200) {
        call->reading.failure.retry_after_ms = fetch_retry_after_ms(fetch);
        call->is_retry_refused =
            span_is_nocase(fetch_response_header(fetch, "x-should-retry"), "false");
        llm_set_state(call, CALL_REFUSED);
        llm_resume(call); /* a short body that the caller never sees */
        waits_stop(&call->waits, WAIT_FIRST_TOKEN);
        waits_start(&call->waits, WAIT_IDLE, call->model->idle_ms);
        return;
    }
    struct span type = fetch_response_header(fetch, "content-type");
    struct span kind = span_trim(span_cut(&type, ';'));
    if (!span_is_nocase(kind, call->format->content_type)) {
        (void)failure_set(&call->reading.failure, -ERR_PROVIDER_ERROR,
                          "the provider answered with %.*s instead of %s",
                          SPAN_ARG(kind.len == 0 ? SPAN_LIT("no content type") : kind),
                          call->format->content_type);
        llm_fail(call);
        return;
    }
    llm_set_state(call, CALL_READING);
}

static void on_answer(struct llm_call *call, struct span bytes)
{
    size_t room = LIMIT_PROVIDER_ERROR_BODY - call->answer.len;
    (void)buf_append(&call->answer, bytes.ptr, bytes.len < room ? bytes.len : room); /* it fits */
    if (bytes.len >= room)
        llm_fail_refused(call);
}

/* What feeding the framing's reader came to. */
static void on_fed(struct llm_call *call, int result)
{
    if (call->reading.is_over || result == 0)
        return;
    if (result == LLM_FINAL) {
        llm_set_state(call, CALL_ENDING);
        waits_stop(&call->waits, WAIT_FIRST_TOKEN);
        waits_stop(&call->waits, WAIT_IDLE);
        waits_start(&call->waits, WAIT_END, END_WAIT_MS);
        return;
    }
    if (result == -ERR_TOO_LARGE)
        (void)failure_set(&call->reading.failure, -ERR_PROVIDER_ERROR,
                          "an event of the stream is larger than %d bytes", LIMIT_SSE_LINE);
    llm_fail(call);
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    (void)fetch;
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    if (call->state == CALL_REFUSED)
        on_answer(call, bytes);
    if (call->state != CALL_READING)
        return; /* behind the final frame */
    on_fed(call, call->format->framing == FRAMING_LINES ? lines_feed(&call->lines, bytes)
                                                        : sse_feed(&call->sse, bytes));
}

/* Why there is no connection may tell what a chat's user need not know, such as an address inside:
 * it is for the log. */
static void fail_transfer(struct llm_call *call, int status, const char *detail)
{
    struct llm_failure *failure = &call->reading.failure;
    log_event(LOG_INFO, "llm.transfer", "error=%s detail=%s", err_name(status), detail);
    if (status == -ERR_PROVIDER_ERROR && !call->is_connected)
        (void)failure_set(failure, status, "no connection to the provider could be made");
    else
        (void)failure_set(failure, status, "%s: %s", err_message(status), detail);
}

static void on_fetch_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    (void)fetch;
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    call->fetch = NULL; /* it frees itself */
    bool has_rest = json_check(buf_as_span(&call->lines.kept), NULL) == 0;
    if (call->state == CALL_READING && status == 0 && has_rest)
        on_fed(call, lines_end(&call->lines)); /* the last line may lack its end */
    if (call->state == CALL_OVER)
        return;
    if (call->state == CALL_ENDING) {
        llm_complete(call);
    } else if (call->state == CALL_REFUSED && status != -ERR_TIMEOUT_TOTAL) {
        llm_fail_refused(call);
    } else {
        if (status == 0)
            (void)failure_set(&call->reading.failure, -ERR_PROVIDER_TRUNCATED,
                              "the stream ended without its final frame");
        else
            fail_transfer(call, status, detail);
        llm_fail(call);
    }
}

struct fetch_hooks llm_fetch_hooks(struct llm_call *call)
{
    return (struct fetch_hooks){.on_connected = on_connected,
                                .on_head = on_head,
                                .on_body = on_body,
                                .on_done = on_fetch_done,
                                .arg = call};
}
