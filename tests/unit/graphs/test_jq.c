/* Expressions through the real child: values, faults and their words, what may not be reached, what
 * runs away, and that nothing of it harms the next evaluation. */
#include "jq_fixture.h"

#include <stdlib.h>

static const struct jq_options OPTIONS = {.program = SLUICE_JQ};

static void gives_each_programs_value(void **state)
{
    struct fixture f;
    const struct span programs[] = {SPAN_LIT(".a"), SPAN_LIT("[.b[] | . + 1]"),
                                    SPAN_LIT("\"\\(.a)!\""), SPAN_LIT("null")};
    struct result r = {.f = &f, .stops = true};
    (void)state;
    fixture_begin(&f, &OPTIONS);
    (void)jq_eval(f.jq, SPAN_LIT("{\"a\":\"x\\ny\",\"b\":[1,2]}"), programs, 4, on_result, &r);
    loop_run(f.loop);
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.values, "\"x\\ny\"\n[2,3]\n\"x\\ny!\"\nnull\n");
    fixture_end(&f);
}

static void says_what_is_wrong(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    assert_fault(&f, "1", ".a |", "syntax error");
    assert_fault(&f, "1", "nowhere(.)", "nowhere/1 is not defined");
    assert_fault(&f, "{}", "empty", "gave no value");
    assert_fault(&f, "{}", "1, 2", "gave more than one value");
    assert_fault(&f, "{}", "1, error(\"late\")", "late");
    assert_fault(&f, "{}", "error({a: 1})", "{\"a\":1}");
    assert_fault(&f, "\"text\"", ".a", "Cannot index string");
    assert_fault(&f, "{", ".", "its input is no JSON");
    assert_fault(&f, "", ".", "its input is no JSON");
    assert_fault(&f, "{}", "reduce range(40) as $i (0; [.])", "cannot be kept");
    assert_fault(&f, "{}", "\"a\" * 1100000", "gave more than 1048576 bytes");
    assert_value(&f, "{\"a\":5}", ".a", "5");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_programs_value),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
