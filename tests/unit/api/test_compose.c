/* What a turn keeps of its request: the restore gives the message back byte for byte, the title is
 * cut between characters. */
#include "api/compose.h"
#include "base/mem.h"
#include "wire/job.h"
#include "wire/mp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char ODD[] =
    "\"quotes\" \\ \x01\t\r\n\x7f </script> \xf0\x9f\x98\x80 \xe2\x80\xa8 \xc3\xa9";

static void test_restore_gives_the_message_back_byte_for_byte(void **state)
{
    (void)state;
    struct body body = {.message = SPAN_LIT(ODD), .metadata = SPAN_LIT("{\"n\": 1.0}")};
    struct buf json;
    struct json_doc *doc = NULL;
    buf_init(&json, 4096);
    compose_restore(&json, &body);
    assert_int_equal(json_parse(buf_as_span(&json), &doc, NULL), 0);
    assert_true(span_equal(json_string(json_get(json_root(doc), "message")), body.message));
    assert_true(span_is(json_raw(json_text(doc), "metadata"), "{\"n\": 1.0}"));
    assert_true(span_is(json_raw(json_text(doc), "attachments"), "[]"));
    json_free(doc);
    buf_release(&json);
}

static void test_restore_gives_attachments_back_as_they_were_sent(void **state)
{
    (void)state;
    struct body body = {.message = SPAN_LIT(""),
                        .attachments = SPAN_LIT("[ {\"data\": \"aGk=\"}]")};
    struct buf json;
    buf_init(&json, 4096);
    compose_restore(&json, &body);
    assert_string_equal(
        json.ptr, "{\"message\":\"\",\"attachments\":[ {\"data\": \"aGk=\"}],\"metadata\":null}");
    buf_release(&json);
}

static void test_restore_without_metadata_says_null(void **state)
{
    (void)state;
    struct body body = {.message = SPAN_LIT("hi")};
    struct buf json;
    buf_init(&json, 4096);
    compose_restore(&json, &body);
    assert_string_equal(json.ptr, "{\"message\":\"hi\",\"attachments\":[],\"metadata\":null}");
    buf_release(&json);
}

static void test_user_message_is_what_the_chat_keeps(void **state)
{
    (void)state;
    struct body body = {.message = SPAN_LIT(ODD),
                        .attachments = SPAN_LIT("[{\"type\":\"text\"}]"),
                        .metadata = SPAN_LIT("{}")};
    struct buf bytes;
    struct mp_doc *doc = NULL;
    buf_init(&bytes, 4096);
    compose_user_message(&bytes, &body, "msg_1", "gen_1", 1234);
    assert_int_equal(mp_open(buf_as_span(&bytes), &doc), 0);
    const struct mp_value *map = mp_root(doc);
    assert_int_equal(mp_int(mp_get(map, "v"), 0), 1);
    assert_true(span_is(mp_str(mp_get(map, "id"), SPAN_NONE), "msg_1"));
    assert_true(span_is(mp_str(mp_get(map, "role"), SPAN_NONE), "user"));
    assert_true(span_equal(mp_str(mp_get(map, "content"), SPAN_NONE), body.message));
    assert_int_equal(mp_int(mp_get(map, "created_at"), 0), 1234);
    assert_true(span_is(mp_str(mp_get(map, "generation_id"), SPAN_NONE), "gen_1"));
    assert_true(span_is(mp_str(mp_get(map, "attachments"), SPAN_NONE), "[{\"type\":\"text\"}]"));
    assert_true(span_is(mp_str(mp_get(map, "metadata"), SPAN_NONE), "{}"));
    mp_close(doc);
    buf_release(&bytes);
}

static void test_job_carries_what_the_client_said_and_no_more(void **state)
{
    (void)state;
    struct body body = {
        .message = SPAN_LIT("last"),
        .messages = SPAN_LIT("[1]"),
        .attachments = SPAN_LIT("[{}]"),
        .params = SPAN_LIT("{}"),
        .upstream_on_stop = "drain",
    };
    struct buf bytes;
    struct job job;
    struct mp_doc *doc = NULL;
    buf_init(&bytes, 4096);
    compose_job(&bytes, &body, true, SPAN_LIT("so far"));
    assert_int_equal(job_decode(buf_as_span(&bytes), &job, &doc), 0);
    assert_true(job.is_stateless);
    assert_null(job.message.ptr);
    assert_true(span_is(job.messages, "[1]"));
    assert_true(span_is(job.params, "{}"));
    assert_null(job.system.ptr);
    assert_true(span_is(job.attachments, "[{}]"));
    assert_true(span_is(job.upstream, "drain"));
    assert_null(job.replace_from.ptr);
    assert_true(span_is(job.prefill, "so far"));
    mp_close(doc);
    buf_release(&bytes);
}

static void test_title_is_80_characters(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i < 81; i++) {
        buf_text(&text, "\xf0\x9f\x98\x80");
    }
    assert_int_equal(compose_title(buf_as_span(&text)).len, 80 * 4);
    assert_true(span_is(compose_title(SPAN_LIT("short")), "short"));
    assert_int_equal(compose_title(SPAN_NONE).len, 0);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_gives_the_message_back_byte_for_byte),
        cmocka_unit_test(test_restore_gives_attachments_back_as_they_were_sent),
        cmocka_unit_test(test_restore_without_metadata_says_null),
        cmocka_unit_test(test_user_message_is_what_the_chat_keeps),
        cmocka_unit_test(test_job_carries_what_the_client_said_and_no_more),
        cmocka_unit_test(test_title_is_80_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
