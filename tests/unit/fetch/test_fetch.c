/* Transfers against a scripted server on loopback: what goes out, what comes back, how each end is
 * named, and that cancel and pause reach the connection. */
#include "base/clock.h"
#include "base/mem.h"
#include "fetch/fetch.h"
#include "support/script_server.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum act { ACT_NONE, ACT_CANCEL, ACT_PAUSE, ACT_START_ANOTHER, ACT_CANCEL_OTHER };
enum moment { AT_CONNECTED = 1, AT_HEAD, AT_BODY, AT_DONE };

/* One transfer and what its hooks saw. */
struct seen {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch *fetch;
    struct seen *other;
    const char *url;
    enum act act;
    enum moment act_at;
    struct timer later; /* for cancel and resume from outside */
    int connected, heads, bodies, dones;
    int http_status, status;
    int64_t acted_ms;
    char detail[256];
    char type[64];
    struct buf body;
};

static struct loop *loop;
static struct fetcher *fetcher;
static struct script_server *server;
static struct seen one, two;

static void start(struct seen *s);

static void act(struct seen *s, enum moment now)
{
    if (s->act_at != now)
        return;
    s->act_at = 0;
    s->acted_ms = clock_mono_ms();
    switch (s->act) {
    case ACT_CANCEL:
        fetch_cancel(s->fetch);
        break;
    case ACT_CANCEL_OTHER:
        fetch_cancel(s->other->fetch);
        break;
    case ACT_PAUSE:
        fetch_pause(s->fetch);
        break;
    case ACT_START_ANOTHER:
        start(s->other);
        break;
    case ACT_NONE:
    default:
        break;
    }
}

static void on_connected(struct fetch *fetch, void *arg)
{
    struct seen *s = arg;
    assert_ptr_equal(fetch, s->fetch);
    s->connected++;
    act(s, AT_CONNECTED);
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct seen *s = arg;
    assert_int_equal(s->heads++, 0);
    assert_int_equal(s->bodies, 0);
    assert_true(s->connected > 0);
    s->http_status = status;
    struct span type = fetch_response_header(fetch, "content-TYPE");
    (void)snprintf(s->type, sizeof(s->type), "%.*s", SPAN_ARG(type));
    assert_null(fetch_response_header(fetch, "absent").ptr);
    act(s, AT_HEAD);
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    (void)fetch;
    struct seen *s = arg;
    assert_int_equal(s->heads, 1);
    assert_int_equal(s->dones, 0);
    s->bodies++;
    assert_int_equal(buf_span(&s->body, bytes), 0);
    act(s, AT_BODY);
}

static void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    struct seen *s = arg;
    assert_ptr_equal(fetch, s->fetch);
    assert_int_equal(s->dones++, 0);
    assert_null(fetch_response_header(fetch, "x-trailer").ptr); /* trailers are none of the head */
    s->status = status;
    (void)snprintf(s->detail, sizeof(s->detail), "%s", detail);
    act(s, AT_DONE);
    s->fetch = NULL;
    if ((one.fetch == NULL || one.dones > 0) && (two.fetch == NULL || two.dones > 0))
        loop_stop(s->loop);
}

static const struct fetch_hooks hooks_template = {
    .on_connected = on_connected, .on_head = on_head, .on_body = on_body, .on_done = on_done};

static int try_start(struct seen *s, const struct fetch_request *request)
{
    struct fetch_hooks hooks = hooks_template;
    struct err err;
    hooks.arg = s;
    int result = fetch_start(fetcher, request, &hooks, &s->fetch, &err);
    assert_int_equal(s->connected + s->heads + s->bodies + s->dones, 0);
    return result;
}

static void start(struct seen *s)
{
    const struct fetch_request request = {.method = "GET",
                                          .url = s->url == NULL ? server->url : s->url,
                                          .connect_ms = 2000,
                                          .total_ms = 5000};
    assert_int_equal(try_start(s, &request), 0);
}

static void seen_init(struct seen *s)
{
    *s = (struct seen){.loop = loop, .fetcher = fetcher};
    buf_init(&s->body, 16 * 1024 * 1024);
}

static void seen_release(struct seen *s)
{
    timer_release(&s->later);
    buf_release(&s->body);
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    fetcher = fetcher_new(loop);
    server = server_new(loop);
    seen_init(&one);
    seen_init(&two);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fetcher_free(fetcher);
    server_free(server);
    seen_release(&one);
    seen_release(&two);
    loop_free(loop);
    return 0;
}

static void run(void)
{
    assert_true(loop_run_for(loop, 10000));
}

static const struct step hello[] = {
    {STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\nContent-Length: 5\r\n\r\nhello",
     0, 0},
    {0}};

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

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"

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

static const struct step endless[] = {{STEP_SEND, CHUNKED "5\r\nhello\r\n", 0, 0},
                                      {STEP_HOLD, NULL, 0, 0}};

static void cancel_closes_the_connection_at_every_moment(void **state)
{
    (void)state;
    for (int moment = AT_CONNECTED; moment <= AT_BODY; moment++) {
        server->script = endless;
        server->closed_by_peer = 0;
        seen_release(&one);
        seen_init(&one);
        one.act = ACT_CANCEL;
        one.act_at = (enum moment)moment;
        start(&one);
        (void)loop_run_for(loop, 400);
        one.fetch = NULL;
        assert_int_equal(one.act_at, 0);
        assert_int_equal(one.dones, 0);
        assert_int_equal(one.heads, moment >= AT_HEAD);
        assert_int_equal(one.bodies, moment >= AT_BODY);
        assert_int_equal(server->open, 0);
        if (moment >= AT_HEAD) {
            assert_int_equal(server->closed_by_peer, 1);
            assert_in_range(server->closed_ms - one.acted_ms, 0, 2000);
        }
    }
}

static void on_cancel_later(void *arg)
{
    struct seen *s = arg;
    s->acted_ms = clock_mono_ms();
    fetch_cancel(s->fetch);
    s->fetch = NULL;
}

static void cancel_from_outside_closes_it_too(void **state)
{
    (void)state;
    server->script = endless;
    start(&one);
    timer_init(&one.later, loop, on_cancel_later, &one);
    timer_start(&one.later, 30);
    (void)loop_run_for(loop, 400);
    assert_int_equal(one.bodies, 1);
    assert_int_equal(one.dones, 0);
    assert_int_equal(server->closed_by_peer, 1);
    assert_in_range(server->closed_ms - one.acted_ms, 0, 2000);
}

static void cancel_before_the_loop_turned_connects_nowhere(void **state)
{
    (void)state;
    server->script = hello;
    start(&one);
    fetch_cancel(one.fetch);
    fetch_cancel(NULL);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->accepted, 0);
    assert_int_equal(one.connected + one.dones, 0);
}

static void cancel_at_the_end_changes_nothing(void **state)
{
    (void)state;
    server->script = hello;
    one.act = ACT_CANCEL;
    one.act_at = AT_DONE;
    start(&one);
    run();
    assert_int_equal(one.dones, 1);
    assert_int_equal(one.status, 0);
}

static void a_hook_may_cancel_another_transfer(void **state)
{
    (void)state;
    server->script = endless;
    one.act = ACT_CANCEL_OTHER;
    one.act_at = AT_BODY;
    one.other = &two;
    start(&two);
    start(&one);
    (void)loop_run_for(loop, 400);
    assert_int_equal(server->closed_by_peer, 1);
    assert_int_equal(server->open, 1);
    assert_int_equal(two.dones, 0);
}

static void a_hook_may_start_another_transfer(void **state)
{
    (void)state;
    for (int moment = AT_CONNECTED; moment <= AT_DONE; moment++) {
        server->script = hello;
        seen_release(&one);
        seen_release(&two);
        seen_init(&one);
        seen_init(&two);
        one.act = ACT_START_ANOTHER;
        one.act_at = (enum moment)moment;
        one.other = &two;
        start(&one);
        run();
        assert_int_equal(one.status, 0);
        assert_int_equal(two.status, 0);
        assert_string_equal(two.body.ptr, "hello");
    }
}

static void on_resume_later(void *arg)
{
    struct seen *s = arg;
    fetch_resume(s->fetch);
}

static void pause_fills_the_window_and_resume_loses_nothing(void **state)
{
    (void)state;
    enum { BODY = 8 * 1024 * 1024 };
    char *answer = mem_new(BODY + 128);
    int head = snprintf(answer, 128, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
    for (int i = 0; i < BODY; i++)
        answer[head + i] = (char)('a' + i % 23);
    const struct step script[] = {{STEP_SEND, answer, (size_t)head + BODY, 0},
                                  {STEP_HOLD, NULL, 0, 0}};
    server->script = script;
    one.act = ACT_PAUSE;
    one.act_at = AT_BODY;
    start(&one);
    timer_init(&one.later, loop, on_resume_later, &one);
    timer_start(&one.later, 600);
    (void)loop_run_for(loop, 400);
    assert_int_equal(one.bodies, 1); /* and no more while it is paused */
    run();
    assert_int_equal(one.status, 0);
    assert_int_equal(one.body.len, BODY);
    assert_memory_equal(one.body.ptr, answer + head, BODY);
    mem_free(answer);
}

static void a_paused_transfer_can_be_cancelled(void **state)
{
    (void)state;
    static const struct step script[] = {{STEP_SEND, CHUNKED "5\r\nhello\r\n5\r\nhello\r\n", 0, 0},
                                         {STEP_HOLD, NULL, 0, 0}};
    server->script = script;
    one.act = ACT_PAUSE;
    one.act_at = AT_BODY;
    start(&one);
    timer_init(&one.later, loop, on_cancel_later, &one);
    timer_start(&one.later, 30);
    (void)loop_run_for(loop, 400);
    assert_int_equal(one.bodies, 1);
    assert_int_equal(server->closed_by_peer, 1);
}

static void unusable_requests_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",           "127.0.0.1",      "ftp://127.0.0.1/",          "file:///etc/passwd",
        "http://",    "http://a b/",    "http://user:pw@127.0.0.1/", "http://127.0.0.1/\r\nX: y",
        "gopher://x", "http://h:99999/"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const struct fetch_request request = {.method = "GET", .url = urls[i], .connect_ms = 100};
        if (try_start(&one, &request) != -ERR_BAD_REQUEST)
            fail_msg("taken: %s", urls[i]);
    }
    static const struct fetch_header headers[] = {
        {"X-A", "b\r\nX-C: d"}, {"X-A", "b\nc"}, {"X A", "b"}, {"", "b"}, {"X:A", "b"}};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const struct fetch_request request = {.method = "GET",
                                              .url = server->url,
                                              .headers = &headers[i],
                                              .header_count = 1,
                                              .connect_ms = 100};
        assert_int_equal(try_start(&one, &request), -ERR_BAD_REQUEST);
    }
    const struct fetch_request request = {
        .method = "GET / HTTP/1.1\r\nX:", .url = server->url, .connect_ms = 100};
    assert_int_equal(try_start(&one, &request), -ERR_BAD_REQUEST);
    (void)loop_run_for(loop, 100);
    assert_int_equal(server->accepted, 0);
}

static void the_fetcher_may_go_first(void **state)
{
    (void)state;
    server->script = endless;
    start(&one);
    (void)loop_run_for(loop, 150);
    assert_int_equal(one.bodies, 1);
    start(&two); /* not yet with libcurl */
    fetcher_free(fetcher);
    fetcher = NULL;
    fetcher_free(fetcher);
    (void)loop_run_for(loop, 150);
    assert_int_equal(one.dones + two.dones, 0);
    assert_int_equal(server->open, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
        T(a_chunked_answer_may_be_cut_anywhere),
        T(an_interim_answer_is_passed_by),
        T(a_redirect_is_an_answer),
        T(the_environment_names_no_proxy),
        T(every_bad_end_has_its_name),
        T(a_refused_connection_is_an_error),
        T(headers_without_end_are_refused),
        T(a_connection_that_does_not_come_times_out),
        T(the_total_time_ends_a_silent_answer),
        T(cancel_closes_the_connection_at_every_moment),
        T(cancel_from_outside_closes_it_too),
        T(cancel_before_the_loop_turned_connects_nowhere),
        T(cancel_at_the_end_changes_nothing),
        T(a_hook_may_cancel_another_transfer),
        T(a_hook_may_start_another_transfer),
        T(pause_fills_the_window_and_resume_loses_nothing),
        T(a_paused_transfer_can_be_cancelled),
        T(unusable_requests_are_refused_at_once),
        T(the_fetcher_may_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
