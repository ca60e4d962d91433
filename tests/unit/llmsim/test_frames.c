/* Frames as the provider's documentation shows them, byte for byte. */
#include "frames.h"

#include "base/mem.h"
#include "llmsim_test.h"

#define HEAD                                                                                       \
    "data: "                                                                                       \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"sim\","
#define DELTA "\"usage\":null,\"choices\":[{\"index\":0,\"delta\":"

static const struct frame frame = {"chatcmpl-1", {"sim", 3}, 7, true};
static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 16 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static void assert_out(const char *wanted)
{
    assert_int_equal(buf_error(&out), 0);
    assert_string_equal(out.ptr, wanted);
    buf_reset(&out);
}

static void an_answer_of_text(void **state)
{
    (void)state;
    frame_role(&out, &frame);
    assert_out(HEAD DELTA
               "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    frame_text(&out, &frame, SPAN_LIT("a \"b\"\n"));
    assert_out(HEAD DELTA "{\"content\":\"a \\\"b\\\"\\n\"},\"finish_reason\":null}]}\n\n");
    frame_finish(&out, &frame, "stop");
    assert_out(HEAD DELTA "{},\"finish_reason\":\"stop\"}]}\n\n");
    frame_usage(&out, &frame, 12, 5);
    assert_out(HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,"
                    "\"total_tokens\":17}}\n\n");
    frame_done(&out);
    assert_out("data: [DONE]\n\n");
}

static void usage_is_not_named_when_nobody_asked(void **state)
{
    struct frame quiet = frame;
    (void)state;
    quiet.has_usage_member = false;
    frame_text(&out, &quiet, SPAN_LIT("x"));
    assert_out(HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},"
                    "\"finish_reason\":null}]}\n\n");
}

static void a_tool_call_comes_in_fragments(void **state)
{
    (void)state;
    frame_tool_begin(&out, &frame, "call_0", "find");
    assert_out(HEAD DELTA "{\"tool_calls\":[{\"index\":0,\"id\":\"call_0\",\"type\":\"function\","
                          "\"function\":{\"name\":\"find\",\"arguments\":\"\"}}]},"
                          "\"finish_reason\":null}]}\n\n");
    frame_tool_arguments(&out, &frame, SPAN_LIT("{\"q\":"));
    assert_out(HEAD DELTA
               "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"q\\\":\"}}]},"
               "\"finish_reason\":null}]}\n\n");
}

static void the_whole_answer(void **state)
{
    (void)state;
    frame_whole(&out, &frame, SPAN_LIT("hi"), "", "stop", 1, 2);
    assert_out(
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"sim\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,"
        "\"total_tokens\":3}}");
    frame_whole(&out, &frame, SPAN_LIT("{}"), "find", "tool_calls", 1, 2);
    assert_non_null(strstr(out.ptr, "\"content\":null,\"tool_calls\":[{\"id\":\"call_0\",\"type\":"
                                    "\"function\",\"function\":{\"name\":\"find\",\"arguments\":"
                                    "\"{}\"}}]"));
}

static void a_failure_has_all_four_members(void **state)
{
    (void)state;
    frame_failure(&out, 400, "no \"x\"", "model");
    assert_out("{\"error\":{\"message\":\"no \\\"x\\\"\",\"type\":\"invalid_request_error\","
               "\"param\":\"model\",\"code\":null}}");
    frame_failure(&out, 429, "slow", NULL);
    assert_out("{\"error\":{\"message\":\"slow\",\"type\":\"rate_limit_error\",\"param\":null,"
               "\"code\":null}}");
    frame_failure(&out, 503, "down", "");
    assert_out("{\"error\":{\"message\":\"down\",\"type\":\"server_error\",\"param\":null,"
               "\"code\":null}}");
}

static void faults_are_what_their_names_say(void **state)
{
    (void)state;
    frame_error(&out);
    assert_non_null(strstr(out.ptr, "data: {\"error\":{\"message\":"));
    buf_reset(&out);
    frame_garbage(&out);
    assert_false(span_is_utf8(buf_as_span(&out)));
    buf_reset(&out);
    frame_huge(&out, &frame);
    assert_int_equal(buf_error(&out), 0);
    assert_true(out.len > 8 * 1024 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_of_text, setup, teardown),
        cmocka_unit_test_setup_teardown(usage_is_not_named_when_nobody_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tool_call_comes_in_fragments, setup, teardown),
        cmocka_unit_test_setup_teardown(the_whole_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_has_all_four_members, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_what_their_names_say, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
