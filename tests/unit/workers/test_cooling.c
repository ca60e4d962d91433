/* Models that want to be left alone: nobody asks before the time, then one at a time. */
#include "model/cooling.h"

#include "base/clock.h"
#include "worker_test.h"

static int setup(void **state)
{
    clock_fake(1000, 0);
    *state = cooling_new();
    return 0;
}

static int teardown(void **state)
{
    cooling_free(*state);
    clock_real();
    return 0;
}

static void nobody_asks_before_the_time(void **state)
{
    struct cooling *c = *state;
    assert_int_equal(cooling_left_ms(c, "a"), 0);
    cooling_start(c, "a", 3000);
    cooling_start(c, "a", 2000); /* a shorter one changes nothing */
    assert_int_equal(cooling_left_ms(c, "a"), 3000);
    assert_int_equal(cooling_left_ms(c, "b"), 0);
    clock_fake(3001 * 1000, 0);
    assert_int_equal(cooling_left_ms(c, "a"), 0);
}

static void one_probes_and_the_others_wait_for_it(void **state)
{
    struct cooling *c = *state;
    cooling_probe(c, "a");
    assert_int_equal(cooling_left_ms(c, "a"), 0); /* it never cooled */
    cooling_start(c, "a", 3000);
    clock_fake(3001 * 1000, 0);
    cooling_probe(c, "a");
    assert_int_equal(cooling_left_ms(c, "a"), 1000);
    cooling_end(c, "a");
    assert_int_equal(cooling_left_ms(c, "a"), 0);
    cooling_probe(c, "a");
    assert_int_equal(cooling_left_ms(c, "a"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_asks_before_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(one_probes_and_the_others_wait_for_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
