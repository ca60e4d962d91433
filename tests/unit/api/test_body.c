/* The bodies of requests: what is taken, what is refused, and which field is named. Each row is one
 * body; the limits are small here so that they can be passed in a line. */
#include "api/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct body_limits LIMITS = {
    .message_bytes = 16, .system_bytes = 16, .metadata_bytes = 16};

enum { CHATS = BODY_CHATS, MESSAGES = BODY_MESSAGES, GENERATIONS = BODY_GENERATIONS };
enum { TAKEN = ERR_OK, BAD = ERR_BAD_REQUEST, LATER = ERR_NOT_SUPPORTED };

struct row {
    int route;
    const char *text;
    int code;
    const char *param;
};

#define ONE          "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define HI           "{\"message\":\"hi\","
#define ITEM(text)   "{\"messages\":[" text "]}"
#define PARAMS(text) HI "\"params\":{" text "}}"

static const struct row ROWS[] = {
    /* whole bodies */
    {CHATS, "", BAD, "message"},
    {CHATS, "{}", BAD, "message"},
    {GENERATIONS, "{}", BAD, "messages"},
    {CHATS, "[]", BAD, "body"},
    {CHATS, "null", BAD, "body"},
    {CHATS, "\"hi\"", BAD, "body"},
    {CHATS, "{", BAD, ""},
    {CHATS, "{\"message\":\"hi\"} x", BAD, ""},
    {CHATS, "{'message':'hi'}", BAD, ""},
    {CHATS, "{\"message\":\"hi\",}", BAD, ""},
    {CHATS, "{\"message\":\"hi\",\"message\":\"ho\"}", BAD, ""},
    {CHATS, "{\"message\":\"\xff\"}", BAD, ""},
    {CHATS, "{\"message\":\"\\ud800\"}", BAD, ""},
    {CHATS, "{\"message\":\"\\u0000\"}", BAD, ""},
    {CHATS, " {\"message\" : \"hi\"} ", TAKEN, ""},
    {CHATS, "{\"m\\u0065ssage\":\"hi\"}", TAKEN, ""},
    {CHATS, HI "\"foo\":1}", BAD, "foo"},
    {CHATS, HI "\"Model\":\"a\"}", BAD, "Model"},
    {CHATS, HI "\"\":1}", BAD, ""},
    /* message */
    {CHATS, "{\"message\":\"hi\"}", TAKEN, ""},
    {MESSAGES, "{\"message\":\"hi\"}", TAKEN, ""},
    {MESSAGES, "{\"message\":\"1234567890123456\"}", TAKEN, ""},
    {MESSAGES, "{\"message\":\"12345678901234567\"}", BAD, "message"},
    {MESSAGES, "{\"message\":\"\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\"}", TAKEN,
     ""},
    {CHATS, "{\"message\":\"\"}", BAD, "message"},
    {CHATS, "{\"message\":\" \"}", TAKEN, ""},
    {CHATS, "{\"message\":null}", BAD, "message"},
    {CHATS, "{\"message\":1}", BAD, "message"},
    {CHATS, "{\"message\":[\"hi\"]}", BAD, "message"},
    {GENERATIONS, "{\"message\":\"hi\"}", BAD, "message"},
    /* ids */
    {CHATS, HI "\"chat_id\":\"c-1\"}", TAKEN, ""},
    {GENERATIONS, ONE ",\"chat_id\":\"c-1\"}", TAKEN, ""},
    {MESSAGES, HI "\"chat_id\":\"c-1\"}", BAD, "chat_id"},
    {CHATS, HI "\"chat_id\":\"..\"}", BAD, "chat_id"},
    {CHATS, HI "\"chat_id\":\"\"}", BAD, "chat_id"},
    {CHATS, HI "\"chat_id\":\"a b\"}", BAD, "chat_id"},
    {CHATS, HI "\"chat_id\":\"a/b\"}", BAD, "chat_id"},
    {CHATS, HI "\"chat_id\":7}", BAD, "chat_id"},
    {CHATS, HI "\"generation_id\":\"g_1.A:-\"}", TAKEN, ""},
    {CHATS, HI "\"generation_id\":\"\xc3\xa9\"}", BAD, "generation_id"},
    {CHATS, HI "\"generation_id\":null}", BAD, "generation_id"},
    /* model, system, metadata */
    {CHATS, HI "\"model\":\"default\"}", TAKEN, ""},
    {CHATS, HI "\"model\":\"\"}", BAD, "model"},
    {CHATS, HI "\"model\":3}", BAD, "model"},
    {CHATS, HI "\"system\":\"be kind\"}", TAKEN, ""},
    {CHATS, HI "\"system\":\"\"}", TAKEN, ""},
    {CHATS, HI "\"system\":\"12345678901234567\"}", BAD, "system"},
    {CHATS, HI "\"system\":{}}", BAD, "system"},
    {CHATS, HI "\"metadata\":{}}", TAKEN, ""},
    {CHATS, HI "\"metadata\":{\"a\":1}}", TAKEN, ""},
    {CHATS, HI "\"metadata\":{\"abcdefgh\":1234567}}", BAD, "metadata"},
    {CHATS, HI "\"metadata\":[]}", BAD, "metadata"},
    {CHATS, HI "\"metadata\":null}", BAD, "metadata"},
    /* words and switches: the defaults may be said, what comes later is named as such */
    {CHATS, HI "\"lane\":\"interactive\"}", TAKEN, ""},
    {CHATS, HI "\"lane\":\"batch\"}", TAKEN, ""},
    {CHATS, HI "\"lane\":\"fast\"}", BAD, "lane"},
    {CHATS, HI "\"lane\":1}", BAD, "lane"},
    {CHATS, HI "\"on_stop\":\"discard\"}", TAKEN, ""},
    {CHATS, HI "\"on_stop\":\"keep\"}", TAKEN, ""},
    {CHATS, HI "\"on_stop\":\"keep_seen\"}", TAKEN, ""},
    {CHATS, HI "\"on_stop\":\"Discard\"}", BAD, "on_stop"},
    {CHATS, HI "\"upstream_on_stop\":\"close\"}", TAKEN, ""},
    {CHATS, HI "\"upstream_on_stop\":\"drain\"}", TAKEN, ""},
    {CHATS, HI "\"upstream_on_stop\":\"\"}", BAD, "upstream_on_stop"},
    {CHATS, HI "\"on_disconnect\":\"continue\"}", TAKEN, ""},
    {CHATS, HI "\"on_disconnect\":\"stop\"}", TAKEN, ""},
    {CHATS, HI "\"on_disconnect\":\"keep\"}", BAD, "on_disconnect"},
    {CHATS, HI "\"on_disconnect\":false}", BAD, "on_disconnect"},
    {CHATS, HI "\"on_interrupt\":\"interrupted\"}", TAKEN, ""},
    {CHATS, HI "\"on_interrupt\":\"continue\"}", TAKEN, ""},
    {CHATS, HI "\"on_interrupt\":\"restart\"}", TAKEN, ""},
    {CHATS, HI "\"on_interrupt\":\"retry\"}", BAD, "on_interrupt"},
    {CHATS, HI "\"if_busy\":\"reject\"}", TAKEN, ""},
    {CHATS, HI "\"if_busy\":\"enqueue\"}", TAKEN, ""},
    {CHATS, HI "\"if_busy\":\"interrupt\"}", TAKEN, ""},
    {CHATS, HI "\"if_busy\":\"wait\"}", BAD, "if_busy"},
    {CHATS, HI "\"stream\":true}", TAKEN, ""},
    {CHATS, HI "\"stream\":false}", TAKEN, ""},
    {CHATS, HI "\"stream\":\"true\"}", BAD, "stream"},
    {CHATS, HI "\"webhook\":false}", TAKEN, ""},
    {CHATS, HI "\"webhook\":true}", LATER, "webhook"},
    {CHATS, HI "\"webhook\":\"http://x\"}", BAD, "webhook"},
    {CHATS, HI "\"attachments\":[]}", TAKEN, ""},
    {CHATS, HI "\"graph\":\"plan\"}", TAKEN, ""},
    {CHATS, HI "\"graph\":[]}", BAD, "graph"},
    {CHATS, HI "\"graph\":\"\"}", BAD, "graph"},
    {CHATS, HI "\"graph\":\"plan\",\"model\":\"m\"}", BAD, "graph"},
    {CHATS, HI "\"params\":{},\"graph\":\"plan\"}", BAD, "params"},
    {CHATS, HI "\"graph\":\"plan\",\"system\":\"s\"}", BAD, "system"},
    {CHATS, HI "\"user\":\"ann\"}", TAKEN, ""},
    {CHATS, HI "\"user\":1}", BAD, "user"},
    {CHATS, HI "\"user\":\"\"}", BAD, "user"},
    {CHATS, HI "\"user\":\"a\\nb\"}", BAD, "user"},
    {MESSAGES, HI "\"replace_from\":\"msg_1\"}", TAKEN, ""},
    {MESSAGES, HI "\"replace_from\":0}", BAD, "replace_from"},
    {MESSAGES, HI "\"replace_from\":\"a b\"}", BAD, "replace_from"},
    {CHATS, HI "\"replace_from\":\"msg_1\"}", BAD, "replace_from"},
    {GENERATIONS, ONE ",\"replace_from\":\"msg_1\"}", BAD, "replace_from"},
    /* params */
    {CHATS, PARAMS(""), TAKEN, ""},
    {CHATS, HI "\"params\":[]}", BAD, "params"},
    {CHATS, HI "\"params\":null}", BAD, "params"},
    {CHATS, PARAMS("\"temperature\":0"), TAKEN, ""},
    {CHATS, PARAMS("\"temperature\":2"), TAKEN, ""},
    {CHATS, PARAMS("\"temperature\":2.01"), BAD, "params.temperature"},
    {CHATS, PARAMS("\"temperature\":-0.1"), BAD, "params.temperature"},
    {CHATS, PARAMS("\"temperature\":\"1\""), BAD, "params.temperature"},
    {CHATS, PARAMS("\"top_p\":0.5"), TAKEN, ""},
    {CHATS, PARAMS("\"top_p\":1.1"), BAD, "params.top_p"},
    {CHATS, PARAMS("\"max_tokens\":1"), TAKEN, ""},
    {CHATS, PARAMS("\"max_tokens\":0"), BAD, "params.max_tokens"},
    {CHATS, PARAMS("\"max_tokens\":1.5"), BAD, "params.max_tokens"},
    {CHATS, PARAMS("\"max_tokens\":1e30"), BAD, "params.max_tokens"},
    {CHATS, PARAMS("\"stop\":\"x\""), TAKEN, ""},
    {CHATS, PARAMS("\"stop\":[\"x\",\"y\"]"), TAKEN, ""},
    {CHATS, PARAMS("\"stop\":[\"x\",1]"), BAD, "params.stop"},
    {CHATS, PARAMS("\"stop\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), BAD, "params.stop"},
    {CHATS, PARAMS("\"stop\":{}"), BAD, "params.stop"},
    {CHATS, PARAMS("\"seed\":-7"), TAKEN, ""},
    {CHATS, PARAMS("\"seed\":0.5"), BAD, "params.seed"},
    {CHATS, PARAMS("\"response_format\":{\"type\":\"json_object\"}"), TAKEN, ""},
    {CHATS, PARAMS("\"response_format\":\"json\""), BAD, "params.response_format"},
    {CHATS, PARAMS("\"tools\":[]"), TAKEN, ""},
    {CHATS, PARAMS("\"tools\":[{}]"), BAD, "params.tools"},
    {MESSAGES, PARAMS("\"tools\":[{}]"), BAD, "params.tools"},
    {GENERATIONS, ONE ",\"params\":{\"tools\":[{}]}}", TAKEN, ""},
    {GENERATIONS, ONE ",\"params\":{\"tools\":[1]}}", BAD, "params.tools"},
    {CHATS, PARAMS("\"tool_choice\":\"auto\""), TAKEN, ""},
    {CHATS, PARAMS("\"tool_choice\":{\"type\":\"function\"}"), TAKEN, ""},
    {CHATS, PARAMS("\"tool_choice\":true"), BAD, "params.tool_choice"},
    {CHATS, PARAMS("\"reasoning_effort\":\"low\""), TAKEN, ""},
    {CHATS, PARAMS("\"reasoning_effort\":1"), BAD, "params.reasoning_effort"},
    {CHATS, PARAMS("\"extra\":{\"top_k\":5}"), TAKEN, ""},
    {CHATS, PARAMS("\"extra\":5"), BAD, "params.extra"},
    {CHATS, PARAMS("\"extra\":{\"a\":1,\"\\u0061\":2}"), BAD, "params.extra"},
    {CHATS, PARAMS("\"\\u0065xtra\":{\"a\":1,\"a\":2}"), BAD, "params.extra"},
    {CHATS, PARAMS("\"foo\":1"), BAD, "params.foo"},
    {CHATS, PARAMS("\"n\":2"), BAD, "params.n"},
    /* messages */
    {GENERATIONS, ONE "}", TAKEN, ""},
    {CHATS, ONE ",\"message\":\"hi\"}", BAD, "messages"},
    {GENERATIONS, "{\"messages\":{}}", BAD, "messages"},
    {GENERATIONS, "{\"messages\":[]}", BAD, "messages"},
    {GENERATIONS, ITEM("1"), BAD, "messages[0]"},
    {GENERATIONS, ITEM("{}"), BAD, "messages[0].role"},
    {GENERATIONS, ITEM("{\"role\":\"robot\",\"content\":\"x\"}"), BAD, "messages[0].role"},
    {GENERATIONS, ITEM("{\"role\":\"user\"}"), BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":null}"), BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":7}"), BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"\"}"), TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"system\",\"content\":\"x\"}"), TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"developer\",\"content\":\"x\"}"), TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"x\",\"name\":\"y\"}"), BAD,
     "messages[0].name"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"x\",\"content\":\"y\"}"), BAD,
     "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}"),
     TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), BAD,
     "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:/"
          "/h/x.png\"}}]}"),
     TAKEN, ""},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:/"
          "/h/x.png\",\"detail\":\"low\"}}]}"),
     TAKEN, ""},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "image/png;base64,iVBO\"}}]}"),
     TAKEN, ""},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "image/tiff;base64,iVBO\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "image/png;base64,?\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "image/png,abc\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
          "image/png;base64,\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"ftp://"
          "h/x\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:/"
          "/h/x\",\"size\":1}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:/"
          "/h/x\",\"detail\":1}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
          "\"https://h/x\"}}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}"), BAD,
     "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"https://h/"
          "x\"}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}"), BAD,
     "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"a\"}]}"), TAKEN,
     ""},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"\","
          "\"signature\":\"s\"}]}"),
     TAKEN, ""},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"signature\":\"s\"}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"a\","
          "\"signature\":1}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"a\",\"x\":1}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[{\"type\":\"reasoning\",\"text\":\"a\"}]}"),
     BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[\"x\"]}"), BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":[]}"), BAD, "messages[0].content"},
    {GENERATIONS, ITEM("{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"c1\"}"), TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"tool\",\"content\":\"4\"}"), BAD, "messages[0].tool_call_id"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"4\",\"tool_call_id\":\"c1\"}"), BAD,
     "messages[0].tool_call_id"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"
          "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"),
     TAKEN, ""},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
          "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"),
     TAKEN, ""},
    {GENERATIONS, ITEM("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}"), BAD,
     "messages[0].tool_calls"},
    {GENERATIONS,
     ITEM("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\"}]}"), BAD,
     "messages[0].tool_calls"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[{}]}"), BAD,
     "messages[0].tool_calls"},
    {GENERATIONS, ITEM("{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\"}"), BAD,
     "messages[1].content"},
};

static void test_every_row_is_taken_or_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct body body;
        struct err err = {.code = ERR_OK};
        int rc = body_parse(span_of(row->text), (enum body_route)row->route, &LIMITS, &body, &err);
        if (rc == 0) {
            body_release(&body);
        }
        if (rc != -row->code || strcmp(err.param, row->param) != 0) {
            fail_msg("route %d, %s: code %d param \"%s\", want %d \"%s\": %s", row->route,
                     row->text, -rc, err.param, row->code, row->param, err.message);
        }
    }
}

static void assert_span(struct span got, const char *want)
{
    if (want == NULL) {
        assert_null(got.ptr);
        return;
    }
    if (!span_is(got, want)) {
        fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(got), want);
    }
}

static void test_a_chat_body_keeps_raw_text_as_it_was_sent(void **state)
{
    (void)state;
    struct body body;
    const char *text =
        "{\"message\":\"a\\\"b\\n\",\"generation_id\":\"g1\",\"model\":\"m\",\"system\":\"s\","
        "\"params\":{\"extra\": {\"x\":12345678901234567890}},\"metadata\":{\"k\": 1.0}}";
    assert_int_equal(body_parse(span_of(text), BODY_CHATS, &LIMITS, &body, NULL), 0);
    assert_span(body.message, "a\"b\n");
    assert_span(body.generation_id, "g1");
    assert_span(body.model, "m");
    assert_span(body.system, "s");
    assert_span(body.params, "{\"extra\": {\"x\":12345678901234567890}}");
    assert_span(body.metadata, "{\"k\": 1.0}");
    assert_span(body.chat_id, NULL);
    assert_span(body.messages, NULL);
    assert_null(body.on_disconnect);
    assert_string_equal(body.lane, "interactive");
    assert_string_equal(body.on_stop, "discard");
    assert_string_equal(body.upstream_on_stop, "close");
    assert_string_equal(body.on_interrupt, "interrupted");
    assert_string_equal(body.if_busy, "reject");
    assert_false(body.wants_record);
    body_release(&body);
}

static void test_policies_are_kept_as_they_were_said(void **state)
{
    (void)state;
    struct body body;
    const char *text = "{\"message\":\"hi\",\"lane\":\"batch\",\"on_stop\":\"keep_seen\","
                       "\"upstream_on_stop\":\"drain\",\"on_interrupt\":\"restart\","
                       "\"if_busy\":\"enqueue\",\"on_disconnect\":\"continue\",\"user\":\"ann\","
                       "\"replace_from\":\"msg_1\",\"stream\":false}";
    assert_int_equal(body_parse(span_of(text), BODY_MESSAGES, &LIMITS, &body, NULL), 0);
    assert_string_equal(body.lane, "batch");
    assert_string_equal(body.on_stop, "keep_seen");
    assert_string_equal(body.upstream_on_stop, "drain");
    assert_string_equal(body.on_interrupt, "restart");
    assert_string_equal(body.if_busy, "enqueue");
    assert_string_equal(body.on_disconnect, "continue");
    assert_span(body.user, "ann");
    assert_span(body.replace_from, "msg_1");
    assert_true(body.wants_record);
    body_release(&body);
}

static void test_a_stateless_body_remembers_the_last_user_message(void **state)
{
    (void)state;
    struct body body;
    const char *text = "{\"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
                       "{\"role\":\"assistant\",\"content\":\"two\"},"
                       "{\"role\":\"user\",\"content\":\"three\"},"
                       "{\"role\":\"assistant\",\"content\":\"fo\"}],\"on_disconnect\":\"stop\"}";
    assert_int_equal(body_parse(span_of(text), BODY_GENERATIONS, &LIMITS, &body, NULL), 0);
    assert_span(body.message, "three");
    assert_true(span_starts_with(body.messages, "[{\"role\":\"user\""));
    assert_string_equal(body.on_disconnect, "stop");
    body_release(&body);
}

static void test_a_huge_message_object_is_refused_before_it_is_walked(void **state)
{
    (void)state;
    struct buf text;
    struct body body;
    struct err err;
    buf_init(&text, 1024 * 1024);
    buf_text(&text, "{\"messages\":[{\"role\":\"user\"");
    for (int i = 0; i < 20000; i++) {
        buf_text(&text, ",\"content\":\"x\"");
    }
    buf_text(&text, "}]}");
    assert_int_equal(buf_error(&text), 0);
    assert_int_equal(body_parse(buf_as_span(&text), BODY_GENERATIONS, &LIMITS, &body, &err),
                     -ERR_BAD_REQUEST);
    assert_string_equal(err.param, "messages[0]");
    buf_release(&text);
}

static void test_a_records_words_are_the_bodys(void **state)
{
    (void)state;
    assert_string_equal(body_word("lane", SPAN_LIT("batch")), "batch");
    assert_string_equal(body_word("on_interrupt", SPAN_LIT("restart")), "restart");
    assert_string_equal(body_word("on_stop", SPAN_LIT("restart")), "discard");
    assert_string_equal(body_word("if_busy", SPAN_NONE), "reject");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_taken_or_refused_by_name),
        cmocka_unit_test(test_a_chat_body_keeps_raw_text_as_it_was_sent),
        cmocka_unit_test(test_policies_are_kept_as_they_were_said),
        cmocka_unit_test(test_a_stateless_body_remembers_the_last_user_message),
        cmocka_unit_test(test_a_records_words_are_the_bodys),
        cmocka_unit_test(test_a_huge_message_object_is_refused_before_it_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
