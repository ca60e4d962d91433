/* What earlier claims kept, by field. */
#include "graph/kept.h"

#include "base/err.h"
#include "worker_test.h"

static void count(const char *field, struct span value, void *arg)
{
    size_t *bytes = arg;
    *bytes += strlen(field) + value.len;
}

static void test_by_field(void **state)
{
    struct kept kept;
    size_t bytes = 0;
    (void)state;
    kept_init(&kept);
    assert_true(kept.values == NULL);
    assert_span(kept_find(&kept, "1"), SPAN_NONE);
    kept_each(&kept, count, &bytes);
    assert_int_equal(bytes, 0);
    assert_int_equal(kept_add(&kept, SPAN_LIT("1"), SPAN_LIT("a")), 0);
    assert_int_equal(kept_add(&kept, SPAN_LIT("3/short"), span_make("\0b", 2)), 0);
    assert_int_equal(kept_add(&kept, SPAN_LIT("3/t1"), SPAN_LIT("")), 0);
    assert_int_equal(kept_add(&kept, SPAN_LIT("1"), SPAN_LIT("cc")), 0); /* the later one */
    assert_span(kept_find(&kept, "1"), SPAN_LIT("cc"));
    assert_span(kept_find(&kept, "3/short"), span_make("\0b", 2));
    assert_span(kept_find(&kept, "3/t1"), SPAN_LIT(""));
    assert_span(kept_find(&kept, "3"), SPAN_NONE);
    kept_each(&kept, count, &bytes);
    assert_int_equal(bytes, 3 + 9 + 4);
    kept_release(&kept);
    assert_true(kept.values == NULL);
    kept_release(&kept);
}

static void test_limit(void **state)
{
    struct kept kept;
    (void)state;
    kept_init(&kept);
    kept.bytes = KEPT_BYTES - 3;
    assert_int_equal(kept_add(&kept, SPAN_LIT("1"), SPAN_LIT("abcd")), -ERR_TOO_LARGE);
    assert_int_equal(kept_add(&kept, SPAN_LIT("1"), SPAN_LIT("abc")), 0);
    assert_int_equal(kept_add(&kept, SPAN_LIT("2"), SPAN_LIT("a")), -ERR_TOO_LARGE);
    kept_release(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_field),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
