/* A server with a few routes on a loopback socket, and its clients, all on one loop. */
#ifndef SLUICE_TESTS_SERVER_FIXTURE_H
#define SLUICE_TESTS_SERVER_FIXTURE_H

#include "http/http.h"

#include "base/mem.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWER_MAX = 512 * 1024 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct timer patience;
    char address[64];
    struct http_request *held;
    struct http_stream *stream;
    char gone_reason[64];
    int gone, writable, request_gone, big_count;
    struct span big; /* the answer of /big */
    bool is_over;    /* what is waited for has come */
};

/* Handlers. */

static inline void echo(struct http_request *r, void *arg)
{
    char text[256];
    (void)arg;
    (void)snprintf(text, sizeof text, "%.*s|%.*s|%.*s|%.*s", SPAN_ARG(http_param(r, "id")),
                   SPAN_ARG(http_query(r, "q")), SPAN_ARG(http_header(r, "X-Two")),
                   SPAN_ARG(http_body(r)));
    http_reply(r, 200, "text/plain", span_of(text));
}

static inline void on_request_gone(void *user)
{
    struct fixture *f = user;
    f->request_gone++;
    f->held = NULL;
    loop_stop(f->loop);
}

static inline void hold(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    f->held = r;
    http_set_user(r, f, on_request_gone);
    loop_stop(f->loop);
}

static inline void on_stream_gone(void *arg, const char *reason)
{
    struct fixture *f = arg;
    f->gone++;
    f->stream = NULL;
    (void)snprintf(f->gone_reason, sizeof f->gone_reason, "%s", reason);
    loop_stop(f->loop);
}

static inline void on_stream_writable(void *arg)
{
    struct fixture *f = arg;
    f->writable++;
    loop_stop(f->loop);
}

static inline void stream(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    http_add_header(r, "X-Own", SPAN_LIT("yes"));
    f->stream = http_stream_begin(
        r, NULL, &(struct http_stream_hooks){on_stream_gone, on_stream_writable, f});
    http_stream_write(f->stream, SPAN_LIT(": ok\n\n"));
    loop_stop(f->loop);
}

static inline void big(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    f->big_count++;
    http_reply(r, 200, "text/plain", f->big);
}

static inline void fail_route(struct http_request *r, void *arg)
{
    struct err err = {.code = ERR_OK};
    (void)arg;
    (void)err_set(&err, ERR_UNAVAILABLE, "field", "not now");
    http_reply_error(r, &err);
}

static const struct http_route ROUTES[] = {
    {HTTP_GET, "/echo/{id}", echo}, {HTTP_POST, "/echo/{id}", echo},
    {HTTP_GET, "/hold", hold},      {HTTP_POST, "/big", big},
    {HTTP_GET, "/stream", stream},  {HTTP_GET, "/fail", fail_route},
};

/* Fixture. */

static inline void on_patience_over(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

static inline struct fixture *set_up(struct http_options options)
{
    struct fixture *f = MEM_NEW(struct fixture);
    struct err err = {.code = ERR_OK};
    f->loop = loop_new();
    options.routes = ROUTES;
    options.route_count = sizeof ROUTES / sizeof *ROUTES;
    options.arg = f;
    f->server = http_server_new(f->loop, &options);
    assert_int_equal(http_listen(f->server, "127.0.0.1:0", f->address, sizeof f->address, &err), 0);
    timer_init(&f->patience, f->loop, on_patience_over, f);
    return f;
}

static inline void tear_down(struct fixture *f)
{
    http_server_free(f->server);
    timer_release(&f->patience);
    loop_free(f->loop);
    mem_free(f);
}

static inline void turn(struct fixture *f, int64_t ms)
{
    timer_start(&f->patience, ms);
    loop_run(f->loop);
    timer_stop(&f->patience);
}

static inline int dial(struct fixture *f, int receive_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtoul(strrchr(f->address, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_bytes > 0)
        assert_int_equal(
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until `wanted` stands in what was read, the other side closed, or `ms` passed.
 * Returns what was read, owned by a static buffer. */
static inline const char *hear(struct fixture *f, int fd, const char *wanted, int64_t ms,
                               bool *closed)
{
    static char answer[ANSWER_MAX + 1];
    size_t len = 0;
    *closed = false;
    answer[0] = '\0';
    for (int64_t waited = 0;
         waited < ms && !*closed && (wanted == NULL || strstr(answer, wanted) == NULL);
         waited += 5) {
        turn(f, 5);
        ssize_t n = recv(fd, answer + len, ANSWER_MAX - len, 0);
        *closed = n == 0 || (n < 0 && errno != EAGAIN);
        len += n > 0 ? (size_t)n : 0;
        answer[len] = '\0';
    }
    return answer;
}

static inline const char *ask(struct fixture *f, const char *request, bool *closed)
{
    int fd = dial(f, 0);
    say(fd, request);
    const char *answer = hear(f, fd, NULL, 3000, closed);
    (void)close(fd);
    return answer;
}

#endif
