/* See script_server.h. Bufferevents do the writing; a timer per connection does the waiting. */
#include "support/script_server.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPLIT_PAUSE_MS = 1 };

struct conn {
    struct script_server *server;
    struct bufferevent *bev;
    struct timer timer;
    struct buf in;
    const struct step *at; /* NULL between requests */
    bool is_split;         /* the first half of a split is out */
    struct conn *next;
};

static void play(struct conn *conn);

static void conn_free(struct conn *conn)
{
    struct script_server *server = conn->server;
    struct conn **link = &server->conns;
    while (*link != conn)
        link = &(*link)->next;
    *link = conn->next;
    server->open--;
    timer_release(&conn->timer);
    buf_release(&conn->in);
    bufferevent_free(conn->bev);
    mem_free(conn);
}

static void conn_reset(struct conn *conn)
{
    struct linger linger = {.l_onoff = 1};
    CHECK(setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_LINGER, &linger,
                     sizeof(linger)) == 0);
    conn_free(conn);
}

static size_t pending(const struct conn *conn)
{
    return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

static void on_timer(void *arg)
{
    play(arg);
}

/* One step; false when the script rests here. */
static bool play_step(struct conn *conn)
{
    const struct step *step = conn->at;
    size_t len = step->len == 0 && step->bytes != NULL ? strlen(step->bytes) : step->len;
    size_t cut = step->kind == STEP_SPLIT && conn->server->split < len ? conn->server->split : len;
    switch (step->kind) {
    case STEP_SPLIT:
        if (!conn->is_split) {
            CHECK(bufferevent_write(conn->bev, step->bytes, cut) == 0);
            conn->is_split = true;
            timer_start(&conn->timer, SPLIT_PAUSE_MS);
            return false;
        }
        CHECK(bufferevent_write(conn->bev, step->bytes + cut, len - cut) == 0);
        conn->is_split = false;
        conn->at++;
        return true;
    case STEP_SEND:
        CHECK(bufferevent_write(conn->bev, step->bytes, len) == 0);
        conn->at++;
        return true;
    case STEP_WAIT:
        conn->at++;
        timer_start(&conn->timer, step->ms);
        return false;
    case STEP_CLOSE:
    case STEP_RESET:
        if (pending(conn) > 0)
            return false; /* on_written comes back */
        if (step->kind == STEP_CLOSE)
            conn_free(conn);
        else
            conn_reset(conn);
        return false;
    case STEP_END:
        conn->at = NULL;
        return false;
    case STEP_HOLD:
    default:
        return false;
    }
}

static void play(struct conn *conn)
{
    while (play_step(conn))
        continue;
}

static void on_written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct conn *conn = arg;
    if (conn->at != NULL && (conn->at->kind == STEP_CLOSE || conn->at->kind == STEP_RESET))
        play(conn);
}

/* Length of the whole request at the front of `in`, or 0. */
static size_t request_len(const struct buf *in)
{
    const char *end = in->len == 0 ? NULL : strstr(in->ptr, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size_t len = (size_t)(end - in->ptr) + 4;
    const char *field = strcasestr(in->ptr, "\r\nContent-Length: ");
    uint64_t body = 0;
    if (field != NULL && field < end) {
        const char *digits = field + strlen("\r\nContent-Length: ");
        CHECK(num_parse_u64(span_make(digits, strcspn(digits, "\r")), &body) == 0);
    }
    return in->len >= len + body ? len + (size_t)body : 0;
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct conn *conn = arg;
    char bytes[4096];
    size_t got;
    while ((got = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
        CHECK(buf_append(&conn->in, bytes, got) == 0);
    size_t len = request_len(&conn->in);
    if (len == 0 || conn->at != NULL)
        return;
    struct script_server *server = conn->server;
    buf_reset(&server->request);
    CHECK(buf_append(&server->request, conn->in.ptr, len) == 0);
    buf_consume(&conn->in, len);
    server->requests++;
    conn->at = server->script;
    play(conn);
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what;
    struct conn *conn = arg;
    if (conn->at != NULL) {
        conn->server->closed_by_peer++;
        conn->server->closed_ms = clock_mono_ms();
    }
    conn_free(conn);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    (void)address;
    (void)len;
    struct script_server *server = arg;
    int on = 1;
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    struct conn *conn = MEM_NEW(struct conn);
    conn->server = server;
    conn->next = server->conns;
    server->conns = conn;
    server->accepted++;
    server->open++;
    buf_init(&conn->in, 16 * 1024 * 1024);
    timer_init(&conn->timer, server->loop, on_timer, conn);
    conn->bev =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(conn->bev, on_readable, on_written, on_gone, conn);
    CHECK(bufferevent_enable(conn->bev, EV_READ | EV_WRITE) == 0);
}

struct script_server *server_new(struct loop *loop)
{
    struct script_server *server = MEM_NEW(struct script_server);
    server->loop = loop;
    buf_init(&server->request, 16 * 1024 * 1024);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct evconnlistener *listener = evconnlistener_new_bind(
        loop_base(loop), on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 64,
        (struct sockaddr *)&address, sizeof(address));
    CHECK(listener != NULL);
    socklen_t len = sizeof(address);
    CHECK(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len) == 0);
    server->port = ntohs(address.sin_port);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d", server->port);
    server->listener = listener;
    return server;
}

void server_free(struct script_server *server)
{
    while (server->conns != NULL)
        conn_free(server->conns);
    evconnlistener_free(server->listener);
    buf_release(&server->request);
    mem_free(server);
}

void black_hole_open(struct black_hole *hole)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    hole->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(hole->fds[0], (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(hole->fds[0], 0) == 0);
    CHECK(getsockname(hole->fds[0], (struct sockaddr *)&address, &len) == 0);
    for (size_t i = 1; i < sizeof(hole->fds) / sizeof(hole->fds[0]); i++) {
        hole->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(hole->fds[i], (struct sockaddr *)&address, len); /* in progress for ever */
    }
    (void)snprintf(hole->url, sizeof(hole->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
}

void black_hole_close(struct black_hole *hole)
{
    for (size_t i = 0; i < sizeof(hole->fds) / sizeof(hole->fds[0]); i++)
        (void)close(hole->fds[i]);
}

struct guard {
    struct loop *loop;
    bool has_fired;
};

static void on_guard(void *arg)
{
    struct guard *guard = arg;
    guard->has_fired = true;
    loop_stop(guard->loop);
}

bool loop_run_for(struct loop *loop, int64_t ms)
{
    struct guard guard = {.loop = loop};
    struct timer timer;
    timer_init(&timer, loop, on_guard, &guard);
    timer_start(&timer, ms);
    loop_run(loop);
    timer_release(&timer);
    return !guard.has_fired;
}
