/* Ollama's lines as its documentation shows them, byte for byte. */
#include "format_test.h"

#define HEAD                                                                                       \
    "{\"model\":\"sim\",\"created_at\":\"1970-01-01T00:00:07.008Z\",\"message\":{\"role\":"        \
    "\"assistant\",\"content\":"
#define CALL "\"tool_calls\":[{\"function\":{\"name\":\"find\",\"arguments\":{\"q\": 1}}}]}"
#define END(reason)                                                                                \
    ",\"done_reason\":\"" reason "\",\"done\":true,\"total_duration\":30000000,"                   \
    "\"load_duration\":0"
#define USAGE                                                                                      \
    ",\"prompt_eval_count\":12,\"prompt_eval_duration\":0,\"eval_count\":5,"                       \
    "\"eval_duration\":30000000}"

static const struct format *const format = &format_ollama;

static void an_answer_of_text(void **state)
{
    (void)state;
    format->open(&out, &frame);
    format->part_begin(&out, &frame, PART_REASONING);
    assert_out("");
    format->piece(&out, &frame, PART_REASONING, SPAN_LIT("hm"));
    assert_out(HEAD "\"\",\"thinking\":\"hm\"},\"done\":false}\n");
    format->part_end(&out, &frame, PART_REASONING);
    assert_out("");
    format->piece(&out, &frame, PART_TEXT, SPAN_LIT("a \"b\"\n"));
    assert_out(HEAD "\"a \\\"b\\\"\\n\"},\"done\":false}\n");
    format->finish(&out, &frame, FINISH_STOP, &spent);
    assert_out(HEAD "\"\"}" END("stop") USAGE "\n");
}

static void usage_may_be_untold(void **state)
{
    struct frame quiet = frame;
    (void)state;
    quiet.tells_usage = false;
    format->finish(&out, &quiet, FINISH_LENGTH, &spent);
    assert_out(HEAD "\"\"}" END("length") "}\n");
}

static void a_tool_call_comes_whole_or_not_at_all(void **state)
{
    struct frame cut = frame;
    (void)state;
    format->piece(&out, &frame, PART_TOOL, SPAN_LIT("{\"q\":"));
    assert_out("");
    format->part_end(&out, &frame, PART_TOOL);
    assert_out(HEAD "\"\"," CALL ",\"done\":false}\n");
    cut.call.is_cut = true;
    format->part_end(&out, &cut, PART_TOOL);
    assert_out("");
}

static void the_whole_answer(void **state)
{
    (void)state;
    format->whole(&out, &frame,
                  &(struct whole){SPAN_LIT("hm"), SPAN_LIT("hi"), FINISH_STOP, spent, NULL, 0});
    assert_out(HEAD "\"hi\",\"thinking\":\"hm\"}" END("stop") USAGE);
    format->whole(&out, &frame, /* of two, the last is cut */
                  &(struct whole){SPAN_NONE, SPAN_LIT(""), FINISH_LENGTH, spent, calls, 2});
    assert_out(HEAD "\"\"," CALL END("length") USAGE);
    format->whole(&out, &frame,
                  &(struct whole){SPAN_NONE, SPAN_LIT(""), FINISH_LENGTH, spent, calls + 1, 1});
    assert_out(HEAD "\"\"}" END("length") USAGE);
}

static void a_failure_is_one_text(void **state)
{
    (void)state;
    assert_failure(format, (struct failure){404, false, "no \"x\"", "model"},
                   "{\"error\":\"no \\\"x\\\"\"}");
    assert_failure(
        format, (struct failure){429, true, "spent", NULL},
        "{\"error\":\"you (sim) have reached your weekly usage limit, upgrade for higher "
        "limits\"}");
}

static void the_switches_of_a_request(void **state)
{
    struct asked asked;
    (void)state;
    assert_int_equal(look(format, "{}", &asked), 0);
    assert_true(asked.wants_stream);
    assert_int_equal(asked.max_tokens, -1);
    assert_int_equal(look(format, "{\"stream\":false,\"options\":{\"num_predict\":9}}", &asked), 0);
    assert_false(asked.wants_stream);
    assert_int_equal(asked.max_tokens, 9);
    assert_int_equal(look(format, "{\"options\":{\"num_predict\":-1}}", &asked), 0);
    assert_int_equal(asked.max_tokens, -1);
}

static void faults_are_what_their_names_say(void **state)
{
    (void)state;
    assert_true(span_starts_with(span_of(format->error_frame), "{\"error\":\""));
    assert_false(span_is_utf8(span_of(format->garbage_frame)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORMAT_TEST(an_answer_of_text),
        FORMAT_TEST(usage_may_be_untold),
        FORMAT_TEST(a_tool_call_comes_whole_or_not_at_all),
        FORMAT_TEST(the_whole_answer),
        FORMAT_TEST(a_failure_is_one_text),
        FORMAT_TEST(the_switches_of_a_request),
        FORMAT_TEST(faults_are_what_their_names_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
