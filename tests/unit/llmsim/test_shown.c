/* Which of the objects that an instruction shows is answered. */
#include "shown.h"

#include "llmsim_test.h"

static void the_object_that_fits(void **state)
{
    static const char kinds[] = "Answer {\"kind\":\"billing\"} for invoices and payments, "
                                "{\"kind\":\"technical\"} for what "
                                "is broken, or {\"kind\":\"other\"}.";
    static const struct {
        const char *instruction, *message, *wanted;
    } rows[] = {
        {kinds, "my invoice is wrong", "{\"kind\":\"billing\"}"},
        {kinds, "a TECHNICAL question", "{\"kind\":\"technical\"}"},
        {kinds, "the lamp is broken", "{\"kind\":\"technical\"}"},
        {kinds, "hello", "{\"kind\":\"other\"}"},
        {"one {\"a\": {\"b\": \"}\"}} only", "x", "{\"a\": {\"b\": \"}\"}}"},
        {"a set {x, y}, {}, {{\"a\":1}", "x", "{\"a\":1}"},
        {"a set {x, y} and {}", "x", NULL},
        {"never closed {\"a\":1", "x", NULL},
        {"", "x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span best = shown_best(span_of(rows[i].instruction), span_of(rows[i].message));
        if (rows[i].wanted == NULL)
            assert_null(best.ptr);
        else
            assert_true(span_is(best, rows[i].wanted));
    }
    assert_null(shown_best(SPAN_NONE, SPAN_NONE).ptr);
}

static void what_is_far_behind_is_not_seen(void **state)
{
    static char text[SHOWN_LOOKED_AT + 32];
    (void)state;
    memset(text, '{', sizeof text - 1);
    memcpy(text + SHOWN_LOOKED_AT - 4, "{\"a\":1}", 7);
    assert_null(shown_best(span_of(text), SPAN_LIT("a")).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_object_that_fits),
        cmocka_unit_test(what_is_far_behind_is_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
