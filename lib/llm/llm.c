/* The life of one call: request out, stream in, five timers, one end. Owns struct llm_call; knows
 * no wire format (format.h) and no curl (lib/fetch).
 *
 *   WAITING ─head 200─► READING ─final frame─► ENDING ─response over, or END_WAIT_MS─► done
 *      └─other status─► REFUSED ─body read─► failed        (any error or timer ─► failed)
 *
 * Invariant: exactly one of on_done and on_failed, and nothing after it or after llm_cancel; the
 * memory goes at the end of the loop's turn. */
#include "base/log.h"
#include "base/mem.h"
#include "llm/format.h"
#include "llm/waits.h"
#include "wire/limits.h"
#include "wire/lines.h"
#include "wire/sse.h"

enum {
    LLM_MAGIC = 0x4c4c4d43,
    REQUEST_BYTES = 128 * 1024 * 1024,
    END_WAIT_MS = 500 /* for the response's own end after the final frame, so that the connection
                         can be kept */
};

enum call_state { CALL_WAITING, CALL_REFUSED, CALL_READING, CALL_ENDING, CALL_OVER };
static const char *const state_names[] = {"waiting", "refused", "reading", "ending", "over"};

struct llm_call {
    uint32_t magic;
    enum call_state state;
    struct loop *loop;
    const struct llm_model *model;
    const struct llm_format *format;
    struct llm_hooks hooks;
    struct fetch *fetch;   /* NULL once it ended */
    struct sse_reader sse; /* of the two, the one that the format's framing is */
    struct line_reader lines;
    struct llm_reading reading;
    void *reader;
    struct buf answer; /* the body of a refusal */
    struct waits waits;
    int status;
    bool is_paused;
    bool is_retry_refused; /* x-should-retry: false */
};

static const struct llm_format *find_format(const char *name)
{
    static const struct llm_format *const formats[] = {&llm_openai, &llm_anthropic, &llm_ollama};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

bool llm_format_is_known(const char *format)
{
    return find_format(format) != NULL;
}

static void set_state(struct llm_call *call, enum call_state next)
{
    static const unsigned legal[] = {
        [CALL_WAITING] = 1U << CALL_REFUSED | 1U << CALL_READING | 1U << CALL_OVER,
        [CALL_REFUSED] = 1U << CALL_OVER,
        [CALL_READING] = 1U << CALL_ENDING | 1U << CALL_OVER,
        [CALL_ENDING] = 1U << CALL_OVER,
        [CALL_OVER] = 0,
    };
    CHECK((legal[call->state] & 1U << next) != 0);
    log_event(LOG_DEBUG, "llm.state", "from=%s to=%s status=%d", state_names[call->state],
              state_names[next], call->status);
    call->state = next;
}

static void on_free(void *arg)
{
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    waits_release(&call->waits);
    if (call->format != NULL)
        call->format->reader_free(call->reader);
    sse_release(&call->sse);
    lines_release(&call->lines);
    buf_release(&call->answer);
    call->magic = 0;
    mem_free(call);
}

/* Ends the call: no hook, timer or transfer of it is heard of again. */
static void end(struct llm_call *call)
{
    set_state(call, CALL_OVER);
    call->reading.is_over = true;
    waits_stop_all(&call->waits);
    if (call->fetch != NULL)
        fetch_cancel(call->fetch);
    call->fetch = NULL;
    loop_defer(call->loop, on_free, call);
}

/* The failure's code and message are in the reading. */
static void fail(struct llm_call *call)
{
    struct llm_failure *failure = &call->reading.failure;
    failure->provider_status = call->status;
    failure->usage = call->reading.usage;
    failure_hide(failure, call->model->key);
    end(call);
    call->hooks.on_failed(failure, call->hooks.arg);
}

static void complete(struct llm_call *call)
{
    struct llm_result result = {.finish_reason = call->reading.finish_reason,
                                .usage = call->reading.usage};
    end(call);
    call->hooks.on_done(&result, call->hooks.arg);
}

static void fail_refused(struct llm_call *call)
{
    failure_from_answer(&call->reading.failure, call->status, buf_as_span(&call->answer));
    if (call->is_retry_refused)
        call->reading.failure.is_retryable = false;
    fail(call);
}

static void on_wait(enum wait_kind kind, void *arg)
{
    static const int codes[] = {
        [WAIT_FIRST_BYTE] = -ERR_TIMEOUT_FIRST_BYTE,
        [WAIT_FIRST_TOKEN] = -ERR_TIMEOUT_FIRST_TOKEN,
        [WAIT_IDLE] = -ERR_TIMEOUT_IDLE,
    };
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    if (kind == WAIT_END) {
        complete(call);
    } else if (call->state == CALL_REFUSED) {
        fail_refused(call); /* its status says more than the time */
    } else {
        (void)failure_set(&call->reading.failure, codes[kind], "%s", err_message(codes[kind]));
        fail(call);
    }
}

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

static int on_line(struct span data, void *arg)
{
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
    if (call->reading.has_output)
        waits_start(&call->waits, WAIT_IDLE, call->model->idle_ms);
    int result = call->format->read(call->reader, data);
    return call->reading.is_over ? -ERR_CANCELLED : result;
}

static int on_event(const struct sse_event *event, void *arg)
{
    return on_line(event->data, arg);
}

/* Hooks of the transfer. */

static void on_connected(struct fetch *fetch, void *arg)
{
    (void)fetch;
    struct llm_call *call = arg;
    CHECK_MAGIC(call, LLM_MAGIC);
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
        set_state(call, CALL_REFUSED);
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
        fail(call);
        return;
    }
    set_state(call, CALL_READING);
}

static void on_answer(struct llm_call *call, struct span bytes)
{
    size_t room = LIMIT_PROVIDER_ERROR_BODY - call->answer.len;
    (void)buf_append(&call->answer, bytes.ptr, bytes.len < room ? bytes.len : room); /* it fits */
    if (bytes.len >= room)
        fail_refused(call);
}

/* What feeding the framing's reader came to. */
static void on_fed(struct llm_call *call, int result)
{
    if (call->reading.is_over || result == 0)
        return;
    if (result == LLM_FINAL) {
        set_state(call, CALL_ENDING);
        waits_stop(&call->waits, WAIT_FIRST_TOKEN);
        waits_stop(&call->waits, WAIT_IDLE);
        waits_start(&call->waits, WAIT_END, END_WAIT_MS);
        return;
    }
    if (result == -ERR_TOO_LARGE)
        (void)failure_set(&call->reading.failure, -ERR_PROVIDER_ERROR,
                          "an event of the stream is larger than %d bytes", LIMIT_SSE_LINE);
    fail(call);
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
        complete(call);
    } else if (call->state == CALL_REFUSED && status != -ERR_TIMEOUT_TOTAL) {
        fail_refused(call);
    } else {
        if (status == 0)
            (void)failure_set(&call->reading.failure, -ERR_PROVIDER_TRUNCATED,
                              "the stream ended without its final frame");
        else
            (void)failure_set(&call->reading.failure, status, "%s: %s", err_message(status),
                              detail);
        fail(call);
    }
}

/* Starting. */

static int start_fetch(struct llm_call *call, struct fetcher *fetcher,
                       const struct llm_request *request, struct span body, struct err *err)
{
    const struct llm_model *model = call->model;
    struct span base = span_of(model->base_url);
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    char *url = mem_printf("%.*s%s", SPAN_ARG(base), call->format->path);
    char *key = mem_printf("%s%s", call->format->key_prefix, model->key);
    struct fetch_header headers[5] = {
        {"Content-Type", "application/json"},
        {"Accept", call->format->content_type},
        {"X-Request-Id", request->generation},
    };
    size_t count = 3;
    if (call->format->header.name != NULL)
        headers[count++] = call->format->header;
    if (model->key[0] != '\0')
        headers[count++] = (struct fetch_header){call->format->key_header, key};
    const struct fetch_request out = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = count,
        .body = body,
        .connect_ms = model->connect_ms,
        .total_ms = model->total_ms,
    };
    const struct fetch_hooks hooks = {.on_connected = on_connected,
                                      .on_head = on_head,
                                      .on_body = on_body,
                                      .on_done = on_fetch_done,
                                      .arg = call};
    int result = fetch_start(fetcher, &out, &hooks, &call->fetch, err);
    mem_free(key);
    mem_free(url);
    return result;
}

static struct llm_call *call_new(struct loop *loop, const struct llm_model *model,
                                 const struct llm_hooks *hooks)
{
    struct llm_call *call = MEM_NEW(struct llm_call);
    call->magic = LLM_MAGIC;
    call->loop = loop;
    call->model = model;
    call->hooks = *hooks;
    call->format = find_format(model->format);
    call->reading = (struct llm_reading){.hooks = &call->hooks, .usage = usage_unknown()};
    call->reading.failure.retry_after_ms = -1;
    sse_init(&call->sse, LIMIT_SSE_LINE, on_event, call);
    lines_init(&call->lines, LIMIT_SSE_LINE, on_line, call);
    buf_init(&call->answer, LIMIT_PROVIDER_ERROR_BODY);
    waits_init(&call->waits, loop, on_wait, call);
    return call;
}

int llm_start(struct loop *loop, struct fetcher *fetcher, const struct llm_model *model,
              const struct llm_request *request, const struct llm_hooks *hooks,
              struct llm_call **out, struct err *err)
{
    CHECK(hooks->on_piece != NULL && hooks->on_call != NULL && hooks->on_done != NULL &&
          hooks->on_failed != NULL);
    if (!llm_format_is_known(model->format))
        return err_set(err, ERR_NOT_SUPPORTED, "provider", "the wire format %s is not known",
                       model->format);
    struct llm_call *call = call_new(loop, model, hooks);
    call->reader = call->format->reader_new(&call->reading);
    struct buf body;
    buf_init(&body, REQUEST_BYTES);
    int result = call->format->write_request(&body, model, request, err);
    if (result == 0 && buf_error(&body) != 0)
        result = err_set(err, ERR_TOO_LARGE, NULL, "the request to the provider is too large");
    if (result == 0)
        result = start_fetch(call, fetcher, request, buf_as_span(&body), err);
    buf_release(&body);
    if (result == 0)
        *out = call;
    else
        on_free(call); /* nothing knows of it yet */
    return result;
}

void llm_cancel(struct llm_call *call)
{
    if (call == NULL)
        return;
    CHECK_MAGIC(call, LLM_MAGIC);
    if (call->state != CALL_OVER)
        end(call);
}

void llm_pause(struct llm_call *call)
{
    CHECK_MAGIC(call, LLM_MAGIC);
    if (call->is_paused || call->state == CALL_REFUSED || call->state == CALL_OVER)
        return;
    call->is_paused = true;
    waits_hold(&call->waits);
    if (call->fetch != NULL)
        fetch_pause(call->fetch);
}

void llm_resume(struct llm_call *call)
{
    CHECK_MAGIC(call, LLM_MAGIC);
    if (!call->is_paused || call->state == CALL_OVER)
        return;
    call->is_paused = false;
    waits_go_on(&call->waits);
    if (call->fetch != NULL)
        fetch_resume(call->fetch);
}

struct usage llm_usage(const struct llm_call *call)
{
    CHECK_MAGIC(call, LLM_MAGIC);
    return call->reading.usage;
}
