/* The life of transfers: cancel and pause reach the connection, at every moment; what cannot be
 * sent is refused at once. */
#include "fetch/fetch_fixture.h"

static const struct step endless[] = {{STEP_SEND, CHUNKED "5\r\nhello\r\n", 0, 0},
                                      {STEP_HOLD, NULL, 0, 0}};

enum { SETTLE_MS = 1000 }; /* for a connection that opens and closes, under valgrind too */

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
        (void)loop_run_for(loop, SETTLE_MS);
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
    timer_start(&one.later, SETTLE_MS / 2);
    (void)loop_run_for(loop, SETTLE_MS);
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

static void on_leaving(void *arg)
{
    struct seen *s = arg;
    s->acted_ms++;
    assert_int_equal(s->connected, 0);
    fetch_cancel(s->fetch);
}

static void what_is_cancelled_as_it_leaves_does_not(void **state)
{
    (void)state;
    server->script = hello;
    fetcher_on_leaving(fetcher, on_leaving, &one);
    start(&one);
    (void)loop_run_for(loop, 200);
    assert_int_equal(one.acted_ms, 1); /* it was asked about */
    assert_int_equal(one.connected + one.dones, 0);
    assert_int_equal(server->accepted, 1);
    assert_int_equal(server->requests + server->open, 0);
    one.fetch = NULL;
    start(&two); /* who leaves does not matter: the other one is gone */
    run();
    assert_string_equal(two.body.ptr, "hello");
    assert_int_equal(server->requests, 1);
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

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(cancel_closes_the_connection_at_every_moment),
        T(cancel_from_outside_closes_it_too),
        T(cancel_before_the_loop_turned_connects_nowhere),
        T(cancel_at_the_end_changes_nothing),
        T(a_hook_may_cancel_another_transfer),
        T(what_is_cancelled_as_it_leaves_does_not),
        T(a_hook_may_start_another_transfer),
        T(pause_fills_the_window_and_resume_loses_nothing),
        T(a_paused_transfer_can_be_cancelled),
        T(unusable_requests_are_refused_at_once),
        T(the_fetcher_may_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
