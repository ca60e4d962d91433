/* Attachments of a body: what is taken, what is refused, and which member is named. */
#include "api/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct body_limits LIMITS = {
    .message_bytes = 16, .system_bytes = 16, .metadata_bytes = 16};

enum { TAKEN = ERR_OK, BAD = ERR_BAD_REQUEST };

#define IMAGE(members) "{\"type\":\"image\",\"media_type\":\"image/png\"" members "}"
#define TEXT(members)  "{\"type\":\"text\",\"media_type\":\"text/plain\"" members "}"
#define HI             ",\"data\":\"aGk=\""
#define URL(text)      IMAGE(",\"url\":\"" text "\"")
#define MEDIA(text)    "{\"type\":\"text\",\"media_type\":\"" text "\"" HI "}"

/* One attachment each. */
static const struct {
    const char *text;
    int code;
    const char *param;
} ROWS[] = {
    {TEXT(HI), TAKEN, ""},
    {IMAGE(HI), TAKEN, ""},
    {IMAGE(HI ",\"name\":\"cat.png\""), TAKEN, ""},
    {IMAGE(HI ",\"name\":7"), BAD, "attachments[0].name"},
    {IMAGE(HI ",\"size\":7"), BAD, "attachments[0].size"},
    {IMAGE(HI ",\"data\":\"aGk=\""), BAD, "attachments[0].data"},
    {IMAGE(HI ",\"url\":\"https://x.example/\""), BAD, "attachments[0]"},
    {IMAGE(""), BAD, "attachments[0]"},
    {"1", BAD, "attachments[0]"},
    {"{}", BAD, "attachments[0].type"},
    {"{\"type\":\"audio\",\"media_type\":\"audio/wav\"" HI "}", BAD, "attachments[0].type"},
    {"{\"type\":\"image\"" HI "}", BAD, "attachments[0].media_type"},
    {"{\"type\":\"image\",\"media_type\":\"image/svg+xml\"" HI "}", BAD,
     "attachments[0].media_type"},
    {"{\"type\":\"image\",\"media_type\":\"text/plain\"" HI "}", BAD, "attachments[0].media_type"},
    {MEDIA("text/markdown"), TAKEN, ""},
    {MEDIA("text/x-c++"), TAKEN, ""},
    {MEDIA("application/json"), TAKEN, ""},
    {MEDIA("application/pdf"), BAD, "attachments[0].media_type"},
    {MEDIA("text/"), BAD, "attachments[0].media_type"},
    {MEDIA("text/plain; charset=utf-8"), BAD, "attachments[0].media_type"},
    {IMAGE(",\"data\":\"aGk\""), BAD, "attachments[0].data"},
    {IMAGE(",\"data\":\"aGk=\\n\""), BAD, "attachments[0].data"},
    {IMAGE(",\"data\":\"a_k=\""), BAD, "attachments[0].data"},
    {IMAGE(",\"data\":\"\""), BAD, "attachments[0].data"},
    {IMAGE(",\"data\":1"), BAD, "attachments[0].data"},
    {IMAGE(",\"data\":\"/w==\""), TAKEN, ""},
    {TEXT(",\"data\":\"/w==\""), BAD, "attachments[0].data"},
    {TEXT(",\"data\":\"AA==\""), BAD, "attachments[0].data"},
    {TEXT(",\"url\":\"https://x.example/a.txt\""), BAD, "attachments[0].url"},
    {URL("https://x.example/cat.png?s=1#a"), TAKEN, ""},
    {URL("http://127.0.0.1:8000/cat.png"), TAKEN, ""},
    {URL("ftp://x.example/cat.png"), BAD, "attachments[0].url"},
    {URL("file:///etc/passwd"), BAD, "attachments[0].url"},
    {URL("data:image/png;base64,aGk="), BAD, "attachments[0].url"},
    {URL("https://"), BAD, "attachments[0].url"},
    {URL("https:///x"), BAD, "attachments[0].url"},
    {URL("https://x.example/a b"), BAD, "attachments[0].url"},
    {URL("https://x.example/\xc3\xa9"), BAD, "attachments[0].url"},
    {URL(""), BAD, "attachments[0].url"},
};

static void test_every_row_is_taken_or_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[512];
        struct body body;
        struct err err = {.code = ERR_OK};
        (void)snprintf(text, sizeof text, "{\"message\":\"hi\",\"attachments\":[%s]}",
                       ROWS[i].text);
        int rc = body_parse(span_of(text), BODY_CHATS, &LIMITS, &body, &err);
        if (rc == 0) {
            body_release(&body);
        }
        if (rc != -ROWS[i].code || strcmp(err.param, ROWS[i].param) != 0) {
            fail_msg("%s: code %d param \"%s\", want %d \"%s\": %s", text, -rc, err.param,
                     ROWS[i].code, ROWS[i].param, err.message);
        }
    }
}

static int parse(const char *text, enum body_route route, struct body *out, struct err *err)
{
    *err = (struct err){.code = ERR_OK};
    return body_parse(span_of(text), route, &LIMITS, out, err);
}

static void test_the_array_is_kept_as_it_was_sent(void **state)
{
    (void)state;
    struct body body;
    struct err err;
    assert_int_equal(parse("{\"attachments\": [ " IMAGE(HI) ", " TEXT(HI) "],\"message\":\"hi\"}",
                           BODY_CHATS, &body, &err),
                     0);
    assert_true(span_is(body.attachments, "[ " IMAGE(HI) ", " TEXT(HI) "]"));
    assert_true(body.has_image);
    body_release(&body);
    assert_int_equal(
        parse("{\"message\":\"hi\",\"attachments\":[" TEXT(HI) "]}", BODY_CHATS, &body, &err), 0);
    assert_false(body.has_image);
    body_release(&body);
    assert_int_equal(parse("{\"message\":\"hi\",\"attachments\":[]}", BODY_CHATS, &body, &err), 0);
    assert_null(body.attachments.ptr);
    body_release(&body);
    assert_int_equal(parse("{\"message\":\"hi\",\"attachments\":{}}", BODY_CHATS, &body, &err),
                     -ERR_BAD_REQUEST);
}

static void test_a_message_may_be_empty_beside_attachments(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"attachments\":[" TEXT(HI) "]}",
                                        "{\"message\":\"\",\"attachments\":[" TEXT(HI) "]}"};
    struct body body;
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(parse(texts[i], BODY_MESSAGES, &body, &err), 0);
        assert_true(span_is(body.message, ""));
        body_release(&body);
    }
    assert_int_equal(parse("{\"message\":\"\",\"attachments\":[]}", BODY_CHATS, &body, &err),
                     -ERR_BAD_REQUEST);
    assert_string_equal(err.param, "message");
}

static void test_of_a_stateless_body_they_belong_to_the_last_user_message(void **state)
{
    (void)state;
    struct body body;
    struct err err;
    assert_int_equal(
        parse("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"attachments\":[" TEXT(
                  HI) "]}",
              BODY_GENERATIONS, &body, &err),
        0);
    body_release(&body);
    assert_int_equal(
        parse("{\"messages\":[{\"role\":\"system\",\"content\":\"hi\"}],\"attachments\":[" TEXT(
                  HI) "]}",
              BODY_GENERATIONS, &body, &err),
        -ERR_BAD_REQUEST);
    assert_string_equal(err.param, "attachments");
}

static void test_more_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct buf text;
    struct body body;
    struct err err;
    buf_init(&text, 1024 * 1024);
    buf_text(&text, "{\"message\":\"hi\",\"attachments\":[");
    for (int i = 0; i < 33; i++) {
        buf_text(&text, i == 0 ? TEXT(HI) : "," TEXT(HI));
    }
    buf_text(&text, "]}");
    assert_int_equal(parse(text.ptr, BODY_CHATS, &body, &err), -ERR_BAD_REQUEST);
    assert_string_equal(err.param, "attachments");
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_taken_or_refused_by_name),
        cmocka_unit_test(test_the_array_is_kept_as_it_was_sent),
        cmocka_unit_test(test_a_message_may_be_empty_beside_attachments),
        cmocka_unit_test(test_of_a_stateless_body_they_belong_to_the_last_user_message),
        cmocka_unit_test(test_more_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
