/* Owns: one client's socket, its deadlines and what state it is in. Must not know routes or events.
 * Invariant: in READING the input is parsed, in every other state it waits in a bounded buffer, or
 * ends the stream. The next request is read when the answer before it has left: a client that does
 * not read costs one answer. */
#include "http/inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { CONN_MAGIC = 0x636f6e6e, LINGER_MS = 1000, LINGER_BYTES = 256 * 1024 };

static const char *const STATE_NAMES[CONN_STATES] = {"reading", "handling",  "writing", "streaming",
                                                     "closing", "lingering", "gone"};

/* MOVES[from] is the set of states that may follow. */
#define TO(state) (1u << CONN_##state)
static const unsigned MOVES[CONN_STATES] = {
    [CONN_READING] = TO(HANDLING) | TO(CLOSING) | TO(GONE),
    [CONN_HANDLING] = TO(WRITING) | TO(STREAMING) | TO(GONE),
    [CONN_WRITING] = TO(READING) | TO(CLOSING) | TO(GONE),
    [CONN_STREAMING] = TO(CLOSING) | TO(GONE),
    [CONN_CLOSING] = TO(LINGERING) | TO(GONE),
    [CONN_LINGERING] = TO(GONE),
};
#undef TO

void conn_state(struct conn *c, enum conn_state state)
{
    CHECK((MOVES[c->state] >> state) & 1u);
    log_event(LOG_DEBUG, "http.state", "peer=%s from=%s to=%s", c->peer, STATE_NAMES[c->state],
              STATE_NAMES[state]);
    c->state = state;
}

void conn_arm(struct conn *c, int64_t after_ms)
{
    timer_start(&c->deadline, after_ms);
}

size_t conn_waiting(const struct conn *c)
{
    return c->bev == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(c->bev));
}

void conn_uncount(struct conn *c)
{
    tally_give(&c->client);
    tally_give(&c->key);
}

static void free_conn(void *arg)
{
    struct conn *c = arg;
    CHECK_MAGIC(c, CONN_MAGIC);
    timer_release(&c->deadline);
    parser_free(c->parser);
    request_free(c->request);
    c->magic = 0;
    mem_free(c);
}

void conn_kill(struct conn *c, const char *reason)
{
    if (c->state == CONN_GONE)
        return;
    struct http_server *server = c->server;
    struct http_stream *stream = c->stream;
    log_event(LOG_DEBUG, "http.close", "peer=%s reason=%s", c->peer, reason);
    conn_state(c, CONN_GONE);
    timer_stop(&c->deadline);
    server->output_bytes -= conn_waiting(c);
    bufferevent_free(c->bev);
    c->bev = NULL;
    c->stream = NULL;
    LIST_REMOVE(c, link);
    reading_forget(c);
    conn_uncount(c);
    tally_give(&c->address);
    server_connection_over(server);
    if (stream != NULL)
        stream_lost(stream, reason);
    if (c->request != NULL)
        request_gone(c->request);
    loop_defer(server->loop, free_conn, c);
}

void conn_send(struct conn *c, struct span bytes)
{
    if (c->bev == NULL || bytes.len == 0)
        return;
    size_t sent = 0;
    if (conn_waiting(c) == 0) { /* nothing before it: write at once, without a turn of the loop */
        ssize_t n =
            send(bufferevent_getfd(c->bev), bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent = n > 0 ? (size_t)n : 0; /* an error is seen again, and handled, by the bufferevent */
    }
    if (sent == bytes.len)
        return;
    if (conn_waiting(c) == 0)
        c->progress_ms = clock_mono_ms();
    CHECK(bufferevent_write(c->bev, bytes.ptr + sent, bytes.len - sent) == 0);
}

/* Reading is reading.c's. */

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    (void)bev;
    CHECK_MAGIC(c, CONN_MAGIC);
    if (c->state == CONN_READING)
        reading_input(c);
    else if (c->state == CONN_STREAMING)
        conn_kill(c, "client sent on a stream");
    else if (c->state == CONN_CLOSING || c->state == CONN_LINGERING)
        (void)evbuffer_drain(
            bufferevent_get_input(c->bev),
            LINGER_BYTES); /* thrown away, so that the answer is not lost to a reset */
}

/* Answering and closing. */

static void next_request(void *arg)
{
    struct conn *c = arg;
    CHECK_MAGIC(c, CONN_MAGIC);
    if (c->state == CONN_READING)
        reading_input(c);
}

/* The answer has left: the connection is the next request's. */
static void read_next(struct conn *c)
{
    conn_uncount(c);
    if (c->server->is_draining) {
        conn_finish(c);
        return;
    }
    conn_state(c, CONN_READING);
    conn_arm(c, c->server->options.keepalive_ms);
    if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0 || c->peer_ended)
        loop_defer(c->server->loop, next_request,
                   c); /* a pipelined one; never deeper on the stack */
}

void conn_answered(struct conn *c)
{
    request_free(c->request);
    c->request = NULL;
    reading_forget(c);
    conn_state(c, CONN_WRITING);
    if (!c->keeps_alive)
        conn_finish(c);
    else if (conn_waiting(c) > 0)
        conn_arm(c, c->server->options.stall_ms);
    else
        read_next(c);
}

/* What lies in the kernel is delivered there once this side has closed, but not for ever. */
static void linger(struct conn *c)
{
    unsigned stall_ms = (unsigned)c->server->options.stall_ms;
    conn_uncount(c);
    (void)setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms,
                     sizeof stall_ms); /* not a TCP socket: fine */
    if (c->peer_ended) {
        conn_kill(c, "closed");
        return;
    }
    conn_state(c, CONN_LINGERING);
    (void)shutdown(bufferevent_getfd(c->bev),
                   SHUT_WR); /* a failing one means that the client is gone: seen as its end */
    conn_arm(c, LINGER_MS);
}

void conn_finish(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    conn_state(c, CONN_CLOSING);
    c->stream = NULL;
    reading_forget(c);
    (void)evbuffer_drain(input, evbuffer_get_length(input)); /* a full one would stop the reading */
    if (conn_waiting(c) == 0)
        linger(c);
    else
        conn_arm(c, c->server->options.stall_ms);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    (void)bev;
    CHECK_MAGIC(c, CONN_MAGIC);
    if (c->state == CONN_STREAMING)
        stream_progress(c->stream);
    else if (c->state == CONN_WRITING && conn_waiting(c) == 0)
        read_next(c);
    else if (c->state == CONN_CLOSING && conn_waiting(c) == 0)
        linger(c);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;
    (void)bev;
    CHECK_MAGIC(c, CONN_MAGIC);
    bool is_end = (what & BEV_EVENT_EOF) != 0;
    bool has_input = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;
    c->peer_ended = true;
    bool is_leaving = c->server->options.half_close_leaves ||
                      (c->state == CONN_HANDLING && c->request->is_awaited);
    if (is_end && c->state == CONN_HANDLING &&
        !is_leaving) /* it may have closed its half only: the answer is still sent, */
        c->keeps_alive = c->keeps_alive && has_input; /* and those of what it pipelined */
    else if (is_end && (c->state == CONN_WRITING || c->state == CONN_CLOSING))
        (void)bufferevent_enable(c->bev, EV_WRITE); /* finish the answer */
    else if (is_end && c->state == CONN_READING && has_input)
        reading_input(c);
    else
        conn_kill(c, is_end ? "client closed" : "connection error");
}

/* Bytes left the output: the stall timer looks at when. */
static void on_output_changed(struct evbuffer *output, const struct evbuffer_cb_info *info,
                              void *arg)
{
    struct conn *c = arg;
    (void)output;
    CHECK_MAGIC(c, CONN_MAGIC);
    c->server->output_bytes += info->n_added - info->n_deleted;
    if (info->n_deleted > 0)
        c->progress_ms = clock_mono_ms();
}

/* Bytes wait for a client: it has stall_ms from the last that it took. */
static void check_stall(struct conn *c)
{
    int64_t still_ms = c->progress_ms + c->server->options.stall_ms - clock_mono_ms();
    if (conn_waiting(c) == 0)
        return;
    if (still_ms > 0) {
        conn_arm(c, still_ms);
        return;
    }
    metric_add(METRIC_HTTP_STALLED, 1);
    conn_kill(c, "the client does not read");
}

static void on_deadline(void *arg)
{
    struct conn *c = arg;
    CHECK_MAGIC(c, CONN_MAGIC);
    if (c->state == CONN_STREAMING || c->state == CONN_WRITING || c->state == CONN_CLOSING) {
        check_stall(c);
    } else if (c->state == CONN_READING) {
        reading_late(c);
    } else {
        conn_kill(c, "deadline");
    }
}

static void put_peer(struct conn *c)
{
    if (c->peer_address.bits == 0)
        (void)snprintf(c->peer, sizeof c->peer, "unix");
    else
        (void)inet_ntop(c->peer_address.bits == 32 ? AF_INET : AF_INET6, c->peer_address.bytes,
                        c->peer, sizeof c->peer); /* fits */
}

void conn_accept(struct http_server *server, int fd, const struct address *from,
                 struct tally *address)
{
    struct conn *c = MEM_NEW(struct conn);
    c->magic = CONN_MAGIC;
    c->server = server;
    c->state = CONN_READING;
    c->peer_address = *from;
    c->address = address;
    c->is_proxy = address == NULL;
    put_peer(c);
    timer_init(&c->deadline, server->loop, on_deadline, c);
    c->bev = bufferevent_socket_new(loop_base(server->loop), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(c->bev != NULL);
    bufferevent_setcb(c->bev, on_readable, on_written, on_end, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_INPUT_MAX);
    bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
    CHECK(evbuffer_add_cb(bufferevent_get_output(c->bev), on_output_changed, c) != NULL);
    CHECK(bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0);
    LIST_INSERT_HEAD(&server->conns, c, link);
    server->conn_count++;
    metric_add(METRIC_HTTP_CONNECTIONS, 1);
    reading_begin(c);
}
