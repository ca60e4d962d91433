/* Bodies of few fields: stop, continue, change a chat, a token. */
#include "api/body.h"
#include "base/mem.h"
#include "wire/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { TAKEN = ERR_OK, BAD = ERR_BAD_REQUEST };

struct row {
    const char *text;
    int code;
    const char *param;
};

static void check_row(const struct row *row, int rc, const struct err *err)
{
    if (rc != -row->code || strcmp(err->param, row->param) != 0) {
        fail_msg("%s: code %d param \"%s\"", row->text, -rc, err->param);
    }
}

static void test_stop_bodies(void **state)
{
    static const struct row rows[] = {
        {"", TAKEN, ""},
        {"{}", TAKEN, ""},
        {"{\"generation_id\":\"g\",\"seen\":0,\"all\":true}", TAKEN, ""},
        {"{\"generation_id\":\"a b\"}", BAD, "generation_id"},
        {"{\"seen\":-1}", BAD, "seen"},
        {"{\"seen\":\"1\"}", BAD, "seen"},
        {"{\"all\":1}", BAD, "all"},
        {"{\"reason\":\"user\"}", BAD, "reason"},
        {"[]", BAD, "body"},
        {"x", BAD, ""},
    };
    struct stop_body body;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.code = ERR_OK};
        int rc = stop_body_parse(span_of(rows[i].text), &body, &err);
        check_row(&rows[i], rc, &err);
        if (rc == 0) {
            stop_body_release(&body);
        }
    }
    assert_int_equal(stop_body_parse(SPAN_LIT("{\"seen\":17}"), &body, NULL), 0);
    assert_int_equal(body.seen, 17);
    assert_false(body.all);
    stop_body_release(&body);
}

static void test_continue_bodies(void **state)
{
    static const struct row rows[] = {
        {"", TAKEN, ""},
        {"{\"generation_id\":\"g\",\"stream\":true}", TAKEN, ""},
        {"{\"generation_id\":7}", BAD, "generation_id"},
        {"{\"stream\":0}", BAD, "stream"},
        {"{\"message\":\"more\"}", BAD, "message"},
        {"7", BAD, "body"},
    };
    struct continue_body body;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.code = ERR_OK};
        int rc = continue_body_parse(span_of(rows[i].text), &body, &err);
        check_row(&rows[i], rc, &err);
        if (rc == 0) {
            assert_false(body.wants_record);
            continue_body_release(&body);
        }
    }
    assert_int_equal(continue_body_parse(SPAN_LIT("{\"stream\":false}"), &body, NULL), 0);
    assert_true(body.wants_record);
    assert_null(body.generation_id.ptr);
    continue_body_release(&body);
}

static void test_chat_bodies(void **state)
{
    static const struct row rows[] = {
        {"", TAKEN, ""},
        {"{\"title\":\"t\",\"metadata\":{}}", TAKEN, ""},
        {"{\"title\":\"\"}", TAKEN, ""},
        {"{\"title\":null}", BAD, "title"},
        {"{\"title\":7}", BAD, "title"},
        {"{\"metadata\":[]}", BAD, "metadata"},
        {"{\"chat_id\":\"c\"}", BAD, "chat_id"},
    };
    struct chat_body body;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.code = ERR_OK};
        int rc = chat_body_parse(span_of(rows[i].text), &body, &err);
        check_row(&rows[i], rc, &err);
        if (rc == 0) {
            chat_body_release(&body);
        }
    }
    assert_int_equal(chat_body_parse(SPAN_LIT("{\"metadata\": {\"n\": 1.0}}"), &body, NULL), 0);
    assert_null(body.title.ptr);
    assert_true(span_is(body.metadata, "{\"n\": 1.0}"));
    chat_body_release(&body);
    assert_int_equal(chat_body_parse(SPAN_LIT("{\"metadata\":null}"), &body, NULL), 0);
    assert_true(span_is(body.metadata, ""));
    chat_body_release(&body);
}

static void test_token_bodies(void **state)
{
    static const struct row rows[] = {
        {"{\"user\":\"ann\",\"chat_id\":\"c\",\"ttl\":3600}", TAKEN, ""},
        {"{\"chat_id\":\"c\",\"ttl\":1}", TAKEN, ""},
        {"", BAD, "user"},
        {"{\"ttl\":60}", BAD, "user"},
        {"{\"user\":7}", BAD, "user"},
        {"{\"user\":\"\"}", BAD, "user"},
        {"{\"user\":\"a\\nb\"}", BAD, "user"},
        {"{\"chat_id\":\"a b\"}", BAD, "chat_id"},
        {"{\"user\":\"ann\",\"ttl\":0}", BAD, "ttl"},
        {"{\"user\":\"ann\",\"ttl\":3601}", BAD, "ttl"},
        {"{\"user\":\"ann\",\"role\":\"admin\"}", BAD, "role"},
    };
    struct token_body body;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.code = ERR_OK};
        int rc = token_body_parse(span_of(rows[i].text), &body, &err);
        check_row(&rows[i], rc, &err);
        if (rc == 0) {
            token_body_release(&body);
        }
    }
    assert_int_equal(token_body_parse(SPAN_LIT("{\"user\":\"ann\"}"), &body, NULL), 0);
    assert_int_equal(body.ttl_s, 900);
    assert_null(body.chat.ptr);
    token_body_release(&body);
}

static void test_bodies_without_a_field(void **state)
{
    static const struct row rows[] = {
        {"", TAKEN, ""}, {"{}", TAKEN, ""}, {"{\"all\":true}", BAD, "all"}, {"[]", BAD, "body"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.code = ERR_OK};
        check_row(&rows[i], empty_body_parse(span_of(rows[i].text), &err), &err);
    }
}

static void test_what_is_too_large_for_a_chat(void **state)
{
    static const struct {
        const char *before, *after, *param;
        int bytes;
    } rows[] = {{"{\"title\":\"", "\"}", "title", LIMIT_TITLE},
                {"{\"metadata\":{\"a\":\"", "\"}}", "metadata", LIMIT_METADATA}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf text;
        struct chat_body body;
        struct err err = {.code = ERR_OK};
        buf_init(&text, 64 * 1024);
        buf_text(&text, rows[i].before);
        for (int n = 0; n <= rows[i].bytes; n++) {
            buf_byte(&text, 'x');
        }
        buf_text(&text, rows[i].after);
        assert_int_equal(chat_body_parse(buf_as_span(&text), &body, &err), -ERR_BAD_REQUEST);
        assert_string_equal(err.param, rows[i].param);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_bodies),
        cmocka_unit_test(test_continue_bodies),
        cmocka_unit_test(test_chat_bodies),
        cmocka_unit_test(test_token_bodies),
        cmocka_unit_test(test_bodies_without_a_field),
        cmocka_unit_test(test_what_is_too_large_for_a_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
