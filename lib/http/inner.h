/* The server's insides, shared by its files only. A connection owns everything of its client; a
 * request and a stream are parts of it. */
#ifndef SLUICE_HTTP_INNER_H
#define SLUICE_HTTP_INNER_H

#include "base/address.h"
#include "http/http.h"
#include "http/parser.h"
#include "http/tally.h"

#include <sys/queue.h>

struct bufferevent;
struct evconnlistener;
struct map;

enum {
    HTTP_SERVER_MAGIC = 0x68747470,
    HTTP_PARAMS_MAX = 4,
    HTTP_QUERY_MAX = 16,
    HTTP_HEAD_MAX = 16 * 1024,
    HTTP_INPUT_MAX = 16 * 1024, /* read ahead of what is handled; smaller bodies always pass */
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
    bool is_awaited; /* a client that closes its half has left */
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
    int64_t due_ms;      /* READING: when the header block, or the body, must be whole */
    size_t came;         /* READING: bytes since its pace was looked at */
    size_t served;
    size_t body_bytes; /* of the body it holds, as counted in the sums */
    bool keeps_alive, peer_ended, is_proxy;
    struct address peer_address;
    char peer[ADDRESS_TEXT];
    struct tally *address; /* the peer's; NULL for a trusted proxy, whose requests count instead */
    struct tally *client;  /* of the request under way that a trusted proxy passed on */
    struct tally *key;     /* that the request under way counts against */
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
    size_t body_bytes;            /* of all bodies held */
    size_t output_bytes;          /* that wait for clients */
    struct map *addresses, *keys; /* name to struct tally */
    struct network *trusted;      /* owned */
    struct timer accept_again;
    bool is_paused, is_draining, flush_is_due, caps_loopback;
};

/* connection.c */
/* `address` is the peer's tally, taken over; NULL for a trusted proxy. */
void conn_accept(struct http_server *server, int fd, const struct address *from,
                 struct tally *address);
void conn_state(struct conn *conn, enum conn_state state); /* the only one that changes it */
void conn_kill(struct conn *conn,
               const char *reason); /* closes at once; freed at the end of the turn */
void conn_send(struct conn *conn, struct span bytes);
void conn_uncount(struct conn *conn); /* the request is over: it no longer counts */
void conn_answered(
    struct conn *conn); /* the answer lies in the output: go on to the next request or close */
void conn_finish(struct conn *conn);                /* flush what waits, then close */
void conn_arm(struct conn *conn, int64_t after_ms); /* the deadline of the present state */
size_t conn_waiting(const struct conn *conn);       /* bytes in the output */

/* reading.c */
void reading_begin(struct conn *conn);   /* a fresh connection */
void reading_input(struct conn *conn);   /* parses what has come; dispatches whole requests */
void reading_late(struct conn *conn);    /* its timer ran out */
void reading_hurry(struct conn *conn);   /* the server drains: little time is left */
void reading_forget(struct conn *conn);  /* the request is over: what was read of it goes */
void conn_count_body(struct conn *conn); /* the parser's body grew, or went */

/* server.c */
void server_connection_over(struct http_server *server);
/* The tally of an address, one more counted; NULL when it has too many. */
MUST_USE struct tally *server_take_address(struct http_server *server, const struct address *a);

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
