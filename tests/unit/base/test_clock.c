/* The two clocks, real and fake. */
#include "base/clock.h"

#include "base/base_test.h"

#include <time.h>

static void moves(void **state)
{
    (void)state;
    int64_t mono = clock_mono_us();
    assert_true(clock_mono_us() >= mono);
    assert_true(clock_mono_ms() >= mono / 1000);
    assert_in_range(clock_wall_ms() / 1000 - time(NULL) + 2, 0, 4);
}

static void stands_when_told(void **state)
{
    (void)state;
    clock_fake(1234567, 89);
    assert_int_equal(clock_mono_us(), 1234567);
    assert_int_equal(clock_mono_ms(), 1234);
    assert_int_equal(clock_wall_ms(), 89);
    clock_real();
    assert_true(clock_wall_ms() > 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(moves), cmocka_unit_test(stands_when_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
