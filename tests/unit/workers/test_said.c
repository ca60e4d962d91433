/* Results of llm and agent steps, and what tools' answers are in words. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/said.h"
#include "graph/words.h"
#include "wire/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void json_is_found_in_what_models_put_around_it(void **state)
{
    static const struct {
        const char *text, *json; /* NULL: it is none */
    } rows[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {" \n{\"a\":1}\r\n\t", "{\"a\":1}"},
        {"```json\n{\"a\":1}\n```", "{\"a\":1}"},
        {"```\n[1]\n```\n", "[1]"},
        {"```{\"a\":1}```", "{\"a\":1}"},
        {"```{\"a\":\n1}```", "{\"a\":\n1}"},
        {"\"x\"", "\"x\""},
        {"12", "12"},
        {"null", "null"},
        {"", NULL},
        {"   ", NULL},
        {"```", NULL},
        {"``````", NULL},
        {"```json\n```", NULL},
        {"Here it is: {\"a\":1}", NULL},
        {"{\"a\":1} {\"b\":2}", NULL},
        {"{a:1}", NULL},
        {"{\"a\":1,}", NULL},
        {"```json\n{\"a\":1}", NULL},
        {"{\"a\":\"\\u0000\"}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span json = said_json(span_of(rows[i].text));
        if (rows[i].json == NULL ? json.ptr != NULL : !span_is(json, rows[i].json))
            fail_msg("%s: %.*s", rows[i].text, SPAN_ARG(json));
    }
}

static void a_result_tells_text_reason_usage_and_calls(void **state)
{
    (void)state;
    const struct said_call calls[] = {
        {.id = "c1", .name = "find", .arguments = "{\"n\":1}", .is_over = true, .is_error = true},
        {.id = "c2", .name = "find", .arguments = "{broken"},
        {.id = "c3", .name = "find", .arguments = ""},
    };
    const struct said said = {.text = SPAN_LIT("a \"b\"\n"),
                              .finish_reason = "stop",
                              .usage = usage_none(),
                              .calls = calls,
                              .call_count = 3};
    struct buf out;
    buf_init(&out, said_bytes(&said));
    said_put(&said, &out);
    assert_int_equal(buf_error(&out), 0);
    assert_int_equal(json_check(buf_as_span(&out), NULL), 0);
    assert_true(span_starts_with(buf_as_span(&out),
                                 "{\"text\":\"a \\\"b\\\"\\n\",\"finish_reason\":\"stop\","
                                 "\"usage\":{"));
    assert_non_null(strstr(out.ptr, "\"calls\":[{\"id\":\"c1\",\"name\":\"find\",\"arguments\":{"
                                    "\"n\":1},\"is_error\":true},{\"id\":\"c2\",\"name\":\"find\","
                                    "\"arguments\":\"{broken\"},{\"id\":\"c3\",\"name\":\"find\","
                                    "\"arguments\":\"\"}]}"));
    buf_release(&out);
}

/* An answer that is an object or a list is there as such, too; a number is only text. */
static void a_result_has_json_where_the_text_is(void **state)
{
    static const struct {
        const char *text, *json; /* NULL: none */
    } rows[] = {{"{\"a\": 1}", "\"json\":{\"a\": 1},"},
                {"```json\n[1]\n```", "\"json\":[1],"},
                {"12", NULL},
                {"[1", NULL},
                {"", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct said said = {
            .text = span_of(rows[i].text), .finish_reason = "stop", .usage = usage_none()};
        struct buf out;
        buf_init(&out, said_bytes(&said));
        said_put(&said, &out);
        assert_int_equal(buf_error(&out), 0);
        assert_int_equal(json_check(buf_as_span(&out), NULL), 0);
        if (rows[i].json == NULL)
            assert_null(strstr(out.ptr, "\"json\""));
        else
            assert_non_null(strstr(out.ptr, rows[i].json));
        buf_release(&out);
    }
}

/* The largest text whose every byte is escaped still fits. */
static void the_room_for_a_result_is_enough(void **state)
{
    (void)state;
    enum { BYTES = 10 * 1000 };
    char *text = mem_new(BYTES + 1);
    memset(text, 1, BYTES);
    const struct said_call call = {.id = text, .name = text, .arguments = text, .is_over = true};
    const struct said said = {.text = span_of(text),
                              .finish_reason = "content_filter",
                              .usage = usage_unknown(),
                              .calls = &call,
                              .call_count = 1};
    struct buf out;
    buf_init(&out, said_bytes(&said));
    said_put(&said, &out);
    assert_int_equal(buf_error(&out), 0);
    buf_release(&out);
    mem_free(text);
}

static void an_answer_is_text_with_what_the_model_must_know(void **state)
{
    static const struct {
        int status;
        struct span body;
        bool was_cut;
        const char *words; /* NULL: no text */
    } rows[] = {
        {200, {"fine", 4}, false, "fine"},
        {204, {"", 0}, false, ""},
        {200, {"", 0}, false, ""},
        {404,
         {"no such order", 13},
         false,
         "Error: http_status: the tool answered 404.\nno such order"},
        {302, {"", 0}, false, "Error: http_status: the tool answered 302.\n"},
        {200, {"abcd", 4}, true, "abcd\n[cut here: the answer is longer than 4 bytes]"},
        {200, {"ab\xc3", 3}, true, "ab\n[cut here: the answer is longer than 3 bytes]"},
        {200, {"a\xf0\x9f\x98", 4}, true, "a\n[cut here: the answer is longer than 4 bytes]"},
        {200, {"ab\xc3", 3}, false, NULL},
        {200, {"a\0b", 3}, false, NULL},
        {200, {"\xff\xfe", 2}, false, NULL},
        {200, {"\xff\xff\xff\xff\xff\xff", 6}, true, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out, WORDS_ROOM + rows[i].body.len);
        int rc = words_of_answer(&out, rows[i].status, rows[i].body, rows[i].was_cut);
        assert_int_equal(rc, rows[i].words == NULL ? -ERR_BAD_REQUEST : 0);
        if (rc == 0 && !span_equal(buf_as_span(&out), span_of(rows[i].words)))
            fail_msg("%zu: %.*s", i, SPAN_ARG(buf_as_span(&out)));
        buf_release(&out);
    }
    assert_true(words_is_error(199) && words_is_error(300) && !words_is_error(200) &&
                !words_is_error(299));
}

static void bad_arguments_are_told(void **state)
{
    static const char *const bad[] = {"", "{", "{\"a\":}", "[1]", "\"x\"", "12", "null", "{'a':1}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *words = words_of_bad_arguments(span_of(bad[i]));
        assert_non_null(words);
        assert_true(span_starts_with(span_of(words), "Error: the arguments "));
        mem_free(words);
    }
    assert_null(words_of_bad_arguments(SPAN_LIT("{}")));
    assert_null(words_of_bad_arguments(SPAN_LIT("{\"number\":\"17\"}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_found_in_what_models_put_around_it),
        cmocka_unit_test(a_result_tells_text_reason_usage_and_calls),
        cmocka_unit_test(a_result_has_json_where_the_text_is),
        cmocka_unit_test(the_room_for_a_result_is_enough),
        cmocka_unit_test(an_answer_is_text_with_what_the_model_must_know),
        cmocka_unit_test(bad_arguments_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
