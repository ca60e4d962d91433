/* The table of errors and the details that are told with one. */
#include "base/err.h"

#include "base/base_test.h"
#include "base/span.h"

#include <string.h>

static void answers_from_the_table(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_BUSY), "busy");
    assert_string_equal(err_name(-ERR_BUSY), "busy");
    assert_int_equal(err_status(-ERR_BUSY), 409);
    assert_true(err_is_retryable(ERR_BUSY));
    assert_false(err_is_retryable(-ERR_BAD_REQUEST));
    assert_string_equal(err_message(-ERR_NOT_FOUND), "there is no such path, chat or generation");
    assert_string_equal(err_name(0), "ok");
}

static void has_a_whole_row_for_each(void **state)
{
    (void)state;
    for (int code = ERR_OK; code < ERR_COUNT; code++) {
        assert_true(strlen(err_name(code)) > 0 && strlen(err_message(code)) > 0);
        assert_in_range(err_status(code), 200, 599);
    }
}

static void tells_the_detail(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(err_set(&err, ERR_BAD_REQUEST, "params.top_p", "is %d, above %s", 3, "1"),
                     -ERR_BAD_REQUEST);
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    assert_string_equal(err.param, "params.top_p");
    assert_string_equal(err.message, "is 3, above 1");
    assert_int_equal(err_set(&err, ERR_GONE, NULL, NULL), -ERR_GONE);
    assert_string_equal(err.param, "");
    assert_string_equal(err.message, "it is no longer kept");
    assert_int_equal(err_set(NULL, ERR_GONE, NULL, "nobody asks"), -ERR_GONE);
}

static void cuts_at_a_character(void **state)
{
    struct err err;
    char text[400] = "";
    (void)state;
    for (int i = 0; i < 130; i++)
        strncat(text, "é", 3);
    (void)err_set(&err, ERR_BAD_REQUEST, text, "x%s", text);
    assert_int_equal(strlen(err.message), 255); /* x and 127 characters of two bytes */
    assert_true(span_is_utf8(span_of(err.message)));
    assert_int_equal(strlen(err.param), 62);
    assert_true(span_is_utf8(span_of(err.param)));
    (void)err_set(&err, ERR_BAD_REQUEST, NULL, "%s", text);
    assert_int_equal(strlen(err.message), 254);
}

static void ask_beyond(void *arg)
{
    (void)arg;
    (void)err_name(ERR_COUNT);
}

static void checks_its_callers(void **state)
{
    (void)state;
    assert_true(aborts(ask_beyond, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_from_the_table), cmocka_unit_test(has_a_whole_row_for_each),
        cmocka_unit_test(tells_the_detail),       cmocka_unit_test(cuts_at_a_character),
        cmocka_unit_test(checks_its_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
