/* A small strict HTTP/1.1 server (RFC 9110, 9112) on bufferevents: the only code that touches
 * clients' sockets. It refuses whatever is malformed or ambiguous with 400 and closes; per-request
 * deadlines, connection caps, bounded buffers. Handlers see whole requests.
 *
 * A request is alive until it was answered: exactly one of http_reply or http_stream_begin. A
 * handler may answer later; the client leaving is told by on_gone, after which the request may not
 * be touched. */
#ifndef SLUICE_HTTP_HTTP_H
#define SLUICE_HTTP_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

struct http_server;
struct http_request;
struct http_stream;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_COUNT
};

/* A route: `path` with {names} for one segment each: "/v1/chats/{chat_id}/stop". HEAD is served by
 * GET. */
struct http_route {
    enum http_method method;
    const char *path;
    void (*handler)(struct http_request *request, void *arg);
};

struct http_options {
    const struct http_route *routes;
    size_t route_count;
    void *arg; /* for handlers and before */
    /* Called first for every request; returns true when it answered (authorisation, Host and Origin
     * checks). May be NULL. */
    bool (*before)(struct http_request *request, void *arg);
    size_t max_body_bytes;   /* 0: LIMIT_BODY */
    size_t max_bodies_bytes; /* of all requests under way; 0: LIMIT_BODIES. Small bodies pass */
    size_t
        max_output_bytes;   /* that wait for all clients; 0: LIMIT_OUTPUTS. Beyond it see is_full */
    size_t max_connections; /* 0: open files - 1024 */
    /* Connections of one IPv4 address or IPv6 /64. 0: LIMIT_CONNECTIONS_PER_ADDRESS, and loopback
     * addresses are free: this machine's owner. One address may hold a quarter of max_bodies_bytes.
     */
    size_t max_per_address;
    /* Networks ("10.0.0.0/8") of proxies whose X-Forwarded-For is believed: in place of their
     * connections, the requests of each client that they name are counted. Copied; must be valid.
     */
    const char *const *trusted_proxies;
    size_t trusted_proxy_count;
    /* A request's header block and body must be whole in this time from their first byte on; each
     * pace_ms they must have come nearer by LIMIT_PACE_BYTES a second. 0: limits.h. */
    int64_t header_ms, body_ms, pace_ms;
    int64_t keepalive_ms; /* 0: limits.h */
    int64_t stall_ms;     /* of a client that takes nothing of its answer; 0: LIMIT_SSE_STALL_MS */
    /* Puts the JSON body of an error, of the server's own too (malformed requests, 404, 405). NULL:
     * {"error": {code, message, param?, retryable}}. */
    void (*put_error)(struct buf *out, int status, const struct err *err);
    /* A client that closes its half before the answer has left: on_gone is called. Else it may mean
     * no more than that nothing follows, and it still gets its answer. */
    bool half_close_leaves;
};

struct http_server *http_server_new(struct loop *loop, const struct http_options *options);
void http_server_free(struct http_server *server); /* closes everything, at once */
/* Listens on "host:port", "[v6]:port" (port 0: any free one) with SO_REUSEPORT off; `bound` (may be
 * NULL) receives "host:port". 0 or -ERR_SYSTEM. */
MUST_USE int http_listen(struct http_server *server, const char *address, char *bound,
                         size_t bound_size, struct err *err);
/* Stop accepting, answer what is under way with Connection: close, close idle connections. A
 * request that is only half here has LIMIT_DRAIN_MS to become whole, then it gets 503. Streams stay
 * until closed by their owner. */
void http_server_drain(struct http_server *server);
size_t http_server_connections(const struct http_server *server);

/* The request. Spans live as long as the request. */
enum http_method http_method(const struct http_request *r);
struct span http_param(const struct http_request *r,
                       const char *name); /* {name} of the route, percent-decoded; SPAN_NONE */
struct span
http_query(const struct http_request *r,
           const char *name); /* percent-decoded; SPAN_NONE when absent, "" when empty */
bool http_query_is_known(const struct http_request *r, const char *const *names, size_t count,
                         struct span *unknown);
struct span http_header(const struct http_request *r,
                        const char *name); /* SPAN_NONE when absent; several are joined by ", " */
struct span http_body(const struct http_request *r);
void http_set_user(struct http_request *r, void *user,
                   void (*on_gone)(void *user)); /* client left before the answer */

/* The route that the request goes to; NULL when no path or method fits. */
const struct http_route *http_route_of(const struct http_request *r);
/* For `before`, which answered true to ask somebody first: the request goes on to its route now. */
void http_proceed(struct http_request *r);

/* Counts the request, until its answer has left or its stream is over, against what it is done in
 * the name of: an API key's id. False when `most` (0: LIMIT_CONNECTIONS_PER_KEY) are under way:
 * then 429 was answered. Once per request. */
MUST_USE bool http_count_against(struct http_request *r, const char *key, size_t most);
/* For an answer that is long in coming: from here on a client that closes its half has left, as in
 * options.half_close_leaves. False: it has done so already. */
MUST_USE bool http_await_leaving(struct http_request *r);

/* Answering. Extra headers are added before; names and values are CHECKed for CR and LF. Date,
 * Content-Length and Connection are the server's. */
void http_add_header(struct http_request *r, const char *name, struct span value);
void http_reply(struct http_request *r, int status, const char *content_type,
                struct span body); /* body copied; 204 and 304: no body */
void http_reply_json(struct http_request *r, int status, struct span json);
/* {"error": {...}} with the code's status; Retry-After: 1 for 503 and 429 unless added before. */
void http_reply_error(struct http_request *r, const struct err *err);
void http_reply_code(struct http_request *r, int code); /* the table's message */

/* Streaming: sends status 200 and the headers of an event stream (text/event-stream unless
 * content_type says else), chunked for 1.1, until close for 1.0. The request is over with it. Bytes
 * that the client sent behind the request, or sends from here on, close the connection. */
struct http_stream_hooks {
    void (*on_gone)(void *arg,
                    const char *reason); /* closed by the other side, stalled, or server freed; the
                                            stream may not be touched afterwards */
    void (*on_writable)(
        void *arg); /* the buffer fell below the low mark after http_stream_is_full was true */
    void *arg;
};
struct http_stream *http_stream_begin(struct http_request *r, const char *content_type,
                                      const struct http_stream_hooks *hooks);
/* Appends; written once per loop pass. Never fails: look at http_stream_is_full and stop producing.
 */
void http_stream_write(struct http_stream *s, struct span bytes);
/* More than LIMIT_SSE_BUFFER waits, or a small part of it while all have max_output_bytes. */
bool http_stream_is_full(const struct http_stream *s);
size_t http_stream_pending(const struct http_stream *s);
void http_stream_close(
    struct http_stream *s); /* ends it properly after what waits was written; silence afterwards */
void http_stream_abort(struct http_stream *s); /* closes the connection at once (RST when bytes
                                                  wait): for fault injection and shutdown */

#endif
