/* Owns: one hiredis context, its two events and its flush. What a turn has written goes out at its
 * end; only what the kernel does not take then waits for the socket to be writable. Invariant: a
 * context is freed by us only at the end of a turn, never under one of its callbacks (inside the
 * connect callback hiredis 0.14 would crash); one that failed or was closed by the server frees
 * itself, and is forgotten in the callback that tells so. Replies belong to hiredis.
 *
 * hiredis moves all that it has not sent yet to the front after each write, which takes the square
 * of its length: so it gets a piece at a time, and what is behind waits in `unsent`. */
#include "bus/conn.h"

#include "base/log.h"
#include "base/mem.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum {
    CONN_MAGIC = 0x636f6e6e,
    UNSENT_MS = 10 * 1000,
    ELEMENTS_MAX = 1 << 22,
    PIECE_BYTES = 256 * 1024,
    READS_MAX = 16 /* at once, out of the loop's order */
};

struct unsent {
    TAILQ_ENTRY(unsent) link;
    size_t len, at; /* at: what hiredis has got of it */
    char bytes[];
};

struct conn {
    uint32_t magic;
    struct loop *loop;
    struct conn_hooks hooks;
    redisAsyncContext *ctx; /* NULL once it freed itself */
    struct event *readable, *writable;
    struct last_call last;
    TAILQ_HEAD(, unsent) unsent; /* whole commands, but that the first one may have begun */
    bool is_open, is_reading, is_writing;
    bool is_over;   /* on_closed was called */
    bool is_closed; /* conn_close was called */
    uint64_t moves; /* how often the server took something */
};

/* hiredis's five hooks into an event loop. Reading goes on for good, so its event persists: nothing
 * to add anew per reply. */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = arg;
    (void)fd, (void)what;
    CHECK_MAGIC(conn, CONN_MAGIC);
    conn->is_reading = true;
    redisAsyncHandleRead(conn->ctx);
    conn->is_reading = false;
}

/* The end of the connection is left to the loop. */
static bool has_bytes(const struct conn *conn)
{
    char byte;
    return conn->ctx != NULL && conn->is_open && !conn->is_over && !conn->is_closed &&
           recv(conn->ctx->c.fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void conn_read(struct conn *conn)
{
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->is_reading || conn->is_writing)
        return; /* hiredis is on the stack */
    for (int i = 0; i < READS_MAX && has_bytes(conn); i++)
        on_readable(-1, EV_READ, conn);
}

static void feed(struct conn *conn);

static void write_out(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->ctx == NULL)
        return;
    size_t before = sdslen(conn->ctx->c.obuf);
    conn->is_writing = true;
    redisAsyncHandleWrite(conn->ctx);
    conn->is_writing = false;
    if (conn->ctx != NULL && sdslen(conn->ctx->c.obuf) < before)
        conn->moves++;
    feed(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    write_out(arg);
}

static void add_read(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    (void)event_add(conn->readable, NULL);
}

static void del_read(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    (void)event_del(conn->readable);
}

static void add_write(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->is_open && !conn->is_writing)
        last_call_start(&conn->last);
    else
        (void)event_add(conn->writable, NULL);
}

static void del_write(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    (void)event_del(conn->writable);
}

static void clean_up(void *arg)
{
    struct conn *conn = arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->readable != NULL)
        event_free(conn->readable);
    if (conn->writable != NULL)
        event_free(conn->writable);
    conn->readable = conn->writable = NULL;
}

static void attach(struct conn *conn, struct loop *loop)
{
    int fd = conn->ctx->c.fd;
    struct event_base *base = loop_base(loop);
    conn->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    CHECK(conn->readable != NULL && conn->writable != NULL);
    conn->ctx->ev.data = conn;
    conn->ctx->ev.addRead = add_read;
    conn->ctx->ev.delRead = del_read;
    conn->ctx->ev.addWrite = add_write;
    conn->ctx->ev.delWrite = del_write;
    conn->ctx->ev.cleanup = clean_up;
    add_read(conn);
    add_write(conn); /* the connect callback comes with the first write */
}

/* A dead peer is noticed by the kernel too: a link with nothing in flight has no timer of ours
 * running. */
static void tune(redisAsyncContext *ctx)
{
    unsigned unsent_ms = UNSENT_MS;
    int on = 1;
    (void)redisEnableKeepAlive(&ctx->c); /* best effort, as the two below */
    (void)setsockopt(ctx->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(ctx->c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unsent_ms, sizeof unsent_ms);
}

static void over(struct conn *conn, const char *reason)
{
    conn->ctx = NULL;
    if (conn->is_over || conn->is_closed)
        return;
    conn->is_over = true;
    conn->hooks.on_closed(reason, conn->hooks.arg);
}

static void on_connect(const redisAsyncContext *ctx, int status)
{
    struct conn *conn = ctx->data;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (status != REDIS_OK)
        over(conn, ctx->errstr == NULL ? "connect" : ctx->errstr);
    else if (!conn->is_closed) {
        conn->is_open = true;
        conn->hooks.on_open(conn->hooks.arg);
    }
}

static void on_disconnect(const redisAsyncContext *ctx, int status)
{
    struct conn *conn = ctx->data;
    (void)status;
    CHECK_MAGIC(conn, CONN_MAGIC);
    over(conn, ctx->errstr == NULL || ctx->errstr[0] == '\0' ? "closed" : ctx->errstr);
}

/* `reply` is NULL while hiredis tears down what was in flight: the link keeps its own account of
 * that. */
static void on_answer(redisAsyncContext *ctx, void *reply, void *arg)
{
    struct conn *conn = ctx->data;
    (void)arg;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (reply != NULL && !conn->is_closed && !conn->is_over)
        conn->hooks.on_reply(reply, conn->hooks.arg);
}

struct conn *conn_new(struct loop *loop, const char *address, int port,
                      const struct conn_hooks *hooks)
{
    redisAsyncContext *ctx =
        port == 0 ? redisAsyncConnectUnix(address) : redisAsyncConnect(address, port);
    CHECK(ctx != NULL); /* out of memory */
    if (ctx->err != 0) {
        log_event(LOG_DEBUG, "redis.connect", "error=%s", ctx->errstr);
        redisAsyncFree(ctx);
        return NULL;
    }
    struct conn *conn = MEM_NEW(struct conn);
    *conn = (struct conn){.magic = CONN_MAGIC, .loop = loop, .hooks = *hooks, .ctx = ctx};
    TAILQ_INIT(&conn->unsent);
    last_call_init(&conn->last, loop, write_out, conn);
    ctx->data = conn;
#if HIREDIS_MAJOR >= 1
    ctx->c.reader->maxelements = ELEMENTS_MAX;
#endif
    if (port != 0)
        tune(ctx);
    attach(conn, loop);
    (void)redisAsyncSetConnectCallback(ctx, on_connect); /* refused only when there is one */
    (void)redisAsyncSetDisconnectCallback(ctx, on_disconnect);
    return conn;
}

/* The next bytes of a command to hiredis, which knows a command by its first piece. */
static int feed_piece(struct conn *conn, const char *bytes, size_t len, bool is_first)
{
    if (is_first)
        return redisAsyncFormattedCommand(conn->ctx, on_answer, NULL, bytes, len);
    add_write(conn);
    return redisAppendFormattedCommand(&conn->ctx->c, bytes, len);
}

static void feed(struct conn *conn)
{
    struct unsent *u;
    while (conn->ctx != NULL && !conn->is_closed && (u = TAILQ_FIRST(&conn->unsent)) != NULL &&
           sdslen(conn->ctx->c.obuf) < PIECE_BYTES) {
        size_t len = u->len - u->at < PIECE_BYTES ? u->len - u->at : PIECE_BYTES;
        if (feed_piece(conn, u->bytes + u->at, len, u->at == 0) != REDIS_OK)
            return; /* it is going away, and tells so itself */
        u->at += len;
        if (u->at == u->len) {
            TAILQ_REMOVE(&conn->unsent, u, link);
            mem_free(u);
        }
    }
}

int conn_write(struct conn *conn, struct span command)
{
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->ctx == NULL || conn->is_closed)
        return -ERR_UNAVAILABLE;
    if (TAILQ_EMPTY(&conn->unsent) && command.len <= PIECE_BYTES &&
        sdslen(conn->ctx->c.obuf) < PIECE_BYTES)
        return feed_piece(conn, command.ptr, command.len, true) == REDIS_OK ? 0 : -ERR_UNAVAILABLE;
    struct unsent *u = mem_new(sizeof *u + command.len);
    u->len = command.len;
    u->at = 0;
    memcpy(u->bytes, command.ptr, command.len);
    TAILQ_INSERT_TAIL(&conn->unsent, u, link);
    feed(conn);
    return 0;
}

uint64_t conn_moves(const struct conn *conn)
{
    CHECK_MAGIC(conn, CONN_MAGIC);
    return conn->moves;
}

static void reap(void *arg)
{
    struct conn *conn = arg;
    struct unsent *u;
    CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->ctx != NULL)
        redisAsyncFree(conn->ctx);
    CHECK(conn->ctx == NULL || conn->readable == NULL);
    while ((u = TAILQ_FIRST(&conn->unsent)) != NULL) {
        TAILQ_REMOVE(&conn->unsent, u, link);
        mem_free(u);
    }
    conn->magic = 0;
    mem_free(conn);
}

void conn_close(struct conn *conn)
{
    if (conn == NULL)
        return;
    CHECK_MAGIC(conn, CONN_MAGIC);
    CHECK(!conn->is_closed);
    conn->is_closed = true;
    last_call_release(&conn->last);
    loop_defer(conn->loop, reap, conn);
}
