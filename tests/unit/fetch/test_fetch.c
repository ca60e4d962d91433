/* Transfers: what goes out, what comes back, how each end is named. */
#include "fetch/fetch_fixture.h"

static void a_get_says_no_more_than_it_must(void **state)
{
    (void)state;
    server->script = hello;
    start(&one);
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(one.http_status, 200);
    assert_string_equal(one.type, "text/plain");
    assert_string_equal(one.body.ptr, "hello");
    char *wanted =
        mem_printf("GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: sluice/" SLUICE_VERSION
                   "\r\nAccept: */*\r\n\r\n",
                   server->port);
    assert_string_equal(server->request.ptr, wanted);
    mem_free(wanted);
}

static void a_post_sends_its_headers_and_a_copy_of_its_body(void **state)
{
    (void)state;
    server->script = hello;
    char body[] = "{\"a\":\0 1}";
    char url[128];
    (void)snprintf(url, sizeof(url), "%s/v1/x", server->url);
    const struct fetch_header headers[] = {
        {"Content-Type", "application/json"}, {"X-Empty", ""}, {"Authorization", "Bearer k"}};
    const struct fetch_request request = {.method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .header_count = 3,
                                          .body = span_make(body, sizeof(body) - 1),
                                          .connect_ms = 2000};
    assert_int_equal(try_start(&one, &request), 0);
    memset(body, 'x', sizeof(body));
    memset(url, 'x', sizeof(url) - 1);
    run();
    assert_int_equal(one.status, 0);
    assert_true(span_starts_with(buf_as_span(&server->request), "POST /v1/x HTTP/1.1\r\n"));
    assert_non_null(strstr(server->request.ptr, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(server->request.ptr, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(server->request.ptr, "\r\nAuthorization: Bearer k\r\n"));
    assert_null(strstr(server->request.ptr, "Expect"));
    assert_memory_equal(server->request.ptr + server->request.len - 9, "{\"a\":\0 1}", 9);
}

static void a_body_without_a_type_is_no_form(void **state)
{
    (void)state;
    server->script = hello;
    const struct fetch_request request = {
        .method = "PUT", .url = server->url, .body = SPAN_LIT("x"), .connect_ms = 2000};
    assert_int_equal(try_start(&one, &request), 0);
    run();
    assert_true(span_starts_with(buf_as_span(&server->request), "PUT / HTTP/1.1\r\n"));
    assert_null(strstr(server->request.ptr, "Content-Type"));
}

static void a_head_has_no_body(void **state)
{
    (void)state;
    static const struct step script[] = {
        {STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0, 0}, {0}};
    server->script = script;
    const struct fetch_request request = {.method = "HEAD", .url = server->url, .connect_ms = 2000};
    assert_int_equal(try_start(&one, &request), 0);
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(one.bodies, 0);
}

static void a_connection_is_kept_for_the_next_request(void **state)
{
    (void)state;
    server->script = hello;
    for (int i = 0; i < 3; i++) {
        seen_release(&one);
        seen_init(&one);
        start(&one);
        run();
        assert_int_equal(one.status, 0);
        assert_int_equal(one.connected, 1);
    }
    assert_int_equal(server->requests, 3);
    assert_int_equal(server->accepted, 1);
}

static void a_kept_connection_that_died_is_replaced(void **state)
{
    (void)state;
    static const struct step script[] = {
        {STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 0},
        {STEP_WAIT, NULL, 0, 20},
        {STEP_CLOSE, NULL, 0, 0}};
    server->script = script;
    start(&one);
    run();
    (void)loop_run_for(loop, 400);
    seen_release(&one);
    seen_init(&one);
    start(&one);
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(server->accepted, 2);
}

/* The server takes the second request on the kept connection and closes: libcurl sends it anew, and
 * must not when it may be sent once. */
static void what_is_sent_once_is_never_sent_anew(void **state)
{
    (void)state;
    static const struct step closing[] = {{STEP_CLOSE, NULL, 0, 0}};
    for (int is_once = 0; is_once < 2; is_once++) {
        server->script = hello;
        seen_release(&one);
        seen_init(&one);
        start(&one);
        run();
        assert_int_equal(one.status, 0);
        server->script = closing;
        int before = server->requests;
        const struct fetch_request request = {
            .method = "POST", .url = server->url, .connect_ms = 2000, .is_sent_once = is_once == 1};
        seen_release(&one);
        seen_init(&one);
        assert_int_equal(try_start(&one, &request), 0);
        run();
        assert_int_equal(one.status, -ERR_PROVIDER_ERROR);
        assert_int_equal(server->requests - before, is_once == 1 ? 1 : 2);
    }
}

static void a_chunked_answer_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char answer[] =
        CHUNKED "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nX-Trailer: 1\r\n\r\n";
    static const struct step script[] = {{STEP_SPLIT, answer, 0, 0}, {0}};
    server->script = script;
    for (size_t split = 1; split < sizeof(answer) - 1; split++) {
        server->split = split;
        seen_release(&one);
        seen_init(&one);
        start(&one);
        run();
        assert_int_equal(one.status, 0);
        assert_string_equal(one.body.ptr, "hello, world");
        assert_string_equal(one.type, "text/plain");
    }
}

static void an_interim_answer_is_passed_by(void **state)
{
    (void)state;
    static const struct step script[] = {
        {STEP_SEND, "HTTP/1.1 103 Early Hints\r\nContent-Type: early\r\n\r\n", 0, 0},
        {STEP_WAIT, NULL, 0, 5},
        {STEP_SEND, "HTTP/1.1 201 Made\r\nContent-Type: late\r\nContent-Length: 0\r\n\r\n", 0, 0},
        {0}};
    server->script = script;
    start(&one);
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(one.http_status, 201);
    assert_string_equal(one.type, "late");
}

static void a_redirect_is_an_answer(void **state)
{
    (void)state;
    static const struct step script[] = {
        {STEP_SEND,
         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0, 0},
        {0}};
    server->script = script;
    start(&one);
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(one.http_status, 302);
    assert_int_equal(server->requests, 1);
}

static void the_environment_names_no_proxy(void **state)
{
    (void)state;
    server->script = hello;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    start(&one);
    run();
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("ALL_PROXY"), 0);
    assert_int_equal(one.status, 0);
}

/* How each end is named. */
struct ending {
    const char *name;
    struct step script[3];
    int status;
};

static void every_bad_end_has_its_name(void **state)
{
    (void)state;
    static const struct ending endings[] = {
        {"closed before the head", {{STEP_CLOSE, NULL, 0, 0}}, -ERR_PROVIDER_ERROR},
        {"reset before the head", {{STEP_RESET, NULL, 0, 0}}, -ERR_PROVIDER_ERROR},
        {"closed in the head",
         {{STEP_SEND, "HTTP/1.1 200 OK\r\nConte", 0, 0}, {STEP_CLOSE, NULL, 0, 0}},
         -ERR_PROVIDER_ERROR},
        {"not HTTP",
         {{STEP_SEND, "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, 0}, {STEP_CLOSE, NULL, 0, 0}},
         -ERR_PROVIDER_ERROR},
        {"short of its length",
         {{STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, 0},
          {STEP_CLOSE, NULL, 0, 0}},
         -ERR_PROVIDER_TRUNCATED},
        {"reset in the body",
         {{STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, 0},
          {STEP_WAIT, NULL, 0, 10},
          {STEP_RESET, NULL, 0, 0}},
         -ERR_PROVIDER_TRUNCATED},
        {"without the last chunk",
         {{STEP_SEND, CHUNKED "5\r\nhello\r\n", 0, 0}, {STEP_CLOSE, NULL, 0, 0}},
         -ERR_PROVIDER_TRUNCATED},
        {"a chunk without a size",
         {{STEP_SEND, CHUNKED "zz\r\nhello\r\n", 0, 0}, {STEP_HOLD, NULL, 0, 0}},
         -ERR_PROVIDER_TRUNCATED},
        {"ended by the close, as HTTP allows",
         {{STEP_SEND, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 0, 0},
          {STEP_CLOSE, NULL, 0, 0}},
         0},
    };
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        server->script = endings[i].script;
        seen_release(&one);
        seen_init(&one);
        start(&one);
        run();
        if (one.status != endings[i].status)
            fail_msg("%s: %s, %s", endings[i].name, err_name(one.status), one.detail);
        assert_true((one.status == 0) == (one.detail[0] == '\0'));
    }
    (void)loop_run_for(loop, 100);
    assert_int_equal(server->open, 0);
}

static void a_refused_connection_is_an_error(void **state)
{
    (void)state;
    one.url = "http://127.0.0.1:1/";
    start(&one);
    run();
    assert_int_equal(one.status, -ERR_PROVIDER_ERROR);
    assert_int_equal(one.connected, 0);
    assert_non_null(strstr(one.detail, "127.0.0.1"));
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    struct buf head;
    buf_init(&head, 256 * 1024);
    assert_int_equal(buf_text(&head, "HTTP/1.1 200 OK\r\n"), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(
            buf_printf(&head, "X-Header-%d: 0123456789012345678901234567890123456789\r\n", i), 0);
    const struct step script[] = {{STEP_SEND, head.ptr, head.len, 0}, {STEP_HOLD, NULL, 0, 0}};
    server->script = script;
    start(&one);
    run();
    assert_int_equal(one.status, -ERR_PROVIDER_ERROR);
    assert_string_equal(one.detail, "the response's header is too large");
    assert_int_equal(one.heads, 0);
    buf_release(&head);
}

static void a_connection_that_does_not_come_times_out(void **state)
{
    (void)state;
    struct black_hole hole;
    black_hole_open(&hole);
    const struct fetch_request request = {
        .method = "GET", .url = hole.url, .connect_ms = 60, .total_ms = 5000};
    int64_t before = clock_mono_ms();
    assert_int_equal(try_start(&one, &request), 0);
    run();
    black_hole_close(&hole);
    assert_int_equal(one.status, -ERR_TIMEOUT_CONNECT);
    assert_in_range(clock_mono_ms() - before, 50, 1500);
}

static void the_total_time_ends_a_silent_answer(void **state)
{
    (void)state;
    static const struct step script[] = {{STEP_SEND, CHUNKED "5\r\nhello\r\n", 0, 0},
                                         {STEP_HOLD, NULL, 0, 0}};
    server->script = script;
    const struct fetch_request request = {
        .method = "GET", .url = server->url, .connect_ms = 2000, .total_ms = 60};
    assert_int_equal(try_start(&one, &request), 0);
    run();
    assert_int_equal(one.status, -ERR_TIMEOUT_TOTAL);
    assert_string_equal(one.body.ptr, "hello");
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->closed_by_peer, 1);
}

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(a_get_says_no_more_than_it_must),
        T(a_post_sends_its_headers_and_a_copy_of_its_body),
        T(a_body_without_a_type_is_no_form),
        T(a_head_has_no_body),
        T(a_connection_is_kept_for_the_next_request),
        T(a_kept_connection_that_died_is_replaced),
        T(what_is_sent_once_is_never_sent_anew),
        T(a_chunked_answer_may_be_cut_anywhere),
        T(an_interim_answer_is_passed_by),
        T(a_redirect_is_an_answer),
        T(the_environment_names_no_proxy),
        T(every_bad_end_has_its_name),
        T(a_refused_connection_is_an_error),
        T(headers_without_end_are_refused),
        T(a_connection_that_does_not_come_times_out),
        T(the_total_time_ends_a_silent_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
