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

/* The scripts write some errors themselves: failure('code', 'message', retryable). */
static void the_scripts_say_the_same(void **state)
{
    static char text[64 * 1024];
    char code[32], retryable[8];
    int taken = 0, found = 0;
    (void)state;
    FILE *file = fopen(SLUICE_SOURCE_DIR "/lib/bus/scripts/turn.lua", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    for (const char *at = text; (at = strstr(at, "failure('")) != NULL; at += taken, found++) {
        assert_int_equal(
            sscanf(at, "failure('%31[a-z_]', '%*[^']', %7[a-z])%n", code, retryable, &taken), 2);
        int number = ERR_OK + 1;
        while (number < ERR_COUNT && strcmp(err_name(number), code) != 0)
            number++;
        assert_true(number < ERR_COUNT);
        assert_string_equal(retryable, err_is_retryable(number) ? "true" : "false");
    }
    assert_int_equal(found, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_from_the_table), cmocka_unit_test(has_a_whole_row_for_each),
        cmocka_unit_test(tells_the_detail),       cmocka_unit_test(cuts_at_a_character),
        cmocka_unit_test(checks_its_callers),     cmocka_unit_test(the_scripts_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
