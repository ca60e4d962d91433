/* Outgoing HTTP/1.1 over libcurl's multi interface on our loop: the only folder that knows curl.
 * Streaming response bodies, back-pressure, connections kept for the next request. No redirects, no
 * proxies or netrc from the environment, http and https only, peers verified. libcurl is never
 * called from its own callbacks: acts are deferred. The process must ignore SIGPIPE (loop/process.h
 * does). */
#ifndef SLUICE_FETCH_FETCH_H
#define SLUICE_FETCH_FETCH_H

#include "base/err.h"
#include "base/span.h"
#include "fetch/guard.h"
#include "loop/loop.h"

struct fetcher; /* one per process */
struct fetch;   /* one transfer */

struct fetcher *fetcher_new(struct loop *loop);
void fetcher_free(struct fetcher *fetcher); /* cancels all transfers, silently; not from a hook;
                                               NULL is a no-op */

/* Called whenever a request of this fetcher is about to leave: its connection stands, nothing of it
 * is written. It may cancel that transfer, which then never reaches the server, and any other. */
void fetcher_on_leaving(struct fetcher *fetcher, void (*on_leaving)(void *arg), void *arg);

struct fetch_header {
    const char *name;
    const char *value; /* CR and LF are refused */
};

struct fetch_hooks {
    /* May be NULL. The connection stands (TLS too) and the request goes out. Again if libcurl sends
     * it anew, because a kept connection was dead. */
    void (*on_connected)(struct fetch *fetch, void *arg);
    /* The response's final status and headers are there (before any body). Header values by
     * fetch_response_header. */
    void (*on_head)(struct fetch *fetch, int status, void *arg);
    /* Body bytes, cut anywhere. */
    void (*on_body)(struct fetch *fetch, struct span bytes, void *arg);
    /* Exactly once unless cancelled: 0: the response ended as HTTP says it should;
     * -ERR_TIMEOUT_CONNECT, -ERR_TIMEOUT_TOTAL, -ERR_PROVIDER_ERROR (could not connect, TLS, no or
     * not HTTP's answer, more than 64 KiB of headers; `detail` says what), -ERR_PROVIDER_TRUNCATED
     * (cut or reset in the body), -ERR_FORBIDDEN (its guard: every address that the host has is
     * refused, and none was connected to). The fetch frees itself after it. */
    void (*on_done)(struct fetch *fetch, int status, const char *detail, void *arg);
    void *arg;
};

struct fetch_request {
    const char *method; /* GET HEAD POST PUT PATCH DELETE */
    const char *url;    /* http or https, without user and password */
    const struct fetch_header *headers;
    size_t header_count;
    struct span body;   /* copied; SPAN_NONE for none */
    int64_t connect_ms; /* name, TCP and TLS */
    int64_t total_ms;   /* from the start to the end of the body; 0: none */
    bool is_sent_once;  /* on a connection of its own: libcurl sends anew what a kept one that was
                           dead may have taken */
    const struct fetch_guard *guard; /* NULL: none. Borrowed until on_done or fetch_cancel */
};

/* Starts; never calls back before it returns. -ERR_BAD_REQUEST for an unusable URL or header,
 * -ERR_FORBIDDEN for a host that the guard refuses by its name. */
MUST_USE int fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                         const struct fetch_hooks *hooks, struct fetch **out, struct err *err);
/* Closes the connection at once; silence afterwards; safe inside the hooks. */
void fetch_cancel(struct fetch *fetch);
void fetch_pause(
    struct fetch *fetch); /* no more on_body until resumed; the connection's window fills */
void fetch_resume(struct fetch *fetch);
struct span fetch_response_header(const struct fetch *fetch,
                                  const char *name); /* SPAN_NONE when absent */

/* Walks the headers of the response: `rest` is SPAN_NONE before the first. */
MUST_USE bool fetch_next_header(const struct fetch *fetch, struct span *rest, struct span *name,
                                struct span *value);
/* Of the headers retry-after-ms (which some providers send besides, and which is exact) and
 * Retry-After (seconds, or a date of RFC 9110); -1 when neither says anything. A day at most. */
int64_t fetch_retry_after_ms(const struct fetch *fetch);

#endif
