/* The server over loopback sockets, one loop for both sides: whole answers, keep-alive, pipelining,
 * refusals, deadlines, caps, streams and who leaves them. */
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
    int gone, writable, request_gone;
    bool is_over; /* what is waited for has come */
};

/* Handlers. */

static void echo(struct http_request *r, void *arg)
{
    char text[256];
    (void)arg;
    (void)snprintf(text, sizeof text, "%.*s|%.*s|%.*s|%.*s", SPAN_ARG(http_param(r, "id")),
                   SPAN_ARG(http_query(r, "q")), SPAN_ARG(http_header(r, "X-Two")),
                   SPAN_ARG(http_body(r)));
    http_reply(r, 200, "text/plain", span_of(text));
}

static void on_request_gone(void *user)
{
    struct fixture *f = user;
    f->request_gone++;
    f->held = NULL;
    loop_stop(f->loop);
}

static void hold(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    f->held = r;
    http_set_user(r, f, on_request_gone);
    loop_stop(f->loop);
}

static void on_stream_gone(void *arg, const char *reason)
{
    struct fixture *f = arg;
    f->gone++;
    f->stream = NULL;
    (void)snprintf(f->gone_reason, sizeof f->gone_reason, "%s", reason);
    loop_stop(f->loop);
}

static void on_stream_writable(void *arg)
{
    struct fixture *f = arg;
    f->writable++;
    loop_stop(f->loop);
}

static void stream(struct http_request *r, void *arg)
{
    struct fixture *f = arg;
    http_add_header(r, "X-Own", SPAN_LIT("yes"));
    f->stream = http_stream_begin(
        r, NULL, &(struct http_stream_hooks){on_stream_gone, on_stream_writable, f});
    http_stream_write(f->stream, SPAN_LIT(": ok\n\n"));
    loop_stop(f->loop);
}

static void fail_route(struct http_request *r, void *arg)
{
    struct err err = {.code = ERR_OK};
    (void)arg;
    (void)err_set(&err, ERR_UNAVAILABLE, "field", "not now");
    http_reply_error(r, &err);
}

static const struct http_route ROUTES[] = {
    {HTTP_GET, "/echo/{id}", echo}, {HTTP_POST, "/echo/{id}", echo}, {HTTP_GET, "/hold", hold},
    {HTTP_GET, "/stream", stream},  {HTTP_GET, "/fail", fail_route},
};

/* Fixture. */

static void on_patience_over(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

static struct fixture *set_up(struct http_options options)
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

static void tear_down(struct fixture *f)
{
    http_server_free(f->server);
    timer_release(&f->patience);
    loop_free(f->loop);
    mem_free(f);
}

static void turn(struct fixture *f, int64_t ms)
{
    timer_start(&f->patience, ms);
    loop_run(f->loop);
    timer_stop(&f->patience);
}

static int dial(struct fixture *f, int receive_bytes)
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

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until `wanted` stands in what was read, the other side closed, or `ms` passed.
 * Returns what was read, owned by a static buffer. */
static const char *hear(struct fixture *f, int fd, const char *wanted, int64_t ms, bool *closed)
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

static const char *ask(struct fixture *f, const char *request, bool *closed)
{
    int fd = dial(f, 0);
    say(fd, request);
    const char *answer = hear(f, fd, NULL, 3000, closed);
    (void)close(fd);
    return answer;
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

#define END " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* Tests. */

static void answers_routes_parameters_and_errors(void **state)
{
    static const struct {
        const char *request, *status, *contains;
    } rows[] = {
        {"GET /echo/a%20b?q=1%2B2+3" END, "200 OK", "\r\n\r\na b|1+2 3||"},
        {"GET /echo/x HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two: 2\r\nConnection: close\r\n\r\n",
         "200 OK", "x||1, 2|"},
        {"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
         "200 OK", "x|||body"},
        {"GET /nowhere" END, "404 Not Found", "\"code\":\"not_found\""},
        {"GET /echo/" END, "404 Not Found", "not_found"},
        {"GET /echo/a/b" END, "404 Not Found", "not_found"},
        {"PUT /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405 Method Not Allowed",
         "Allow: GET, HEAD, POST\r\n"},
        {"OPTIONS /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "204 No Content",
         "Allow: GET, HEAD, POST\r\n"},
        {"BREW /echo/x" END, "501 Not Implemented", "bad_request"},
        {"GET /fail" END, "503 Service Unavailable", "Retry-After: 1\r\n"},
        {"GET /fail" END, "503 Service Unavailable",
         "{\"error\":{\"code\":\"unavailable\",\"message\":\"not "
         "now\",\"param\":\"field\",\"retryable\":true}}"},
        {"GET /bad path" END, "400 Bad Request", "malformed request line"},
        {"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
         "413 Content Too Large", "too_large"},
    };
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool closed;
        const char *answer = ask(f, rows[i].request, &closed);
        if (strstr(answer, rows[i].status) == NULL || strstr(answer, rows[i].contains) == NULL)
            print_error("%s ->\n%s\n", rows[i].request, answer);
        assert_non_null(strstr(answer, rows[i].status));
        assert_non_null(strstr(answer, rows[i].contains));
        assert_true(closed);
    }
    tear_down(f);
}

static void head_has_no_body(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    const char *answer = ask(f, "HEAD /echo/x" END, &closed);
    assert_non_null(strstr(answer, "Content-Length: 4\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    tear_down(f);
}

static void keeps_alive_and_answers_pipelined_requests_in_order(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    say(fd, "GET /echo/one HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo/two HTTP/1.1\r\nHost: "
            "x\r\nContent-Length: 1\r\n\r\nbGET /echo/three HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *answer = hear(f, fd, "three|", 3000, &closed);
    assert_int_equal(count(answer, "200 OK"), 3);
    assert_true(strstr(answer, "one|") < strstr(answer, "two|"));
    assert_true(strstr(answer, "two|") < strstr(answer, "three|"));
    say(fd, "GET /echo/four HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(hear(f, fd, "four|", 3000, &closed), "four|"));
    assert_false(closed);
    (void)close(fd);
    tear_down(f);
}

static void no_second_request_after_a_malformed_one(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    const char *answer =
        ask(f,
            "POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: "
            "40\r\n\r\nGET /echo/b HTTP/1.1\r\nHost: x\r\n\r\n",
            &closed);
    assert_int_equal(count(answer, "HTTP/1.1 "), 1);
    assert_non_null(strstr(answer, "400 Bad Request"));
    assert_true(closed);
    tear_down(f);
}

static void deadlines_end_drips(void **state)
{
    bool closed;
    struct fixture *f =
        set_up((struct http_options){.header_ms = 150, .body_ms = 150, .keepalive_ms = 150});
    int fd = dial(f, 0);
    (void)state;
    for (int i = 0; i < 10; i++) { /* a byte now and then does not push it on */
        if (send(fd, "G", 1, MSG_NOSIGNAL) < 0)
            break;
        turn(f, 40);
    }
    assert_non_null(strstr(hear(f, fd, NULL, 2000, &closed), "408 Request Timeout"));
    assert_true(closed);
    (void)close(fd);
    fd = dial(f, 0);
    say(fd, "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    assert_non_null(strstr(hear(f, fd, NULL, 2000, &closed), "408 Request Timeout"));
    assert_true(closed);
    (void)close(fd);
    fd = dial(f, 0);
    say(fd, "GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)hear(f, fd, NULL, 2000, &closed);
    assert_true(closed); /* idle too long */
    (void)close(fd);
    tear_down(f);
}

static void caps_connections(void **state)
{
    bool closed;
    int fds[4];
    struct fixture *f = set_up((struct http_options){.max_per_address = 3});
    (void)state;
    for (int i = 0; i < 4; i++)
        fds[i] = dial(f, 0);
    turn(f, 50);
    assert_int_equal(http_server_connections(f->server), 3);
    (void)hear(f, fds[3], NULL, 500, &closed);
    assert_true(closed);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
    turn(f, 50);
    assert_int_equal(http_server_connections(f->server), 0);
    tear_down(f);

    f = set_up((struct http_options){.max_connections = 2});
    for (int i = 0; i < 3; i++)
        fds[i] = dial(f, 0);
    turn(f, 50);
    assert_int_equal(http_server_connections(f->server), 2); /* the third waits in the kernel */
    say(fds[2], "GET /echo/waiting" END);
    (void)close(fds[0]);
    assert_non_null(strstr(hear(f, fds[2], NULL, 2000, &closed), "waiting|"));
    (void)close(fds[1]);
    (void)close(fds[2]);
    tear_down(f);
}

static void tells_who_leaves_before_the_answer(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    const struct linger reset = {.l_onoff = 1};
    (void)state;
    say(fd, "GET /hold" END);
    turn(f, 1000);
    assert_non_null(f->held);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    (void)close(fd);
    turn(f, 1000);
    assert_int_equal(f->request_gone, 1);

    fd = dial(f, 0); /* a half-closed client still gets its answer */
    say(fd, "GET /hold" END);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn(f, 1000);
    turn(f, 50);
    assert_non_null(f->held);
    http_set_user(f->held, NULL, NULL);
    http_reply_json(f->held, 200, SPAN_LIT("{}"));
    assert_non_null(strstr(hear(f, fd, NULL, 1000, &closed), "200 OK"));
    (void)close(fd);
    tear_down(f);
}

static void streams_in_chunks_and_ends_properly(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *answer = hear(f, fd, ": ok", 1000, &closed);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "Cache-Control: no-cache, no-transform\r\n"));
    assert_non_null(strstr(answer, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(answer, "X-Own: yes\r\n"));
    assert_non_null(strstr(answer, "6\r\n: ok\n\n\r\n"));
    http_stream_write(f->stream, SPAN_LIT("a"));
    http_stream_write(f->stream, SPAN_LIT("b"));
    assert_string_equal(hear(f, fd, "ab", 1000, &closed), "2\r\nab\r\n"); /* one write a pass */
    http_stream_write(f->stream, SPAN_LIT("end"));
    http_stream_close(f->stream);
    assert_string_equal(hear(f, fd, NULL, 3000, &closed), "3\r\nend\r\n0\r\n\r\n");
    assert_true(closed);
    assert_int_equal(f->gone, 0);
    (void)close(fd);

    fd = dial(f, 0);
    say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(hear(f, fd, ": ok", 1000, &closed), "\r\n\r\n: ok\n\n"));
    http_stream_abort(f->stream);
    (void)hear(f, fd, NULL, 1000, &closed);
    assert_true(closed);
    (void)close(fd);
    tear_down(f);
}

static void notices_whoever_leaves_or_sends(void **state)
{
    static const struct {
        const char *way, *reason;
    } rows[] = {{"close", "client closed"},
                {"half", "client closed"},
                {"reset", "connection error"},
                {"data", "client sent on a stream"}};
    const struct linger reset = {.l_onoff = 1};
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool closed;
        int fd = dial(f, 0);
        say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)hear(f, fd, ": ok", 1000, &closed);
        if (i == 1)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        if (i == 2)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        if (i == 3)
            say(fd, "x");
        if (i == 0 || i == 2)
            (void)close(fd);
        turn(f, 1000);
        assert_int_equal(f->gone, (int)i + 1);
        assert_string_equal(f->gone_reason, rows[i].reason);
        if (i == 1 || i == 3)
            (void)close(fd);
    }
    assert_int_equal(metric_get(METRIC_HTTP_STREAMS), 0);
    tear_down(f);
}

static void says_full_then_writable_and_drops_who_never_reads(void **state)
{
    static char block[32 * 1024];
    bool closed;
    struct fixture *f = set_up((struct http_options){.stall_ms = 300});
    int fd = dial(f, 64 * 1024);
    (void)state;
    memset(block, 'x', sizeof block);
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)hear(f, fd, ": ok", 1000, &closed);
    for (int i = 0; i < 1000 && !http_stream_is_full(f->stream); i++) {
        http_stream_write(f->stream, span_make(block, sizeof block));
        turn(f, 0);
    }
    assert_true(http_stream_is_full(f->stream));
    assert_true(http_stream_pending(f->stream) < LIMIT_SSE_BUFFER + 2 * sizeof block);
    for (int i = 0; i < 2000 && f->writable == 0; i++)
        (void)hear(f, fd, "x", 5, &closed);
    assert_int_equal(f->writable, 1);
    for (int i = 0; i < 1000 && !http_stream_is_full(f->stream); i++) {
        http_stream_write(f->stream, span_make(block, sizeof block));
        turn(f, 0);
    }
    for (int i = 0; i < 40 && f->gone == 0; i++)
        turn(f, 100);
    assert_int_equal(f->gone, 1);
    assert_string_equal(f->gone_reason, "the client does not read");
    (void)close(fd);
    tear_down(f);
}

/* More than the mark in one pass, and a socket that takes all of it at once: the producer must
 * still be told. */
static void says_writable_when_all_was_taken_at_once(void **state)
{
    static char block[32 * 1024];
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    memset(block, 'x', sizeof block);
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)hear(f, fd, ": ok", 1000, &closed);
    for (int round = 1; round <= 20; round++) {
        while (!http_stream_is_full(f->stream))
            http_stream_write(f->stream, span_make(block, sizeof block));
        for (int i = 0; i < 400 && f->writable < round; i++)
            (void)hear(f, fd, "x", 5, &closed);
        assert_int_equal(f->writable, round);
    }
    (void)close(fd);
    tear_down(f);
}

static void drains(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int idle = dial(f, 0), busy = dial(f, 0);
    (void)state;
    say(busy, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(f, 1000);
    http_server_drain(f->server);
    (void)hear(f, idle, NULL, 1000, &closed);
    assert_true(closed);
    http_set_user(f->held, NULL, NULL);
    http_reply_json(f->held, 200, SPAN_LIT("{}"));
    assert_non_null(strstr(hear(f, busy, NULL, 2000, &closed), "Connection: close"));
    assert_true(closed);
    (void)close(idle);
    (void)close(busy);
    tear_down(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_routes_parameters_and_errors),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(keeps_alive_and_answers_pipelined_requests_in_order),
        cmocka_unit_test(no_second_request_after_a_malformed_one),
        cmocka_unit_test(deadlines_end_drips),
        cmocka_unit_test(caps_connections),
        cmocka_unit_test(tells_who_leaves_before_the_answer),
        cmocka_unit_test(streams_in_chunks_and_ends_properly),
        cmocka_unit_test(notices_whoever_leaves_or_sends),
        cmocka_unit_test(says_full_then_writable_and_drops_who_never_reads),
        cmocka_unit_test(says_writable_when_all_was_taken_at_once),
        cmocka_unit_test(drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
