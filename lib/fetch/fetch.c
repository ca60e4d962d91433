/* One transfer: its hooks, its head, pause, cancel and how its end is named. Owns struct fetch.
 * Invariant: a hook is never called before fetch_start returned, after on_done, or after
 * fetch_cancel. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "fetch/multi.h"
#include <stdio.h>
#include <sys/socket.h>

/* The guard, at the only two places where a transfer comes to a connection: its own, before a byte
 * leaves, and one that another request has left open. */

static bool is_allowed(struct fetch *fetch, const struct address *address, unsigned port)
{
    const char *what = guard_refuses(fetch->guard, &fetch->place, address, port);
    if (what != NULL)
        fetch->refused = what;
    return what == NULL;
}

static curl_socket_t on_curl_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *fetch = arg;
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    struct address address = address_of_socket(&to->addr);
    if (fetch->is_silent || purpose != CURLSOCKTYPE_IPCXN ||
        !is_allowed(fetch, &address, address_port(&to->addr)))
        return CURL_SOCKET_BAD;
    fetch->is_dialled = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
}

static bool is_kept_one_allowed(struct fetch *fetch, const char *remote, int port)
{
    struct address address = {.bits = 0};
    (void)address_parse(span_of(remote), &address); /* else it is none, and refused */
    return fetch->guard == NULL || is_allowed(fetch, &address, (unsigned)port);
}

/* Callbacks of libcurl. Each counts itself in `depth` while a hook runs. */

static int on_curl_connected(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    (void)local;
    (void)local_port;
    struct fetch *fetch = arg;
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (fetch->is_silent || !is_kept_one_allowed(fetch, remote, remote_port))
        return CURL_PREREQFUNC_ABORT;
    struct fetcher *fetcher = fetch->fetcher;
    fetcher->depth++;
    if (fetcher->on_leaving != NULL)
        fetcher->on_leaving(fetcher->leaving_arg);
    fetch->is_connected = !fetch->is_silent;
    if (fetch->is_connected && fetch->hooks.on_connected != NULL)
        fetch->hooks.on_connected(fetch, fetch->hooks.arg);
    fetcher->depth--;
    return fetch->is_silent ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* "HTTP/1.1 200 OK": the status, or 0 when it is no status line. */
static int status_of(struct span line)
{
    if (!span_starts_with(line, "HTTP/"))
        return 0;
    (void)span_cut(&line, ' '); /* the version */
    uint64_t status;
    struct span digits = span_make(line.ptr, line.len < 3 ? line.len : 3);
    return num_parse_u64(digits, &status) == 0 ? (int)status : 0;
}

static void end_head(struct fetch *fetch)
{
    fetch->is_head_done = true;
    fetch->fetcher->depth++;
    fetch->hooks.on_head(fetch, fetch->status, fetch->hooks.arg);
    fetch->fetcher->depth--;
}

static size_t on_curl_header(char *bytes, size_t one, size_t len, void *arg)
{
    (void)one;
    struct fetch *fetch = arg;
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (fetch->is_silent)
        return CURL_WRITEFUNC_ERROR;
    if (fetch->is_head_done) /* trailers */
        return len;
    struct span line = span_make(bytes, len);
    int status = status_of(line);
    if (status != 0) { /* also a new head after an interim one */
        buf_reset(&fetch->head);
        fetch->status = status;
    }
    if (buf_span(&fetch->head, line) != 0)
        return CURL_WRITEFUNC_ERROR; /* the buffer's failure names the reason */
    bool is_blank = len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (is_blank && fetch->status >= 200)
        end_head(fetch);
    return fetch->is_silent ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_curl_body(char *bytes, size_t one, size_t len, void *arg)
{
    (void)one;
    struct fetch *fetch = arg;
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (fetch->is_silent)
        return CURL_WRITEFUNC_ERROR;
    if (fetch->is_paused) {
        fetch->is_held = true;
        return CURL_WRITEFUNC_PAUSE; /* libcurl keeps these bytes and reads no more */
    }
    fetch->fetcher->depth++;
    fetch->hooks.on_body(fetch, span_make(bytes, len), fetch->hooks.arg);
    fetch->fetcher->depth--;
    return fetch->is_silent ? CURL_WRITEFUNC_ERROR : len;
}

static void set_callbacks(struct fetch *fetch)
{
    CURL *easy = fetch->easy;
    CHECK(curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_curl_connected) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch) == CURLE_OK);
    if (fetch->guard != NULL) {
        CHECK(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open) == CURLE_OK);
        CHECK(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch) == CURLE_OK);
    }
    CHECK(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK);
}

int fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                const struct fetch_hooks *hooks, struct fetch **out, struct err *err)
{
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    CHECK(hooks->on_head != NULL && hooks->on_body != NULL && hooks->on_done != NULL);
    struct fetch *fetch = MEM_NEW(struct fetch);
    fetch->magic = FETCH_MAGIC;
    fetch->fetcher = fetcher;
    fetch->hooks = *hooks;
    fetch->started_ms = clock_mono_ms();
    fetch->total_ms = request->total_ms;
    fetch->guard = request->guard;
    buf_init(&fetch->head, FETCH_HEAD_BYTES);
    int result = request_prepare(fetch, request, err);
    if (result != 0) {
        fetch_free(fetch);
        return result;
    }
    set_callbacks(fetch);
    TAILQ_INSERT_TAIL(&fetcher->all, fetch, link);
    fetcher_want_act(fetcher, fetch);
    *out = fetch;
    return 0;
}

void fetch_free(struct fetch *fetch)
{
    curl_easy_cleanup(fetch->easy); /* NULL is fine */
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->connect_to);
    buf_release(&fetch->head);
    fetch->magic = 0;
    mem_free(fetch);
}

void fetch_act(struct fetch *fetch)
{
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (fetch->is_silent) {
        fetcher_remove(fetch);
        fetch_free(fetch);
    } else if (!fetch->is_added) {
        CHECK(curl_multi_add_handle(fetch->fetcher->multi, fetch->easy) == CURLM_OK);
        fetch->is_added = true;
    } else if (fetch->is_held && !fetch->is_paused) {
        fetch->is_held = false;
        /* Its result is the write callback's, and comes as the transfer's too. */
        (void)curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
    }
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch == NULL)
        return;
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (fetch->is_silent)
        return;
    fetch->is_silent = true;
    if (fetch->fetcher->depth > 0) {
        fetcher_want_act(fetch->fetcher, fetch);
        return;
    }
    fetcher_remove(fetch);
    fetch_free(fetch);
}

void fetch_pause(struct fetch *fetch)
{
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    fetch->is_paused = true;
}

void fetch_resume(struct fetch *fetch)
{
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    fetch->is_paused = false;
    if (fetch->is_held && !fetch->is_silent)
        fetcher_want_act(fetch->fetcher, fetch);
}

/* How libcurl's result is called in this house. */
static int name_result(const struct fetch *fetch, CURLcode result)
{
    if (fetch->refused != NULL && !fetch->is_dialled && result != CURLE_OPERATION_TIMEDOUT)
        return -ERR_FORBIDDEN;
    switch ((int)result) {
    case CURLE_OK: /* also for a connection that was closed within the head */
        return fetch->is_head_done ? 0 : -ERR_PROVIDER_ERROR;
    case CURLE_OPERATION_TIMEDOUT: {
        bool is_total =
            fetch->total_ms > 0 && clock_mono_ms() - fetch->started_ms >= fetch->total_ms;
        return is_total || fetch->is_connected ? -ERR_TIMEOUT_TOTAL : -ERR_TIMEOUT_CONNECT;
    }
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return fetch->is_head_done ? -ERR_PROVIDER_TRUNCATED : -ERR_PROVIDER_ERROR;
    default:
        return -ERR_PROVIDER_ERROR;
    }
}

void fetch_complete(struct fetch *fetch, CURLcode result)
{
    bool is_silent = fetch->is_silent;
    fetch->is_silent = true;
    int status = name_result(fetch, result);
    const char *detail = fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(result);
    if (result == CURLE_OK)
        detail = "the connection was closed within the response's header";
    if (status == -ERR_FORBIDDEN) {
        (void)snprintf(fetch->error, sizeof fetch->error,
                       "its host leads to a %s address, which may not be asked", fetch->refused);
        detail = fetch->error;
    }
    if (buf_error(&fetch->head) != 0)
        detail = "the response's header is too large";
    fetcher_remove(fetch);
    if (!is_silent)
        fetch->hooks.on_done(fetch, status, status == 0 ? "" : detail, fetch->hooks.arg);
    fetch_free(fetch);
}
