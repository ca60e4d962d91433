/* Usage summed: numbers that all know, the weakest source. */
#include "graph/used.h"

#include "worker_test.h"

static struct usage make(int64_t input, int64_t output, int64_t cached, enum usage_source source)
{
    return (struct usage){input, output, cached, 0, source, true};
}

static void check(const struct used *used, struct usage expected)
{
    struct usage sum = used_sum(used);
    assert_int_equal(sum.input, expected.input);
    assert_int_equal(sum.output, expected.output);
    assert_int_equal(sum.cached, expected.cached);
    assert_int_equal(sum.source, expected.source);
}

static void test_nothing(void **state)
{
    struct used used;
    (void)state;
    used_init(&used);
    check(&used, usage_none());
    used_add(&used, usage_none());
    check(&used, usage_none());
}

static void test_told(void **state)
{
    struct used used;
    (void)state;
    used_init(&used);
    used_add(&used, make(10, 5, 2, USAGE_PROVIDER));
    used_add(&used, usage_none());
    used_add(&used, make(1, 2, 3, USAGE_PROVIDER));
    check(&used, make(11, 7, 5, USAGE_PROVIDER));
}

static void test_one_estimate_makes_all_one(void **state)
{
    struct used used;
    (void)state;
    used_init(&used);
    used_add(&used, make(10, 5, 2, USAGE_PROVIDER));
    used_add(&used, make(4, 4, -1, USAGE_ESTIMATED));
    used_add(&used, make(1, 1, 1, USAGE_PROVIDER));
    check(&used, make(15, 10, -1, USAGE_ESTIMATED));
}

static void test_unknown(void **state)
{
    struct used used;
    (void)state;
    used_init(&used);
    used_add(&used, usage_unknown());
    check(&used, usage_unknown());
    used_add(&used, make(10, 5, 2, USAGE_PROVIDER));
    check(&used, make(10, 5, 2, USAGE_ESTIMATED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_one_estimate_makes_all_one),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
