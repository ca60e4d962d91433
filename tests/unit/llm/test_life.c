/* The life of a call against a scripted provider: the five timers, cancel and pause. */
#include "base/clock.h"
#include "base/mem.h"
#include "llm/openai_frames.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Timers. */

static void expect_timeout(const struct step *script, int code, int64_t after_ms)
{
    enum { LATE_MS = 5000 }; /* on a busy machine, or under valgrind */
    int64_t before = clock_mono_ms();
    calls_play(script);
    assert_int_equal(seen.dones, 0);
    if (seen.failure.code != code)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_in_range(clock_mono_ms() - before, after_ms - 5, after_ms + LATE_MS);
}

static void a_connection_that_does_not_come_times_out(void **state)
{
    (void)state;
    struct black_hole hole;
    black_hole_open(&hole);
    seen.model.base_url = hole.url;
    seen.model.connect_ms = 50;
    seen.model.first_byte_ms = 10; /* runs from the connection, so not before there is one */
    static const struct step script[] = {HOLD};
    expect_timeout(script, -ERR_TIMEOUT_CONNECT, 50);
    black_hole_close(&hole);
}

static void a_head_that_does_not_come_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {HOLD};
    seen.model.first_byte_ms = 50;
    expect_timeout(script, -ERR_TIMEOUT_FIRST_BYTE, 50);
    assert_int_equal(seen.failure.provider_status, 0);
}

static void a_token_that_does_not_come_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD), WAIT(20),       SEND(": still thinking\n\n"),
                                         WAIT(20),   SEND(TEXT("")), HOLD};
    seen.model.first_token_ms = 60;
    seen.model.idle_ms = 10; /* runs from the first token */
    expect_timeout(script, -ERR_TIMEOUT_FIRST_TOKEN, 60);
    assert_int_equal(seen.failure.provider_status, 200);
}

static void silence_after_a_token_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a")), WAIT(20), SEND(": hum\n\n"), WAIT(20),
        SEND(": hum\n\n"),    WAIT(20), SEND(": hum\n\n"), HOLD};
    seen.model.idle_ms = 50;
    expect_timeout(script, -ERR_TIMEOUT_IDLE, 50);
    assert_string_equal(seen.heard.ptr, "D0:a|");
}

static void a_steady_stream_is_not_silent(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a")),      WAIT(40), SEND(TEXT("b")), WAIT(40),
        SEND(TEXT("c")),           WAIT(40), SEND(TEXT("d")), WAIT(40),
        SEND(FINISH("stop") DONE), CLOSE};
    seen.model.idle_ms = 100;
    seen.model.first_token_ms = 100;
    seen.model.first_byte_ms = 100;
    calls_play(script);
    assert_int_equal(seen.dones, 1);
}

static void the_whole_call_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")), WAIT(30), SEND(TEXT("b")), WAIT(30),
                                         SEND(TEXT("c")),      WAIT(30), SEND(TEXT("d")), HOLD};
    seen.model.total_ms = 80;
    expect_timeout(script, -ERR_TIMEOUT_TOTAL, 80);
    assert_false(seen.failure.is_retryable);
}

static void a_refusal_that_stalls_keeps_its_status(void **state)
{
    (void)state;
    static const struct step script[] = {SEND("HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{"),
                                         HOLD};
    seen.model.idle_ms = 40;
    expect_timeout(script, -ERR_PROVIDER_REFUSED, 40);
    assert_int_equal(seen.failure.provider_status, 400);
}

static void a_final_frame_is_enough(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a") FINISH("stop") DONE), HOLD};
    seen.model.idle_ms = 50; /* over before the wait for the response's end */
    int64_t before = clock_mono_ms();
    calls_play(script);
    assert_int_equal(seen.dones, 1);
    assert_in_range(clock_mono_ms() - before, 450, 2000);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->open, 0);
}

/* Cancel and pause. */

static void cancel_in_every_hook_is_silent_and_closes(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a") TEXT("b") CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
                                            "\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}")
                 TEXT("c")),
        HOLD};
    static const char *const heard[] = {[AT_PIECE] = "D0:a|", [AT_CALL] = "D0:a|D0:b|t1:c:f:1|"};
    for (int moment = AT_PIECE; moment <= AT_CALL; moment++) {
        server->closed_by_peer = 0;
        seen.act_at = (enum moment)moment;
        calls_play(script);
        (void)loop_run_for(loop, 400);
        assert_string_equal(seen.heard.ptr, heard[moment]);
        assert_int_equal(seen.dones + seen.fails, 0);
        assert_int_equal(server->closed_by_peer, 1);
        assert_in_range(server->closed_ms - seen.acted_ms, 0, 2000);
    }
    seen.act_at = AT_DONE;
    calls_play_body(HEAD, TEXT("a") FINISH("stop") DONE);
    assert_int_equal(seen.dones, 1);
    seen.act_at = AT_FAILED;
    calls_play_body(HEAD, TEXT("a"));
    assert_int_equal(seen.fails, 1);
}

/* A whole call comes while [DONE] is read: no further call and no end after it. */
static void cancel_at_a_whole_call_is_silent(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c\"},{\"index\":1,\"id\":\"d\"}]}")
                 FINISH("tool_calls") DONE),
        CLOSE};
    server->script = script;
    calls_hello();
    seen.act_at = AT_CALL;
    seen.skip = 2;
    calls_run();
    (void)loop_run_for(loop, 150);
    assert_string_equal(seen.heard.ptr, "t0:c::|t1:d::|T0:c::|");
    assert_int_equal(seen.dones + seen.fails, 0);
}

static void cancel_before_and_while_waiting_is_silent(void **state)
{
    (void)state;
    static const struct step script[] = {HOLD};
    server->script = script;
    calls_hello();
    llm_cancel(seen.call);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->requests, 0);
    calls_hello();
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->requests, 1);
    assert_int_equal(llm_usage(seen.call).source, USAGE_UNKNOWN);
    llm_cancel(seen.call);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->closed_by_peer, 1);
    assert_int_equal(seen.dones + seen.fails, 0);
}

static void a_pause_holds_the_stream_and_its_timers(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")),
                                         WAIT(10),
                                         SEND(TEXT("b")),
                                         WAIT(10),
                                         SEND(TEXT("c") FINISH("stop") DONE),
                                         CLOSE};
    seen.model.idle_ms = 60; /* the pause takes 120 */
    seen.act = ACT_PAUSE;
    seen.act_at = AT_PIECE;
    int64_t before = clock_mono_ms();
    calls_play(script);
    assert_int_equal(seen.dones, 1);
    assert_string_equal(seen.heard.ptr, "D0:a|D0:b|D0:c|");
    assert_in_range(clock_mono_ms() - before, 115, 1000);
}

static void after_a_pause_silence_counts_again(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")), HOLD};
    seen.model.idle_ms = 60;
    seen.act = ACT_PAUSE;
    seen.act_at = AT_PIECE;
    expect_timeout(script, -ERR_TIMEOUT_IDLE, 180);
}

#define T(test) cmocka_unit_test_setup_teardown(test, calls_set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(a_connection_that_does_not_come_times_out),
        T(a_head_that_does_not_come_times_out),
        T(a_token_that_does_not_come_times_out),
        T(silence_after_a_token_times_out),
        T(a_steady_stream_is_not_silent),
        T(the_whole_call_times_out),
        T(a_refusal_that_stalls_keeps_its_status),
        T(a_final_frame_is_enough),
        T(cancel_in_every_hook_is_silent_and_closes),
        T(cancel_at_a_whole_call_is_silent),
        T(cancel_before_and_while_waiting_is_silent),
        T(a_pause_holds_the_stream_and_its_timers),
        T(after_a_pause_silence_counts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
