/* Anthropic's events as its documentation shows them, byte for byte. */
#include "format_test.h"

#define BLOCK(type)                                                                                \
    "event: content_block_" type "\ndata: {\"type\":\"content_block_" type "\",\"index\":1"
#define SIGNATURE "sim-00000000000000ab"

static const struct format *const format = &format_anthropic;

static void the_beginning_and_the_end(void **state)
{
    struct frame quiet = frame;
    (void)state;
    format->open(&out, &frame);
    assert_out(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"id-1\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"sim\",\"content\":[],"
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,"
        "\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
    format->finish(&out, &frame, FINISH_STOP, &spent);
    assert_out("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
               "\"end_turn\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":12,"
               "\"output_tokens\":5}}\n\n"
               "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    quiet.tells_usage = false;
    format->open(&out, &quiet);
    format->finish(&out, &quiet, FINISH_LENGTH, &spent);
    assert_null(strstr(out.ptr, "usage"));
    assert_non_null(strstr(out.ptr, "\"stop_reason\":\"max_tokens\""));
}

static void a_block_of_text(void **state)
{
    (void)state;
    format->part_begin(&out, &frame, PART_TEXT);
    assert_out(BLOCK("start") ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
    format->piece(&out, &frame, PART_TEXT, SPAN_LIT("hi"));
    assert_out(BLOCK("delta") ",\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n");
    format->part_end(&out, &frame, PART_TEXT);
    assert_out(BLOCK("stop") "}\n\n");
}

static void thinking_is_signed(void **state)
{
    (void)state;
    format->part_begin(&out, &frame, PART_REASONING);
    assert_out(BLOCK("start") ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
                              "\"signature\":\"\"}}\n\n");
    format->piece(&out, &frame, PART_REASONING, SPAN_LIT("hm"));
    assert_out(BLOCK("delta") ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n");
    format->part_end(&out, &frame, PART_REASONING);
    assert_out(BLOCK("delta") ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"" SIGNATURE
                              "\"}}\n\n" BLOCK("stop") "}\n\n");
}

static void a_tool_call_comes_in_fragments(void **state)
{
    (void)state;
    format->part_begin(&out, &frame, PART_TOOL);
    assert_out(BLOCK("start") ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_0\","
                              "\"name\":\"find\",\"input\":{}}}\n\n");
    format->piece(&out, &frame, PART_TOOL, SPAN_LIT("{\"q\":"));
    assert_out(BLOCK("delta") ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"
                              "\"{\\\"q\\\":\"}}\n\n");
    format->finish(&out, &frame, FINISH_TOOL, &spent);
    assert_non_null(strstr(out.ptr, "\"stop_reason\":\"tool_use\""));
}

static void a_further_call_has_an_id_of_its_own(void **state)
{
    struct frame second = frame;
    (void)state;
    second.call_index = 1;
    second.calls_before = 4;
    format->part_begin(&out, &second, PART_TOOL);
    assert_non_null(strstr(out.ptr, "\"id\":\"toolu_5\",\"name\":\"find\",\"input\":{}"));
}

static void the_whole_answer(void **state)
{
    (void)state;
    format->whole(&out, &frame,
                  &(struct whole){SPAN_LIT("hm"), SPAN_LIT("hi"), FINISH_STOP, spent, NULL, 0});
    assert_out("{\"id\":\"id-1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"sim\","
               "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"" SIGNATURE
               "\"},{\"type\":\"text\",\"text\":\"hi\"}],\"stop_reason\":\"end_turn\","
               "\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,\"output_tokens\":5}}");
    format->whole(&out, &frame,
                  &(struct whole){SPAN_NONE, SPAN_LIT(""), FINISH_LENGTH, spent, calls, 2});
    assert_non_null(strstr(out.ptr,
                           "\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_0\","
                           "\"name\":\"find\",\"input\":{\"q\": 1}},{\"type\":\"tool_use\",\"id\":"
                           "\"toolu_1\",\"name\":\"look\",\"input\":{}}]"));
}

static void a_failure_has_its_type(void **state)
{
    static const struct {
        int status;
        const char *type;
    } rows[] = {
        {400, "invalid_request_error"},
        {401, "authentication_error"},
        {402, "billing_error"},
        {403, "permission_error"},
        {404, "not_found_error"},
        {413, "request_too_large"},
        {418, "invalid_request_error"},
        {429, "rate_limit_error"},
        {500, "api_error"},
        {503, "api_error"},
        {504, "timeout_error"},
        {529, "overloaded_error"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted,
                       "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"}}",
                       rows[i].type);
        assert_failure(format, (struct failure){rows[i].status, false, "m", NULL}, wanted);
    }
    assert_failure(format, (struct failure){429, true, "spent", NULL},
                   "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":"
                   "\"spent\",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}");
}

static void max_tokens_is_required(void **state)
{
    struct asked asked;
    (void)state;
    assert_int_equal(look(format, "{}", &asked), -ERR_BAD_REQUEST);
    assert_int_equal(look(format, "{\"max_tokens\":0}", &asked), -ERR_BAD_REQUEST);
    assert_int_equal(look(format, "{\"max_tokens\":9,\"stream\":true}", &asked), 0);
    assert_int_equal(asked.max_tokens, 9);
    assert_true(asked.wants_stream);
}

/* Whoever brings a thought back must bring it as it was. */
static void a_thought_of_another_is_refused(void **state)
{
    char signature[SIGNATURE_LEN + 1], body[512];
    struct asked asked;
    (void)state;
    signature_put(signature_add(signature_add(0, SPAN_LIT("h")), SPAN_LIT("m")), signature);
    const char *const thoughts[] = {"hm", "hm.", ""};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(body, sizeof body,
                       "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"},"
                       "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
                       "\"%s\",\"signature\":\"%s\"}]}]}",
                       thoughts[i], signature);
        assert_int_equal(look(format, body, &asked), i == 0 ? 0 : -ERR_BAD_REQUEST);
    }
}

static void faults_are_what_their_names_say(void **state)
{
    (void)state;
    assert_true(span_starts_with(span_of(format->error_frame),
                                 "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                                 "\"overloaded_error\""));
    assert_false(span_is_utf8(span_of(format->garbage_frame)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORMAT_TEST(the_beginning_and_the_end),
        FORMAT_TEST(a_block_of_text),
        FORMAT_TEST(thinking_is_signed),
        FORMAT_TEST(a_tool_call_comes_in_fragments),
        FORMAT_TEST(a_further_call_has_an_id_of_its_own),
        FORMAT_TEST(the_whole_answer),
        FORMAT_TEST(a_failure_has_its_type),
        FORMAT_TEST(max_tokens_is_required),
        FORMAT_TEST(a_thought_of_another_is_refused),
        FORMAT_TEST(faults_are_what_their_names_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
