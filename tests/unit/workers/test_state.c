/* A line's state: what expressions see, and its limit. */
#include "graph/state.h"

#include "wire/json.h"
#include "worker_test.h"

struct fixture {
    struct state state;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;
    state_init(&f.state, SPAN_LIT("{\"message\":\"hi\"}"), SPAN_LIT("[]"), 20);
    buf_init(&f.out, 1024);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    state_release(&f->state);
    buf_release(&f->out);
    return 0;
}

static void check(struct fixture *f, const struct state_member *more, size_t count,
                  const char *expected)
{
    struct err err;
    buf_release(&f->out);
    buf_init(&f->out, state_bytes(&f->state, more, count));
    state_write(&f->state, true, more, count, &f->out);
    assert_int_equal(buf_error(&f->out), 0);
    assert_string_equal(f->out.ptr, expected);
    assert_int_equal(json_check(buf_as_span(&f->out), &err), 0);
}

static void test_fresh(void **state)
{
    check(*state, NULL, 0,
          "{\"input\":{\"message\":\"hi\"},\"history\":[],\"out\":{},\"error\":null}");
}

static void test_without_history(void **state)
{
    struct fixture *f = *state;
    state_write(&f->state, false, NULL, 0, &f->out);
    assert_string_equal(f->out.ptr, "{\"input\":{\"message\":\"hi\"},\"out\":{},\"error\":null}");
}

static void test_results_replace_earlier_ones(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("1")), 0);
    assert_int_equal(state_put(&f->state, "b", SPAN_LIT("[2]")), 0);
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("\"x\"")), 0);
    assert_span(state_out(&f->state, "a"), SPAN_LIT("\"x\""));
    assert_span(state_out(&f->state, "c"), SPAN_NONE);
    check(
        f, NULL, 0,
        "{\"input\":{\"message\":\"hi\"},\"history\":[],\"out\":{\"a\":\"x\",\"b\":[2]},\"error\":"
        "null}");
}

static void test_error_and_more_members(void **state)
{
    struct fixture *f = *state;
    const struct state_member more[] = {
        {"item", SPAN_LIT("{\"n\":1}")}, {"index", SPAN_NONE}, {"args", SPAN_LIT("[]")}};
    state_set_error(&f->state, SPAN_LIT("{\"code\":\"model\"}"));
    check(
        f, more, 3,
        "{\"input\":{\"message\":\"hi\"},\"history\":[],\"out\":{},\"error\":{\"code\":\"model\"},"
        "\"item\":{\"n\":1},\"args\":[]}");
    state_set_error(&f->state, SPAN_NONE);
    check(f, NULL, 0, "{\"input\":{\"message\":\"hi\"},\"history\":[],\"out\":{},\"error\":null}");
}

static void test_limit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("\"123456789012345678\"")), 0);
    assert_int_equal(state_put(&f->state, "b", SPAN_LIT("1")), -ERR_TOO_LARGE);
    assert_span(state_out(&f->state, "b"), SPAN_NONE);
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("\"1234567890123456789\"")),
                     -ERR_TOO_LARGE);
    assert_span(state_out(&f->state, "a"), SPAN_LIT("\"123456789012345678\""));
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("1")), 0); /* a smaller one makes room */
    assert_int_equal(state_put(&f->state, "b", SPAN_LIT("\"12345678901234567\"")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results_replace_earlier_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_and_more_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
