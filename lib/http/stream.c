/* Owns: a response without an end. What is written in one pass of the loop leaves in one write; a
 * client that does not read is told to its producer (is_full), never buffered for without limit. */
#include "http/inner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

enum {
    STREAM_MAGIC = 0x73747265,
    PENDING_MAX = 16 * 1024 * 1024,
    LOW_MARK = LIMIT_SSE_BUFFER / 2,
    SHARE = 16
};

static const char EVENT_STREAM[] = "text/event-stream; charset=utf-8";

static void free_stream(void *arg)
{
    struct http_stream *s = arg;
    CHECK_MAGIC(s, STREAM_MAGIC);
    buf_release(&s->pending);
    s->magic = 0;
    mem_free(s);
}

/* Lets go of the stream; freed at the end of the turn. */
static void retire(struct http_stream *s)
{
    struct loop *loop = s->conn->server->loop;
    if (s->is_dirty)
        LIST_REMOVE(s, dirty);
    s->is_dirty = false;
    s->conn->stream = NULL;
    metric_add(METRIC_HTTP_STREAMS, -1);
    loop_defer(loop, free_stream, s);
}

void stream_lost(struct http_stream *s, const char *reason)
{
    struct http_stream_hooks hooks = s->hooks;
    retire(s);
    if (hooks.on_gone != NULL)
        hooks.on_gone(hooks.arg, reason);
}

static void send_head(struct http_request *r, struct http_stream *s, const char *content_type)
{
    struct buf head;
    buf_init(&head, HTTP_HEAD_MAX * 2);
    reply_put_head(&head, 200, content_type == NULL ? EVENT_STREAM : content_type, r->conn);
    (void)buf_text(&head, "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n");
    if (s->is_chunked)
        (void)buf_text(&head, "Transfer-Encoding: chunked\r\n");
    (void)buf_span(&head, buf_as_span(&r->extra));
    (void)buf_text(&head, "\r\n");
    CHECK(buf_error(&head) == 0);
    conn_send(r->conn, buf_as_span(&head));
    buf_release(&head);
}

/* Whether the client sent more behind the request that became a stream. */
static bool has_sent_more(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;
}

/* A stream that may not go on: the request was HEAD, or while it was handled the client left, or
 * sent more, which is what it may not do on a stream. */
static void end_unread(void *arg)
{
    struct http_stream *s = arg;
    CHECK_MAGIC(s, STREAM_MAGIC);
    if (s->conn->stream == s)
        conn_kill(s->conn, has_sent_more(s->conn) ? "client sent on a stream" : "nobody reads");
}

struct http_stream *http_stream_begin(struct http_request *r, const char *content_type,
                                      const struct http_stream_hooks *hooks)
{
    struct conn *c = r->conn;
    CHECK(c->state == CONN_HANDLING && hooks->on_gone != NULL);
    struct http_stream *s = MEM_NEW(struct http_stream);
    bool is_head = r->is_head;
    s->magic = STREAM_MAGIC;
    s->conn = c;
    s->hooks = *hooks;
    s->is_chunked = parser_minor(c->parser) == 1;
    buf_init(&s->pending, PENDING_MAX);
    c->keeps_alive = false;
    send_head(r, s, content_type);
    request_free(r);
    c->request = NULL;
    parser_free(c->parser);
    c->parser = NULL;
    conn_count_body(c);
    c->stream = s;
    conn_state(c, CONN_STREAMING);
    bufferevent_setwatermark(c->bev, EV_WRITE, LOW_MARK, 0);
    metric_add(METRIC_HTTP_STREAMS, 1);
    if (is_head || c->peer_ended || has_sent_more(c))
        loop_defer(c->server->loop, end_unread, s);
    return s;
}

/* Hands what is pending to the socket, as one chunk. */
static void flush(struct http_stream *s)
{
    struct conn *c = s->conn;
    if (s->pending.len > 0 && s->is_chunked) {
        struct buf out;
        buf_init(&out, PENDING_MAX + 64);
        (void)buf_printf(&out, "%zx\r\n", s->pending.len);
        (void)buf_span(&out, buf_as_span(&s->pending));
        (void)buf_text(&out, "\r\n");
        CHECK(buf_error(&out) == 0);
        conn_send(c, buf_as_span(&out));
        buf_release(&out);
    } else if (s->pending.len > 0) {
        conn_send(c, buf_as_span(&s->pending));
    }
    buf_release(&s->pending); /* idle streams are many: no memory is kept for them */
    if (conn_waiting(c) > 0 && !timer_is_on(&c->deadline))
        conn_arm(c, c->server->options.stall_ms);
}

/* A socket that took everything at once gives no event for it: a producer that was told to wait is
 * told here. */
static void flush_and_tell(struct http_stream *s)
{
    flush(s);
    stream_progress(s);
}

static void flush_all(void *arg)
{
    struct http_server *server = arg;
    CHECK_MAGIC(server, HTTP_SERVER_MAGIC);
    server->flush_is_due = false;
    while (!LIST_EMPTY(&server->dirty)) {
        struct http_stream *s = LIST_FIRST(&server->dirty);
        LIST_REMOVE(s, dirty);
        s->is_dirty = false;
        if (buf_error(&s->pending) != 0)
            conn_kill(s->conn, "too much was written at once");
        else
            flush_and_tell(s);
    }
}

void http_stream_write(struct http_stream *s, struct span bytes)
{
    CHECK_MAGIC(s, STREAM_MAGIC);
    struct http_server *server = s->conn->server;
    (void)buf_span(&s->pending, bytes); /* seen by the flush */
    if (!s->is_dirty) {
        s->is_dirty = true;
        LIST_INSERT_HEAD(&server->dirty, s, dirty);
    }
    if (!server->flush_is_due) {
        server->flush_is_due = true;
        loop_defer(server->loop, flush_all, server);
    }
}

size_t http_stream_pending(const struct http_stream *s)
{
    return s->pending.len + conn_waiting(s->conn);
}

/* One part of a limit where all that wait have enough. */
static size_t part_of(const struct http_stream *s, size_t limit)
{
    return s->conn->server->output_bytes > s->conn->server->options.max_output_bytes ? limit / SHARE
                                                                                     : limit;
}

bool http_stream_is_full(const struct http_stream *s)
{
    bool is_full = http_stream_pending(s) > part_of(s, LIMIT_SSE_BUFFER);
    struct http_stream *owner =
        s->conn->stream; /* the same, not const: it remembers that it said so */
    if (is_full && owner != NULL)
        owner->was_full = true;
    return is_full;
}

void stream_progress(struct http_stream *s)
{
    if (conn_waiting(s->conn) == 0)
        timer_stop(&s->conn->deadline);
    if (!s->was_full || http_stream_pending(s) > part_of(s, LOW_MARK))
        return;
    s->was_full = false;
    if (s->hooks.on_writable != NULL)
        s->hooks.on_writable(s->hooks.arg);
}

void http_stream_close(struct http_stream *s)
{
    CHECK_MAGIC(s, STREAM_MAGIC);
    struct conn *c = s->conn;
    if (buf_error(&s->pending) != 0) { /* bytes are missing: it must not look whole */
        http_stream_abort(s);
        return;
    }
    flush(s);
    if (s->is_chunked)
        conn_send(c, SPAN_LIT("0\r\n\r\n"));
    retire(s);
    bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
    conn_finish(c);
}

void http_stream_abort(struct http_stream *s)
{
    CHECK_MAGIC(s, STREAM_MAGIC);
    struct conn *c = s->conn;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &reset,
                     sizeof reset); /* then it is a plain close */
    retire(s);
    conn_kill(c, "aborted");
}
