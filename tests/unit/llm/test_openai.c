/* Streams in OpenAI's format, from a scripted provider, cut at every byte. */
#include "base/mem.h"
#include "llm/openai_frames.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char whole_stream[] = ": hello\n\n" CHUNK("{\"role\":\"assistant\",\"content\":\"\"}")
    CHUNK("{\"reasoning_content\":\"hm\"}") TEXT("A\\u00e4\xf0\x9f\x98\x80") CHUNK(
        "{\"content\":\"b\",\"refusal\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
        "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
        CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}},{"
              "\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"1\"}}]}")
            CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]}") FINISH(
                "tool_calls") "data: "
                              "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_"
                              "tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3},"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\n" DONE;
static const char whole_heard[] = "R0:hm|D1:A\xc3\xa4\xf0\x9f\x98\x80|D1:b|t2:c1:f:|t2:c1::{\"a\":|"
                                  "t3:c2:g:1|t2:c1::1}|T2:c1:f:{\"a\":1}|T3:c2:g:1|";

static void assert_whole(void)
{
    if (seen.fails > 0)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_int_equal(seen.dones, 1);
    assert_string_equal(seen.heard.ptr, whole_heard);
    assert_string_equal(seen.finish_reason, "tool_calls");
    assert_int_equal(seen.usage.input, 12);
    assert_int_equal(seen.usage.output, 5);
    assert_int_equal(seen.usage.cached, 3);
    assert_int_equal(seen.usage.reasoning, 1);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_true(seen.usage.is_settled);
}

static void the_stream_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD), {STEP_SPLIT, whole_stream, 0, 0}, CLOSE};
    for (size_t split = 1; split < sizeof(whole_stream) - 1; split++) {
        server->split = split;
        calls_play(script);
        assert_whole();
    }
}

static void lines_may_end_in_any_way(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (size_t kind = 0; kind < 4; kind++) {
        struct buf body;
        size_t line = 0;
        buf_init(&body, 64 * 1024);
        for (const char *c = whole_stream; *c != '\0'; c++) /* the fourth round mixes them */
            assert_int_equal(*c == '\n' ? buf_text(&body, ends[kind < 3 ? kind : line++ % 2])
                                        : buf_byte(&body, *c),
                             0);
        calls_play_body(HEAD, body.ptr);
        assert_whole();
        buf_release(&body);
    }
}

static void a_chunked_answer_keeps_its_connection(void **state)
{
    (void)state;
    char *bytes = mem_printf("%s%zx\r\n%s\r\n0\r\n\r\n", HEAD_CHUNKED, sizeof(whole_stream) - 1,
                             whole_stream);
    const struct step script[] = {SEND(bytes), {0}};
    for (int i = 0; i < 3; i++) {
        calls_play(script);
        assert_whole();
    }
    assert_int_equal(server->accepted, 1);
    mem_free(bytes);
}

static void every_shape_of_chunk_is_read(void **state)
{
    (void)state;
    static const struct reading_case readings[] = {
        {"no text at all", FINISH("stop") DONE, "", "stop"},
        {"empty and null deltas",
         TEXT("") CHUNK("{\"content\":null}") CHUNK("{}") TEXT("x") FINISH("length") DONE, "D0:x|",
         "length"},
        {"the reason in the chunk with the text",
         "data: "
         "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}"
         "\n\n" DONE,
         "D0:x|", "stop"},
        {"[DONE] with something behind it",
         TEXT("x") FINISH("stop") "data: [DONE] bye\n\n" TEXT("late"), "D0:x|", "stop"},
        {"no space after the colon",
         "data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n" FINISH(
             "stop") "data:[DONE]\n\n",
         "D0:x|", "stop"},
        {"named events, ids, retry", "event: x\nid: 1\nretry: 5\n" TEXT("x") FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"several data lines",
         "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}]}\n\n" FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"reasoning by its other name",
         CHUNK("{\"reasoning\":\"r\"}") TEXT("x") FINISH("stop") DONE, "R0:r|D1:x|", "stop"},
        {"a refusal",
         CHUNK("{\"refusal\":\"no\"}") CHUNK("{\"refusal\":\"pe\"}") FINISH("content_filter") DONE,
         "F0:no|F0:pe|", "content_filter"},
        {"text, reasoning, text: one part each",
         TEXT("a") CHUNK("{\"reasoning\":\"r\"}") TEXT("b") FINISH("stop") DONE, "D0:a|R1:r|D0:b|",
         "stop"},
        {"a second choice",
         "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]}\n\n" TEXT("x")
             FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"error: null",
         "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n" FINISH("stop")
             DONE,
         "D0:x|", "stop"},
        {"reasons of others", TEXT("x") FINISH("max_tokens") DONE, "D0:x|", "length"},
        {"an old reason", TEXT("x") FINISH("function_call") DONE, "D0:x|", "tool_calls"},
        {"an unheard reason", TEXT("x") FINISH("eos") DONE, "D0:x|", "stop"},
        {"calls that all say index 0",
         CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"1\"}}]}")
             CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\","
                   "\"arguments\":\"2\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:1|t1:b:g:2|T0:a:f:1|T1:b:g:2|", "tool_calls"},
        {"calls without an index",
         CHUNK("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},{"
               "\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:|t1:b:g:|T0:a:f:|T1:b:g:|", "tool_calls"},
        {"a name said twice, arguments that are no JSON",
         CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"{\"}}]}")
             CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
                   "\"arguments\":\"x\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:{|t0:a::x|T0:a:f:{x|", "tool_calls"},
        {"delta of another type",
         "data: {\"choices\":[{\"delta\":[1]},7]}\n\ndata: {\"choices\":7}\n\n" TEXT("x")
             FINISH("stop") DONE,
         "D0:x|", "stop"},
    };
    calls_assert_readings(HEAD, readings, sizeof(readings) / sizeof(readings[0]));
}

static void a_call_without_an_id_gets_one(void **state)
{
    (void)state;
    calls_play_body(
        HEAD,
        CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}")
            FINISH("tool_calls") DONE);
    assert_int_equal(seen.dones, 1);
    assert_true(span_starts_with(buf_as_span(&seen.heard), "t0:call_"));
    const char *whole = strstr(seen.heard.ptr, "|T0:");
    assert_non_null(whole);
    assert_memory_equal(seen.heard.ptr + 3, whole + 4, 31); /* the same id */
}

static void usage_is_what_the_provider_told(void **state)
{
    (void)state;
    calls_play_body(HEAD, TEXT("x") FINISH("stop") DONE);
    assert_int_equal(seen.usage.source, USAGE_UNKNOWN);
    assert_int_equal(seen.usage.input, -1);
    assert_int_equal(seen.usage.output, -1);
    assert_false(seen.usage.is_settled);
    calls_play_body(HEAD, TEXT("x") FINISH(
                              "stop") "data: "
                                      "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_"
                                      "tokens\":-1,\"prompt_tokens_details\":null}}\n\n" DONE);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.usage.input, 7);
    assert_int_equal(seen.usage.output, -1);
    assert_int_equal(seen.usage.cached, -1);
    assert_true(seen.usage.is_settled);
    /* a running count, broken off: known, not settled */
    calls_play_body(HEAD,
                    "data: "
                    "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7,"
                    "\"completion_tokens\":1}}\n\n");
    assert_int_equal(seen.fails, 1);
    assert_int_equal(seen.failure.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.failure.usage.output, 1);
    assert_false(seen.failure.usage.is_settled);
}

#define T(test) cmocka_unit_test_setup_teardown(test, calls_set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(the_stream_may_be_cut_at_every_byte),   T(lines_may_end_in_any_way),
        T(a_chunked_answer_keeps_its_connection), T(every_shape_of_chunk_is_read),
        T(a_call_without_an_id_gets_one),         T(usage_is_what_the_provider_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
