/* The life of one call: request out, stream in (stream.c), five timers, one end. Owns struct
 * llm_call; knows no wire format (format.h) and no curl (lib/fetch).
 *
 * Invariant: exactly one of on_done and on_failed, and nothing after it or after llm_cancel; the
 * memory goes at the end of the loop's turn. */
#include "llm/llm_inner.h"

#include "base/log.h"
#include "base/mem.h"
#include "wire/limits.h"

enum { REQUEST_BYTES = 128 * 1024 * 1024 };

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

void llm_set_state(struct llm_call *call, enum call_state next)
{
    static const char *const names[] = {"waiting", "refused", "reading", "ending", "over"};
    static const unsigned legal[] = {
        [CALL_WAITING] = 1U << CALL_REFUSED | 1U << CALL_READING | 1U << CALL_OVER,
        [CALL_REFUSED] = 1U << CALL_OVER,
        [CALL_READING] = 1U << CALL_ENDING | 1U << CALL_OVER,
        [CALL_ENDING] = 1U << CALL_OVER,
        [CALL_OVER] = 0,
    };
    CHECK((legal[call->state] & 1U << next) != 0);
    log_event(LOG_DEBUG, "llm.state", "from=%s to=%s status=%d", names[call->state], names[next],
              call->status);
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
    llm_set_state(call, CALL_OVER);
    call->reading.is_over = true;
    waits_stop_all(&call->waits);
    if (call->fetch != NULL)
        fetch_cancel(call->fetch);
    call->fetch = NULL;
    loop_defer(call->loop, on_free, call);
}

void llm_fail(struct llm_call *call)
{
    struct llm_failure *failure = &call->reading.failure;
    failure->provider_status = call->status;
    failure->usage = call->reading.usage;
    failure_hide(failure, call->model->key);
    end(call);
    call->hooks.on_failed(failure, call->hooks.arg);
}

void llm_complete(struct llm_call *call)
{
    struct llm_result result = {.finish_reason = call->reading.finish_reason,
                                .usage = call->reading.usage};
    end(call);
    call->hooks.on_done(&result, call->hooks.arg);
}

void llm_fail_refused(struct llm_call *call)
{
    failure_from_answer(&call->reading.failure, call->status, buf_as_span(&call->answer));
    if (call->is_retry_refused)
        call->reading.failure.is_retryable = false;
    llm_fail(call);
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
        llm_complete(call);
    } else if (call->state == CALL_REFUSED) {
        llm_fail_refused(call); /* its status says more than the time */
    } else {
        (void)failure_set(&call->reading.failure, codes[kind], "%s", err_message(codes[kind]));
        llm_fail(call);
    }
}

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
    const struct fetch_hooks hooks = llm_fetch_hooks(call);
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
    sse_init(&call->sse, LIMIT_SSE_LINE, llm_on_event, call);
    lines_init(&call->lines, LIMIT_SSE_LINE, llm_on_line, call);
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
