/* OpenAI's frames as its documentation shows them, byte for byte. */
#include "format_test.h"

#define HEAD                                                                                       \
    "data: {\"id\":\"id-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"sim\","
#define DELTA "\"usage\":null,\"choices\":[{\"index\":0,\"delta\":"
#define USAGE                                                                                      \
    "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17,"                 \
    "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}"

static const struct format *const format = &format_openai;

static void an_answer_of_text(void **state)
{
    (void)state;
    format->open(&out, &frame);
    assert_out(HEAD DELTA
               "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    format->part_begin(&out, &frame, PART_TEXT);
    assert_out("");
    format->piece(&out, &frame, PART_REASONING, SPAN_LIT("hm"));
    assert_out(HEAD DELTA "{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}\n\n");
    format->piece(&out, &frame, PART_TEXT, SPAN_LIT("a \"b\"\n"));
    assert_out(HEAD DELTA "{\"content\":\"a \\\"b\\\"\\n\"},\"finish_reason\":null}]}\n\n");
    format->part_end(&out, &frame, PART_TEXT);
    assert_out("");
    format->finish(&out, &frame, FINISH_STOP, &spent);
    assert_out(HEAD DELTA "{},\"finish_reason\":\"stop\"}]}\n\n" HEAD "\"choices\":[]," USAGE
                          "\n\ndata: [DONE]\n\n");
}

static void usage_is_not_named_when_nobody_asked(void **state)
{
    struct frame quiet = frame;
    (void)state;
    quiet.wants_usage = false;
    format->piece(&out, &quiet, PART_TEXT, SPAN_LIT("x"));
    assert_out(HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},"
                    "\"finish_reason\":null}]}\n\n");
    format->finish(&out, &quiet, FINISH_LENGTH, &spent);
    assert_out(HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
                    "data: [DONE]\n\n");
}

static void a_tool_call_comes_in_fragments(void **state)
{
    (void)state;
    format->part_begin(&out, &frame, PART_TOOL);
    assert_out(HEAD DELTA "{\"tool_calls\":[{\"index\":0,\"id\":\"call_0\",\"type\":\"function\","
                          "\"function\":{\"name\":\"find\",\"arguments\":\"\"}}]},"
                          "\"finish_reason\":null}]}\n\n");
    format->piece(&out, &frame, PART_TOOL, SPAN_LIT("{\"q\":"));
    assert_out(HEAD DELTA
               "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"q\\\":\"}}]},"
               "\"finish_reason\":null}]}\n\n");
    format->finish(&out, &frame, FINISH_TOOL, &spent);
    assert_non_null(strstr(out.ptr, "\"finish_reason\":\"tool_calls\""));
}

static void a_further_call_has_its_index_and_an_id_of_its_own(void **state)
{
    struct frame second = frame;
    (void)state;
    second.call_index = 1;
    second.calls_before = 4;
    format->part_begin(&out, &second, PART_TOOL);
    assert_non_null(strstr(out.ptr, "{\"tool_calls\":[{\"index\":1,\"id\":\"call_5\","));
    format->piece(&out, &second, PART_TOOL, SPAN_LIT("{}"));
    assert_non_null(strstr(out.ptr, "{\"index\":1,\"function\":{\"arguments\":\"{}\"}}"));
}

static void the_whole_answer(void **state)
{
    (void)state;
    format->whole(&out, &frame,
                  &(struct whole){SPAN_LIT("hm"), SPAN_LIT("hi"), FINISH_STOP, spent, NULL, 0});
    assert_out("{\"id\":\"id-1\",\"object\":\"chat.completion\",\"created\":7,\"model\":\"sim\","
               "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\","
               "\"reasoning_content\":\"hm\"},\"finish_reason\":\"stop\"}]," USAGE);
    format->whole(&out, &frame,
                  &(struct whole){SPAN_NONE, SPAN_LIT(""), FINISH_LENGTH, spent, calls, 2});
    assert_non_null(strstr(
        out.ptr, "\"content\":null,\"tool_calls\":[{\"id\":\"call_0\",\"type\":"
                 "\"function\",\"function\":{\"name\":\"find\",\"arguments\":"
                 "\"{\\\"q\\\": 1}\"}},{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
                 "{\"name\":\"look\",\"arguments\":\"{\\\"a\\\"\"}}]"));
}

static void a_failure_has_all_four_members(void **state)
{
    (void)state;
    assert_failure(format, (struct failure){400, false, "no \"x\"", "model"},
                   "{\"error\":{\"message\":\"no \\\"x\\\"\",\"type\":\"invalid_request_error\","
                   "\"param\":\"model\",\"code\":null}}");
    assert_failure(format, (struct failure){429, false, "slow", NULL},
                   "{\"error\":{\"message\":\"slow\",\"type\":\"requests\",\"param\":null,"
                   "\"code\":\"rate_limit_exceeded\"}}");
    assert_failure(format, (struct failure){503, false, "down", ""},
                   "{\"error\":{\"message\":\"down\",\"type\":\"server_error\",\"param\":null,"
                   "\"code\":null}}");
    assert_failure(format, (struct failure){429, true, "spent", NULL},
                   "{\"error\":{\"message\":\"spent\",\"type\":\"insufficient_quota\",\"param\":"
                   "null,\"code\":\"insufficient_quota\"}}");
}

static void the_switches_of_a_request(void **state)
{
    struct asked asked;
    (void)state;
    assert_int_equal(look(format, "{}", &asked), 0);
    assert_false(asked.wants_stream || asked.wants_usage);
    assert_int_equal(asked.max_tokens, -1);
    assert_int_equal(look(format,
                          "{\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                          "\"max_completion_tokens\":9}",
                          &asked),
                     0);
    assert_true(asked.wants_stream && asked.wants_usage);
    assert_int_equal(asked.max_tokens, 9);
}

static void faults_are_what_their_names_say(void **state)
{
    (void)state;
    assert_true(span_starts_with(span_of(format->error_frame), "data: {\"error\":{\"message\":"));
    assert_false(span_is_utf8(span_of(format->garbage_frame)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORMAT_TEST(an_answer_of_text),
        FORMAT_TEST(usage_is_not_named_when_nobody_asked),
        FORMAT_TEST(a_tool_call_comes_in_fragments),
        FORMAT_TEST(a_further_call_has_its_index_and_an_id_of_its_own),
        FORMAT_TEST(the_whole_answer),
        FORMAT_TEST(a_failure_has_all_four_members),
        FORMAT_TEST(the_switches_of_a_request),
        FORMAT_TEST(faults_are_what_their_names_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
