/* Every failure by its name: answers that are no stream, streams that break off, what is too large.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "llm/openai_frames.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct failing_case failings[] = {
    /* the answer itself */
    {"400",
     ERROR_HEAD("400 Bad Request") "\r\n{\"error\":{\"message\":\"max_tokens\\nis too "
                                   "large\",\"type\":\"invalid_request_error\"}}",
     -ERR_PROVIDER_REFUSED, 400, "the provider answered 400: max_tokens is too large", "", -1},
    {"401 that repeats the key",
     ERROR_HEAD(
         "401 No") "\r\n{\"error\":{\"message\":\"Incorrect key sk-canary-key, sk-canary-key\"}}",
     -ERR_PROVIDER_REFUSED, 401, "Incorrect key ***, ***", "", -1},
    {"402", ERROR_HEAD("402 Pay") "\r\n{}", -ERR_PROVIDER_REFUSED, 402, "the provider answered 402",
     "", -1},
    {"403", ERROR_HEAD("403 No") "\r\n<html>secret page</html>", -ERR_PROVIDER_REFUSED, 403,
     "the provider answered 403", "", -1},
    {"404 with a bare string", ERROR_HEAD("404 Not Found") "\r\n{\"error\":\"model not found\"}",
     -ERR_PROVIDER_REFUSED, 404, ": model not found", "", -1},
    {"408", ERROR_HEAD("408 Slow") "\r\n", -ERR_PROVIDER_ERROR, 408, "408", "", -1},
    {"422 with a detail", ERROR_HEAD("422 What") "\r\n{\"detail\":\"field required\"}",
     -ERR_PROVIDER_REFUSED, 422, ": field required", "", -1},
    {"429 with patience",
     ERROR_HEAD("429 Wait") "Retry-After: 7\r\n\r\n{\"error\":{\"message\":\"slow "
                            "down\",\"code\":\"rate_limit_exceeded\"}}",
     -ERR_PROVIDER_RATE_LIMITED, 429, ": slow down", "", 7000},
    {"429 with endless patience", ERROR_HEAD("429 Wait") "Retry-After: 99999999999\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", 86400000},
    {"429 with a past date",
     ERROR_HEAD("429 Wait") "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", 0},
    {"429 with a word", ERROR_HEAD("429 Wait") "Retry-After: soon\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", -1},
    {"429 without money",
     ERROR_HEAD(
         "429 Wait") "\r\n{\"error\":{\"message\":\"quota\",\"code\":\"insufficient_quota\"}}",
     -ERR_PROVIDER_REFUSED, 429, ": quota", "", -1},
    {"429 without credit",
     ERROR_HEAD("429 Wait") "\r\n{\"error\":{\"message\":\"limit\",\"type\":\"billing_hard_limit_"
                            "reached\"}}",
     -ERR_PROVIDER_REFUSED, 429, ": limit", "", -1},
    {"500", ERROR_HEAD("500 Oops") "\r\n", -ERR_PROVIDER_ERROR, 500, "500", "", -1},
    {"503", ERROR_HEAD("503 Busy") "Retry-After: 1\r\n\r\n", -ERR_PROVIDER_ERROR, 503, "503", "",
     1000},
    {"529",
     ERROR_HEAD("529 Overloaded") "\r\n{\"error\":{\"type\":\"overloaded_error\",\"message\":"
                                  "\"Overloaded\"}}",
     -ERR_PROVIDER_ERROR, 529, ": Overloaded", "", -1},
    {"a redirect",
     "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
     -ERR_PROVIDER_REFUSED, 302, "302", "", -1},
    {"204", "HTTP/1.1 204 Nothing\r\n\r\n", -ERR_PROVIDER_ERROR, 204, "204", "", -1},
    {"a cut refusal keeps its status", "HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{\"err",
     -ERR_PROVIDER_REFUSED, 400, "400", "", -1},
    {"200 that is no stream",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
     -ERR_PROVIDER_ERROR, 200, "application/json instead of text/event-stream", "", -1},
    {"200 without a type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", -ERR_PROVIDER_ERROR,
     200, "no content type", "", -1},
    {"no answer", "", -ERR_PROVIDER_ERROR, 0, "the provider failed: ", "", -1},
    /* the stream */
    {"without any frame", HEAD, -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "", -1},
    {"without [DONE]", HEAD TEXT("a") FINISH("stop"), -ERR_PROVIDER_TRUNCATED, 200,
     "without its final frame", "D0:a|", -1},
    {"[DONE] without its blank line", HEAD TEXT("a") FINISH("stop") "data: [DONE]\n",
     -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "D0:a|", -1},
    {"[DONE] without a reason", HEAD TEXT("a") DONE, -ERR_PROVIDER_TRUNCATED, 200,
     "without a finish_reason", "D0:a|", -1},
    {"a missing last chunk", HEAD_CHUNKED "5\r\ndata:\r\n", -ERR_PROVIDER_TRUNCATED, 200,
     "was cut off", "", -1},
    {"an error event",
     HEAD TEXT("a") "data: "
                    "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null}}"
                    "\n\n" TEXT("b"),
     -ERR_PROVIDER_ERROR, 200, "the provider broke off: boom", "D0:a|", -1},
    {"an error event as text", HEAD TEXT("a") "data: {\"error\":\"boom\"}\n\n", -ERR_PROVIDER_ERROR,
     200, ": boom", "D0:a|", -1},
    {"an error event without a word", HEAD "data: {\"error\":{}}\n\n", -ERR_PROVIDER_ERROR, 200,
     "with an error", "", -1},
    {"vLLM's error object",
     HEAD "data: {\"object\":\"error\",\"message\":\"boom\",\"code\":500}\n\n", -ERR_PROVIDER_ERROR,
     200, ": boom", "", -1},
    {"a rate limit in the stream", HEAD "data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\n",
     -ERR_PROVIDER_RATE_LIMITED, 200, ": slow", "", -1},
    {"no money in the stream",
     HEAD "data: {\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}\n\n",
     -ERR_PROVIDER_REFUSED, 200, ": pay", "", -1},
    {"finish_reason error", HEAD TEXT("a") FINISH("error") DONE, -ERR_PROVIDER_ERROR, 200,
     "finish_reason error", "D0:a|", -1},
    {"invalid JSON", HEAD TEXT("a") "data: {\"choices\":\n\n", -ERR_PROVIDER_ERROR, 200, "no JSON",
     "D0:a|", -1},
    {"invalid UTF-8", HEAD TEXT("a") TEXT("\xff\xfe"), -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|",
     -1},
    {"a lone surrogate", HEAD TEXT("a") TEXT("\\ud800"), -ERR_PROVIDER_ERROR, 200, "no JSON",
     "D0:a|", -1},
    {"an array", HEAD TEXT("a") "data: [1]\n\n", -ERR_PROVIDER_ERROR, 200, "an array", "D0:a|", -1},
    {"empty data", HEAD TEXT("a") "data:\n\n", -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|", -1},
};

static void every_failure_has_its_name(void **state)
{
    (void)state;
    calls_assert_failings(failings, sizeof(failings) / sizeof(failings[0]));
}

static void a_date_to_come_is_waited_for(void **state)
{
    (void)state;
    char date[64];
    time_t then = (time_t)(clock_wall_ms() / 1000) + 90;
    struct tm tm;
    assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm)) >
                0);
    char *answer = mem_printf(ERROR_HEAD("429 Wait") "Retry-After: %s\r\n\r\n", date);
    const struct step script[] = {SEND(answer), CLOSE};
    calls_play(script);
    assert_in_range(seen.failure.retry_after_ms, 85000, 90000);
    mem_free(answer);
}

static void a_refused_connection_is_an_error(void **state)
{
    (void)state;
    seen.model.base_url = "http://127.0.0.1:1";
    calls_hello();
    calls_run();
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_int_equal(seen.failure.provider_status, 0);
}

static void long_messages_are_cut_at_a_character(void **state)
{
    (void)state;
    struct buf answer;
    buf_init(&answer, 64 * 1024);
    assert_int_equal(buf_text(&answer, ERROR_HEAD("400 No") "\r\n{\"error\":\"x"), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_text(&answer, "\xf0\x9f\x98\x80"), 0);
    assert_int_equal(buf_text(&answer, "\"}"), 0);
    const struct step script[] = {SEND(answer.ptr), CLOSE};
    calls_play(script);
    assert_true(span_is_utf8(span_of(seen.failure.message)));
    assert_in_range(strlen(seen.failure.message), 190, 199);
    buf_release(&answer);
}

static void what_a_provider_can_send_is_bounded(void **state)
{
    (void)state;
    char *large = mem_new(2 * 1024 * 1024);
    /* a refusal without end: judged by its first 16 KiB */
    int head = snprintf(large, 256, ERROR_HEAD("500 Oops") "\r\n");
    memset(large + head, ' ', 64 * 1024);
    const struct step refusal[] = {{STEP_SEND, large, (size_t)head + 64 * 1024, 0}, HOLD};
    calls_play(refusal);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_int_equal(seen.failure.provider_status, 500);
    /* a line without end */
    head = snprintf(large, 256, HEAD TEXT("a") "data: ");
    memset(large + head, 'x', 2 * 1024 * 1024 - 256);
    const struct step line[] = {{STEP_SEND, large, 2 * 1024 * 1024 - 256, 0}, HOLD};
    calls_play(line);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_non_null(strstr(seen.failure.message, "larger than"));
    assert_string_equal(seen.heard.ptr, "D0:a|");
    mem_free(large);
    /* tool calls without end */
    struct buf body;
    buf_init(&body, 4 * 1024 * 1024);
    for (int i = 0; i < 129; i++)
        assert_int_equal(
            buf_printf(
                &body,
                "data: "
                "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"id\":\"c%d\"}]}}]}\n\n",
                i, i),
            0);
    calls_play_body(HEAD, body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    assert_false(seen.failure.is_retryable);
    /* arguments without end */
    buf_reset(&body);
    for (int i = 0; i < 17; i++)
        assert_int_equal(buf_printf(&body,
                                    "data: "
                                    "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                                    "\"function\":{\"arguments\":\"%065536d\"}}]}}]}\n\n",
                                    0),
                         0);
    calls_play_body(HEAD, body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    buf_release(&body);
}

/* F11 in small: the connection is reset behind every byte. Only a whole final frame makes an
 * answer. */
static void a_reset_at_any_byte_is_never_done(void **state)
{
    (void)state;
    static const char stream[] = HEAD TEXT("a") TEXT("b") FINISH("stop") DONE;
    size_t len = sizeof(stream) - 1;
    for (size_t cut = 1; cut <= len; cut++) {
        const struct step script[] = {
            {STEP_SEND, stream, cut, 0}, WAIT(1), {STEP_RESET, NULL, 0, 0}};
        calls_play(script);
        bool is_whole = cut == len;
        assert_int_equal(seen.dones, is_whole);
        bool has_head = cut >= sizeof(HEAD) - 1;
        if (!is_whole)
            assert_int_equal(seen.failure.code,
                             has_head ? -ERR_PROVIDER_TRUNCATED : -ERR_PROVIDER_ERROR);
        assert_true(strncmp(seen.heard.ptr, "D0:a|D0:b|", seen.heard.len) == 0);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, calls_set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(every_failure_has_its_name),          T(a_date_to_come_is_waited_for),
        T(a_refused_connection_is_an_error),    T(long_messages_are_cut_at_a_character),
        T(what_a_provider_can_send_is_bounded), T(a_reset_at_any_byte_is_never_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
