/* The page's files: what a browser has already is told by If-None-Match. */
#include "api/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *header;
    bool is_known;
} ROWS[] = {
    {NULL, false},
    {"", false},
    {"\"abc\"", true},
    {"W/\"abc\"", true},
    {"*", true},
    {" * ", true},
    {"\"other\", \"abc\"", true},
    {"\"other\",W/\"abc\" ,\"more\"", true},
    {"abc", false},
    {"\"ab\"", false},
    {"\"abcd\"", false},
    {"w/\"abc\"", false},
    {"W/", false},
    {",", false},
    {"\"other\", \"more\"", false},
};

static void test_if_none_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        print_message("%s\n", ROWS[i].header == NULL ? "(none)" : ROWS[i].header);
        assert_int_equal(web_is_known(span_of(ROWS[i].header), "\"abc\""), ROWS[i].is_known);
    }
}

static void test_etag_is_strong_and_of_the_bytes(void **state)
{
    (void)state;
    char one[WEB_ETAG_MAX], same[WEB_ETAG_MAX], other[WEB_ETAG_MAX];
    web_etag(SPAN_LIT("page"), one);
    web_etag(SPAN_LIT("page"), same);
    web_etag(SPAN_LIT("pagE"), other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 34);
    assert_true(one[0] == '"' && one[33] == '"');
    assert_true(web_is_known(span_of(one), same));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_if_none_match),
        cmocka_unit_test(test_etag_is_strong_and_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
