/* Base64: the examples of RFC 4648, and what is none. */
#include "base/err.h"
#include "wire/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_base64_is_decoded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
    };
    struct buf b;
    buf_init(&b, 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&b);
        assert_int_equal(base64_decode(&b, span_of(cases[i][0])), 0);
        assert_true(span_equal(buf_as_span(&b), span_of(cases[i][1])));
    }
    buf_release(&b);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"Z",    "Zg",       "Zg=",    "Zh==", "Zm9=",
                                        "====", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-",
                                        "Zm9_", "=Zg=",     "Z=g=",   "Zm9v="};
    struct buf b;
    buf_init(&b, 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(base64_decode(&b, span_of(cases[i])), -ERR_MALFORMED);
        assert_int_equal(b.len, 0);
    }
    buf_release(&b);
    buf_init(&b, 2);
    assert_int_equal(base64_decode(&b, span_of("Zm9v")), -ERR_TOO_LARGE);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_base64_is_decoded),
                                       cmocka_unit_test(what_is_none_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
