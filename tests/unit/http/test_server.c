/* The server over loopback sockets: whole answers, keep-alive, pipelining, refusals, deadlines,
 * caps, and clients that do not read or leave. */
#include "http/server_fixture.h"

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

/* Pipelined requests of a client that does not read wait until an answer has left: what lies in the
 * output is one answer, and after a while the client is dropped. */
static void a_client_that_does_not_read_costs_one_answer(void **state)
{
    bool closed;
    char big[64 * 1024];
    const char *request = "POST /big HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *f = set_up((struct http_options){.stall_ms = 2000});
    int fd = dial(f, 4096), answered = 0;
    (void)state;
    memset(big, 'x', sizeof big);
    f->big = span_make(big, sizeof big);
    for (int i = 0; i < 400; i++)
        say(fd, request);
    turn(f, 200);
    answered = f->big_count;
    assert_in_range(answered, 1, 200); /* the kernel took the first ones */
    turn(f, 20);
    assert_int_equal(f->big_count, answered);
    assert_true(http_server_connections(f->server) == 1);
    turn(f, 2500);
    assert_int_equal(f->big_count, answered);
    assert_int_equal(http_server_connections(f->server), 0);
    assert_int_equal(metric_get(METRIC_HTTP_STALLED), 1);
    (void)close(fd);

    fd = dial(f, 0); /* one that reads gets all of them, though it closed its half */
    f->big_count = 0;
    for (int i = 0; i < 100; i++)
        say(fd, request);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    size_t heard = 0;
    for (closed = false; !closed;)
        heard += strlen(hear(f, fd, "x", 2000, &closed));
    assert_int_equal(f->big_count, 100);
    assert_true(heard > 100 * sizeof big);
    (void)close(fd);
    tear_down(f);
}

/* Bodies that come slowly: together they may hold so much; small requests are served meanwhile. */
static void bounds_all_bodies_together(void **state)
{
    enum { CLIENTS = 4 };
    static char half[100 * 1024];
    bool closed;
    int fds[CLIENTS];
    struct fixture *f = set_up((struct http_options){.max_bodies_bytes = 350 * 1024});
    (void)state;
    memset(half, 'x', sizeof half - 1);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(f, 0);
        say(fds[i], "POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
        say(fds[i], half);
        turn(f, 50);
    }
    const char *answer = hear(f, fds[CLIENTS - 1], NULL, 3000, &closed);
    assert_true(closed);
    assert_non_null(strstr(answer, "503 Service Unavailable\r\n"));
    assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(answer, "\"retryable\":true"));
    assert_non_null(strstr(ask(f, "GET /echo/small" END, &closed), "small|"));
    (void)close(fds[0]);
    turn(f, 50);
    (void)close(fds[CLIENTS - 1]); /* there is room again */
    fds[CLIENTS - 1] = dial(f, 0);
    say(fds[CLIENTS - 1], "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 102399\r\n\r\n");
    say(fds[CLIENTS - 1], half);
    f->big = SPAN_LIT("whole");
    assert_non_null(strstr(hear(f, fds[CLIENTS - 1], "whole", 2000, &closed), "200 OK"));
    for (int i = 1; i < CLIENTS; i++)
        (void)close(fds[i]);
    tear_down(f);
}

/* HTTP/1.0 (RFC 9112 9.3): kept open only for whoever asks, and then it is said. */
static void keeps_1_0_alive_when_asked(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    say(fd, "GET /echo/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_non_null(strstr(hear(f, fd, "a|", 1000, &closed), "\r\nConnection: keep-alive\r\n"));
    say(fd, "GET /echo/b HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(hear(f, fd, NULL, 1000, &closed), "\r\nConnection: close\r\n"));
    assert_true(closed);
    (void)close(fd);
    tear_down(f);
}

static void refuses_ambiguous_queries(void **state)
{
    static const char *const QUERIES[] = {"q=1&q=2", "q=1&%71=1", "q&q",
                                          "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q=17"};
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "GET /echo/a?%s" END, QUERIES[i]);
        assert_non_null(strstr(ask(f, request, &closed), "400 Bad Request"));
    }
    assert_non_null(
        strstr(ask(f, "GET /echo/a?&=x&a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&q=16" END, &closed), "a|16|"));
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
    assert_non_null(strstr(hear(f, fds[3], NULL, 500, &closed), "429 Too Many Requests\r\n"));
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

    f = set_up((struct http_options){.half_close_leaves = true}); /* unless it counts as leaving */
    fd = dial(f, 0);
    say(fd, "GET /hold" END);
    turn(f, 1000);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn(f, 1000);
    assert_int_equal(f->request_gone, 1);
    (void)close(fd);
    tear_down(f);
}

static void an_answer_that_is_awaited_is_not_for_who_closed_its_half(void **state)
{
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    say(fd, "GET /hold" END);
    turn(f, 1000);
    assert_true(http_await_leaving(f->held));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn(f, 1000);
    assert_int_equal(f->request_gone, 1);
    (void)close(fd);

    fd = dial(f, 0); /* it had done so before */
    say(fd, "GET /hold" END);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn(f, 1000);
    turn(f, 50);
    assert_false(http_await_leaving(f->held));
    http_set_user(f->held, NULL, NULL);
    http_reply_json(f->held, 200, SPAN_LIT("{}"));
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
        cmocka_unit_test(a_client_that_does_not_read_costs_one_answer),
        cmocka_unit_test(bounds_all_bodies_together),
        cmocka_unit_test(keeps_1_0_alive_when_asked),
        cmocka_unit_test(refuses_ambiguous_queries),
        cmocka_unit_test(no_second_request_after_a_malformed_one),
        cmocka_unit_test(deadlines_end_drips),
        cmocka_unit_test(caps_connections),
        cmocka_unit_test(tells_who_leaves_before_the_answer),
        cmocka_unit_test(an_answer_that_is_awaited_is_not_for_who_closed_its_half),
        cmocka_unit_test(drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
