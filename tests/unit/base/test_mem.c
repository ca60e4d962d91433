/* Memory: zeroed, copied with a NUL behind it, and overflow or exhaustion end the process. */
#include "base/mem.h"

#include "base/base_test.h"

static void gives_zeroed_memory(void **state)
{
    (void)state;
    unsigned char *bytes = mem_new(100);
    int *numbers = mem_new_array(50, sizeof *numbers);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 0);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(numbers[i], 0);
    mem_free(bytes);
    mem_free(numbers);
    mem_free(mem_new_array(0, 8));
    mem_free(NULL);
}

static void grows(void **state)
{
    (void)state;
    int *numbers = mem_grow(NULL, 1, sizeof *numbers);
    numbers[0] = 7;
    numbers = mem_grow(numbers, 1000, sizeof *numbers);
    assert_int_equal(numbers[0], 7);
    numbers[999] = 8;
    numbers = mem_grow(numbers, 0, sizeof *numbers);
    mem_free(numbers);
}

static void copies(void **state)
{
    (void)state;
    char *bytes = mem_dup("a\0b", 3), *text = mem_strdup("text"),
         *printed = mem_printf("%d-%s", 1, "x"), *nothing = mem_dup(NULL, 0);
    assert_memory_equal(bytes, "a\0b\0", 4);
    assert_string_equal(text, "text");
    assert_string_equal(printed, "1-x");
    assert_string_equal(nothing, "");
    assert_null(mem_strdup(NULL));
    mem_free(bytes);
    mem_free(text);
    mem_free(printed);
    mem_free(nothing);
}

static void overflow_an_array(void *arg)
{
    mem_free(mem_new_array(*(size_t *)arg, 16));
}

static void overflow_a_growth(void *arg)
{
    mem_free(mem_grow(NULL, *(size_t *)arg, 16));
}

static void ask_for_nothing(void *arg)
{
    mem_free(mem_new(*(size_t *)arg));
}

static void ends_rather_than_lie(void **state)
{
    size_t many = SIZE_MAX / 8, none = 0;
    (void)state;
    assert_true(aborts(overflow_an_array, &many));
    assert_true(aborts(overflow_a_growth, &many));
    assert_true(aborts(ask_for_nothing, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_memory),
        cmocka_unit_test(grows),
        cmocka_unit_test(copies),
        cmocka_unit_test(ends_rather_than_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Under AddressSanitizer too, a size that cannot be is an answer and not the end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
