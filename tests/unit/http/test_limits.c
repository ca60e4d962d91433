/* The limits of time and number: the pace of what comes, requests per connection, connections and
 * bodies per address, requests of a proxy's clients and of a key, and the rest of a request while
 * the server ends. */
#include "http/server_fixture.h"

static const char *const LOOPBACK[] = {"127.0.0.0/8"};

static struct http_options behind_a_proxy(size_t max_per_address)
{
    return (struct http_options){
        .max_per_address = max_per_address, .trusted_proxies = LOOPBACK, .trusted_proxy_count = 1};
}

static int dial_and_say(struct fixture *f, const char *text)
{
    int fd = dial(f, 0);
    say(fd, text);
    return fd;
}

/* Says `piece` every 40 ms until the server answers; what it said. */
static const char *drip(struct fixture *f, const char *first, const char *piece, bool *closed)
{
    int fd = dial_and_say(f, first);
    for (int i = 0; i < 50 && recv(fd, &(char){0}, 1, MSG_PEEK) < 0; i++) {
        if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) < 0)
            break;
        turn(f, 40);
    }
    const char *answer = hear(f, fd, NULL, 2000, closed);
    (void)close(fd);
    return answer;
}

/* 100 bytes a second are wanted in each stretch of 200 ms: 20 bytes. */
static void what_comes_too_slowly_is_refused_before_its_deadline(void **state)
{
    static const char *const firsts[] = {
        "GET /echo/x HTTP/1.1\r\nX: ", /* a header block */
        "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
        "POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
    };
    struct fixture *f = set_up((struct http_options){.pace_ms = 200});
    bool closed;
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        assert_non_null(strstr(drip(f, firsts[i], "a", &closed), "comes too slowly"));
        assert_true(closed);
    }
    tear_down(f);

    f = set_up((struct http_options){.pace_ms = 200, .header_ms = 700, .body_ms = 700});
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts;
         i++) { /* fast enough, and yet too long */
        const char *answer = drip(f, firsts[i], "aaaaaaaaaaaaaaaa", &closed);
        assert_non_null(strstr(answer, "HTTP/1.1 408 Request Timeout\r\n"));
        assert_non_null(strstr(answer, "did not come in time"));
        assert_true(closed);
    }
    tear_down(f);
}

static void a_connection_serves_a_thousand_requests(void **state)
{
    static const char request[] = "GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0), served = 0;
    bool closed = false;
    (void)state;
    for (int i = 0; i < LIMIT_KEEPALIVE_REQUESTS + 10; i++)
        say(fd, request);
    const char *answer = hear(f, fd, NULL, 5000, &closed);
    for (const char *at = answer; (at = strstr(at, "200 OK")) != NULL; at++)
        served++;
    assert_int_equal(served, LIMIT_KEEPALIVE_REQUESTS);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_true(closed);
    (void)close(fd);
    tear_down(f);
}

/* One of a proxy's clients has two requests under way, another one, over three connections that
 * stay the proxy's. */
static void a_proxys_clients_are_counted_in_place_of_it(void **state)
{
#define FROM(client, path) "GET " path " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " client "\r\n\r\n"
    struct fixture *f = set_up(behind_a_proxy(2));
    bool closed;
    (void)state;
    int a = dial_and_say(f, FROM("6.6.6.6, 8.8.8.8", "/hold"));
    turn(f, 1000);
    int b = dial_and_say(f, FROM("8.8.8.8", "/stream"));
    turn(f, 1000);
    assert_non_null(f->stream);
    int c = dial_and_say(f, FROM("7.7.7.7, 8.8.8.8", "/echo/third"));
    const char *answer = hear(f, c, NULL, 2000, &closed);
    assert_non_null(strstr(answer, "HTTP/1.1 429 Too Many Requests\r\n"));
    assert_non_null(strstr(answer, "\"code\":\"rate_limited\""));
    assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
    assert_true(closed);
    (void)close(c);
    c = dial_and_say(f, FROM("9.9.9.9", "/echo/other"));
    assert_non_null(strstr(hear(f, c, "other|", 2000, &closed), "other|"));
    say(c, FROM("[2001:db8::1]:80", "/echo/six")); /* the same connection, another client */
    assert_non_null(strstr(hear(f, c, "six|", 2000, &closed), "six|"));
    http_set_user(f->held, NULL, NULL);
    http_reply_json(f->held, 200, SPAN_LIT("{}"));
    assert_non_null(strstr(hear(f, a, "{}", 2000, &closed), "200 OK"));
    say(c, FROM("8.8.8.8", "/echo/again")); /* an answered one no longer counts */
    assert_non_null(strstr(hear(f, c, "again|", 2000, &closed), "again|"));
    (void)close(a);
    (void)close(b);
    (void)close(c);
    tear_down(f);
}

static void a_chain_of_fields_is_read_from_its_end(void **state)
{
    static const char two_fields[] = "GET /hold HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 8.8.8.8\r\n"
                                     "X-Forwarded-For: 127.0.0.9\r\n\r\n";
    struct fixture *f = set_up(behind_a_proxy(1));
    bool closed;
    (void)state;
    int a = dial_and_say(f, two_fields);
    turn(f, 1000);
    int b = dial_and_say(f, FROM("8.8.8.8", "/echo/x"));
    assert_non_null(strstr(hear(f, b, NULL, 2000, &closed), "429 Too Many Requests\r\n"));
    (void)close(a);
    (void)close(b);
    tear_down(f);
#undef FROM
}

static bool count_key(struct http_request *r, void *arg)
{
    char key[32];
    (void)arg;
    (void)snprintf(key, sizeof key, "%.*s", SPAN_ARG(http_header(r, "X-Key")));
    return key[0] != '\0' && !http_count_against(r, key, 1);
}

static void a_key_has_so_many_requests_under_way(void **state)
{
#define WITH(key, path) "GET " path " HTTP/1.1\r\nHost: x\r\nX-Key: " key "\r\n\r\n"
    struct fixture *f = set_up((struct http_options){.before = count_key});
    bool closed;
    (void)state;
    int a = dial_and_say(f, WITH("one", "/stream"));
    turn(f, 1000);
    int b = dial_and_say(f, WITH("one", "/echo/x"));
    const char *answer = hear(f, b, "}}", 2000, &closed);
    assert_non_null(strstr(answer, "HTTP/1.1 429 Too Many Requests\r\n"));
    assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
    assert_false(closed); /* the connection may carry another key's */
    say(b, WITH("two", "/echo/x"));
    assert_non_null(strstr(hear(f, b, "x|", 2000, &closed), "200 OK"));
    http_stream_close(f->stream);
    (void)hear(f, a, "0\r\n\r\n", 2000, &closed);
    say(b, WITH("one", "/echo/y"));
    assert_non_null(strstr(hear(f, b, "y|", 2000, &closed), "200 OK"));
    say(b, WITH("one", "/echo/z"));
    assert_non_null(strstr(hear(f, b, "z|", 2000, &closed), "200 OK"));
    (void)close(a);
    (void)close(b);
    tear_down(f);
#undef WITH
}

/* Of 400 KiB for all bodies an address may hold 100. */
static void an_address_holds_its_share_of_the_bodies(void **state)
{
#define HALF(client)                                                                               \
    "POST /echo/a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " client                                 \
    "\r\nContent-Length: 200000\r\n\r\n"
    static char half[60 * 1024];
    struct http_options options = behind_a_proxy(10);
    bool closed;
    (void)state;
    options.max_bodies_bytes = 400 * 1024;
    struct fixture *f = set_up(options);
    memset(half, 'x', sizeof half - 1);
    int a = dial_and_say(f, HALF("8.8.8.8"));
    say(a, half);
    int other = dial_and_say(f, HALF("9.9.9.9"));
    say(other, half);
    turn(f, 50);
    int b = dial_and_say(f, HALF("8.8.8.8"));
    say(b, half);
    assert_non_null(strstr(hear(f, b, NULL, 2000, &closed), "503 Service Unavailable\r\n"));
    assert_true(closed);
    (void)hear(f, a, "x", 50, &closed);
    assert_false(closed);
    (void)hear(f, other, "x", 50, &closed);
    assert_false(closed);
    (void)close(a);
    (void)close(b);
    (void)close(other);
    turn(f, 50);
    assert_int_equal(http_server_connections(f->server), 0);
    tear_down(f);
#undef HALF
}

static void half_a_request_does_not_hold_the_end(void **state)
{
    static const char *const halves[] = {
        "GET /echo/x HTTP/1.1\r\n",
        "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"};
    int fds[3];
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (int i = 0; i < 2; i++)
        fds[i] = dial_and_say(f, halves[i]);
    fds[2] = dial_and_say(f, halves[1]);
    turn(f, 50);
    http_server_drain(f->server);
    turn(f, 50);
    say(fds[2], "defghij"); /* whole in time */
    assert_non_null(strstr(hear(f, fds[2], NULL, 2000, &closed), "x|||abcdefghij"));
    for (int i = 0; i < 2; i++) {
        assert_non_null(strstr(hear(f, fds[i], NULL, 3000, &closed), "HTTP/1.1 503 "));
        assert_true(closed);
        (void)close(fds[i]);
    }
    (void)close(fds[2]);
    turn(f, 50);
    assert_int_equal(http_server_connections(f->server), 0);
    tear_down(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_too_slowly_is_refused_before_its_deadline),
        cmocka_unit_test(a_connection_serves_a_thousand_requests),
        cmocka_unit_test(a_proxys_clients_are_counted_in_place_of_it),
        cmocka_unit_test(a_chain_of_fields_is_read_from_its_end),
        cmocka_unit_test(a_key_has_so_many_requests_under_way),
        cmocka_unit_test(an_address_holds_its_share_of_the_bodies),
        cmocka_unit_test(half_a_request_does_not_hold_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
