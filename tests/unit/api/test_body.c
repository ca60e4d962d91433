/* The bodies of requests: what is taken, what is refused, and which field is named. The limits are
 * small here so that they can be passed in a line. */
#include "api/body_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct body_limits LIMITS = {
    .message_bytes = 16, .system_bytes = 16, .metadata_bytes = 16};

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
