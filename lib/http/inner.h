/* The server's insides, shared by its files only. A connection owns everything of its client; a
 * request and a stream are parts of it. */
#ifndef SLUICE_HTTP_INNER_H
#define SLUICE_HTTP_INNER_H

#include "http/http.h"
#include "http/parser.h"

#include <sys/queue.h>

struct bufferevent;
struct evconnlistener;
struct map;

enum {
    HTTP_SERVER_MAGIC = 0x68747470,
    HTTP_PARAMS_MAX = 4,
    HTTP_QUERY_MAX = 16,
    HTTP_HEAD_MAX = 16 * 1024,
    HTTP_LISTENERS_MAX = 16
};

/*     READING ─► HANDLING ─► WRITING ─► READING (keep-alive)
 *                   │            └────► CLOSING
 *                   └─► STREAMING ────► CLOSING ─► LINGERING ─► GONE        any ─► GONE
 */
enum conn_state {
    CONN_READING,
    CONN_HANDLING,
    CONN_WRITING,
    CONN_STREAMING,
    CONN_CLOSING,
    CONN_LINGERING,
    CONN_GONE,
    CONN_STATES
};

struct pair {
    struct span name, value;
};

struct joined {
    struct joined *next;
    char *text;
};

struct http_request {
    uint32_t magic;
    struct conn *conn;
    enum http_method method;
    bool is_head; /* HEAD, served by GET's route: no body goes out */
    const struct http_route *route;
    struct span path, query_text;
    struct pair params[HTTP_PARAMS_MAX];
    size_t param_count;
    struct pair query[HTTP_QUERY_MAX];
    size_t query_count;
    bool has_odd_query;    /* a name that stands twice, or too many */
    char *decoded;         /* what params and query point into */
    struct joined *joined; /* headers that had to be joined, kept until the answer */
    struct buf extra;      /* headers added by the handler */
    void *user;
    void (*on_gone)(void *user);
};

struct http_stream {
    uint32_t magic;
    struct conn *conn;
    struct http_stream_hooks hooks;
    struct buf pending; /* of this loop pass */
    bool is_chunked, is_dirty, was_full;
    LIST_ENTRY(http_stream) dirty;
};

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct http_server *server;
    struct bufferevent *bev; /* NULL once GONE */
    struct parser *parser;   /* NULL while streaming: idle streams are many */
    struct http_request *request;
    struct http_stream *stream;
    struct timer deadline;
    int64_t progress_ms; /* when bytes last left, while some wait */
    size_t served;
    size_t body_bytes; /* of the body it holds, as counted in the server's sum */
    bool keeps_alive, peer_ended;
    char peer[48];
    LIST_ENTRY(conn) link;
};

struct http_server {
    uint32_t magic;
    struct loop *loop;
    struct http_options options;
    struct evconnlistener *listeners[HTTP_LISTENERS_MAX];
    size_t listener_count;
    LIST_HEAD(, conn) conns;
    LIST_HEAD(, http_stream) dirty;
    size_t conn_count;
    size_t body_bytes;       /* of all bodies held */
    struct map *per_address; /* address to struct address_count */
    struct timer accept_again;
    bool is_paused, is_draining, flush_is_due, caps_loopback;
};

/* connection.c */
void conn_accept(struct http_server *server, int fd, const char *peer);
void conn_state(struct conn *conn, enum conn_state state); /* the only one that changes it */
void conn_kill(struct conn *conn,
               const char *reason); /* closes at once; freed at the end of the turn */
void conn_send(struct conn *conn, struct span bytes);
void conn_count_body(struct conn *conn); /* the parser's body grew, or went */
void conn_answered(
    struct conn *conn); /* the answer lies in the output: go on to the next request or close */
void conn_finish(struct conn *conn);                /* flush what waits, then close */
void conn_arm(struct conn *conn, int64_t after_ms); /* the deadline of the present state */
size_t conn_waiting(const struct conn *conn);       /* bytes in the output */

/* server.c */
void address_release(struct http_server *server, const char *peer);

/* request.c */
struct http_request *request_new(struct conn *conn);
void request_free(struct http_request *request);
void request_gone(struct http_request *request); /* tells on_gone */
void request_dispatch(struct http_request *request);

/* stream.c */
void stream_progress(struct http_stream *stream); /* bytes left the output */
void stream_lost(struct http_stream *stream, const char *reason);

/* reply.c */
/* Status line and the headers that every answer has. */
void reply_put_head(struct buf *out, int status, const char *content_type, const struct conn *conn);
void reply_plain_error(struct conn *conn, int status,
                       const char *text); /* before there is a request: malformed input */
/* With a status that is not the code's own. */
void reply_error(struct http_request *request, int status, const struct err *err);

#endif
