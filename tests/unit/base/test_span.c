/* Spans: comparing, cutting, trimming, and UTF-8 by the table of the standard. */
#include "base/span.h"

#include "base/base_test.h"
#include "base/mem.h"

static void compares(void **state)
{
    (void)state;
    assert_true(span_is(SPAN_LIT("abc"), "abc"));
    assert_false(span_is(SPAN_LIT("abc"), "ab"));
    assert_false(span_is(SPAN_NONE, ""));
    assert_true(span_is(span_of(""), ""));
    assert_true(span_equal(SPAN_NONE, span_of("")));
    assert_true(span_equal(SPAN_LIT("a\0b"), span_make("a\0b", 3)));
    assert_false(span_equal(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
    assert_true(span_is_nocase(SPAN_LIT("Content-TYPE"), "content-type"));
    assert_false(span_is_nocase(SPAN_LIT("Content-TYPE"), "content-typ"));
    assert_false(span_is_nocase(SPAN_NONE, ""));
    assert_true(span_starts_with(SPAN_LIT("bearer x"), "bearer "));
    assert_false(span_starts_with(SPAN_LIT("bear"), "bearer "));
    assert_true(span_starts_with(SPAN_NONE, ""));
}

static void trims(void **state)
{
    (void)state;
    assert_true(span_is(span_trim(SPAN_LIT(" \t a b\t ")), "a b"));
    assert_true(span_is(span_trim(SPAN_LIT("  ")), ""));
    assert_true(span_is(span_trim(SPAN_LIT("\na\r")), "\na\r"));
    assert_null(span_trim(SPAN_NONE).ptr);
}

static void cuts(void **state)
{
    struct span rest = SPAN_LIT("a,,bc");
    (void)state;
    assert_true(span_is(span_cut(&rest, ','), "a"));
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_true(span_is(span_cut(&rest, ','), "bc"));
    assert_null(rest.ptr);
    assert_null(span_cut(&rest, ',').ptr);
    rest = SPAN_LIT("x,");
    assert_true(span_is(span_cut(&rest, ','), "x"));
    assert_non_null(rest.ptr); /* an empty last field is one */
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_null(rest.ptr);
}

static void knows_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "a\xf0\x9f\x98\x80z"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x7f",
                                      "\xc2\xc0",
                                      "\xe0\x9f\xbf",
                                      "\xe1\x80",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe1\x80\x7f",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "ok\xe2\x82",
                                      "\xf1\x80\x80\xc0"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(span_is_utf8(span_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(span_is_utf8(span_of(bad[i])));
    assert_true(span_is_utf8(SPAN_LIT("a\0b")));
    assert_true(span_is_utf8(SPAN_NONE));
}

static void copies(void **state)
{
    (void)state;
    char *copy = span_dup(span_make("abcdef", 3));
    assert_string_equal(copy, "abc");
    mem_free(copy);
    copy = span_dup(SPAN_NONE);
    assert_string_equal(copy, "");
    mem_free(copy);
    copy = span_dup_or_null(SPAN_LIT(""));
    assert_string_equal(copy, "");
    mem_free(copy);
    assert_null(span_dup_or_null(SPAN_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),   cmocka_unit_test(trims),  cmocka_unit_test(cuts),
        cmocka_unit_test(knows_utf8), cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
