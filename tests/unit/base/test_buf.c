/* The capped buffer: what fits is there and terminated; what does not changes nothing and is
 * remembered. */
#include "base/buf.h"

#include "base/base_test.h"
#include "base/err.h"
#include "base/mem.h"

static void appends_and_terminates(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_true(span_is(buf_as_span(&b), ""));
    assert_int_equal(buf_text(&b, "ab"), 0);
    assert_int_equal(buf_byte(&b, 'c'), 0);
    assert_int_equal(buf_span(&b, SPAN_LIT("de")), 0);
    assert_int_equal(buf_span(&b, SPAN_NONE), 0);
    assert_int_equal(buf_printf(&b, "%d-%s", 42, "x"), 0);
    assert_string_equal(b.ptr, "abcde42-x");
    assert_int_equal(buf_append(&b, "\0z", 2), 0);
    assert_int_equal(b.len, 11);
    buf_release(&b);
    assert_null(b.ptr);
}

static void refuses_above_its_maximum(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 4);
    assert_int_equal(buf_text(&b, "abcd"), 0);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(buf_byte(&b, 'e'), -ERR_TOO_LARGE);
    assert_string_equal(b.ptr, "abcd");
    buf_consume(&b, 3);
    assert_int_equal(buf_byte(&b, 'e'), -ERR_TOO_LARGE); /* once failed, all fail */
    assert_int_equal(buf_printf(&b, "e"), -ERR_TOO_LARGE);
    assert_int_equal(buf_error(&b), -ERR_TOO_LARGE);
    buf_reset(&b);
    assert_int_equal(buf_printf(&b, "%s", "wxyz"), 0);
    assert_int_equal(buf_error(&b), 0);
    assert_string_equal(b.ptr, "wxyz");
    buf_release(&b);
}

static void grows_past_its_first_size(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf_byte(&b, (char)('a' + i % 26)), 0);
    assert_int_equal(buf_byte(&b, 'x'), -ERR_TOO_LARGE);
    assert_int_equal(b.len, 100000);
    assert_int_equal(b.ptr[99999], 'a' + 99999 % 26);
    assert_true(b.cap <= 100001);
    buf_release(&b);
}

static void consumes_from_the_front(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    (void)buf_text(&b, "hello world");
    buf_consume(&b, 6);
    assert_string_equal(b.ptr, "world");
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void hands_its_memory_over(void **state)
{
    struct buf b;
    size_t len = 99;
    (void)state;
    buf_init(&b, 100);
    char *nothing = buf_take(&b, &len);
    assert_string_equal(nothing, "");
    assert_int_equal(len, 0);
    (void)buf_text(&b, "mine");
    char *text = buf_take(&b, NULL);
    assert_string_equal(text, "mine");
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_text(&b, "again"), 0);
    mem_free(nothing);
    mem_free(text);
    buf_release(&b);
}

static void consume_too_much(void *arg)
{
    buf_consume(arg, 1);
}

static void init_without_end(void *arg)
{
    buf_init(arg, SIZE_MAX);
}

static void checks_its_callers(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 10);
    assert_true(aborts(consume_too_much, &b));
    assert_true(aborts(init_without_end, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_terminates),    cmocka_unit_test(refuses_above_its_maximum),
        cmocka_unit_test(grows_past_its_first_size), cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(hands_its_memory_over),     cmocka_unit_test(checks_its_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
