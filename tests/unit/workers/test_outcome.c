/* What is kept of a step that is over: there and back, and what is none. */
#include "graph/outcome.h"

#include "base/err.h"
#include "worker_test.h"

static struct outcome full(int64_t *parts)
{
    return (struct outcome){
        .node = SPAN_LIT("look"),
        .result = SPAN_LIT("{\"a\":1}"),
        .next = SPAN_LIT("end"),
        .model = SPAN_LIT("small"),
        .finish_reason = SPAN_LIT("stop"),
        .usage = {3, 4, -1, 0, USAGE_ESTIMATED, true},
        .spent_ms = 1234,
        .parts = parts,
        .part_count = 2,
    };
}

static void test_there_and_back(void **state)
{
    int64_t parts[] = {0, 7};
    struct outcome out = full(parts), in;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    outcome_write(&out, &b);
    assert_int_equal(outcome_read(buf_as_span(&b), &in), 0);
    assert_span(in.node, out.node);
    assert_span(in.result, out.result);
    assert_span(in.error, SPAN_NONE);
    assert_span(in.next, out.next);
    assert_span(in.model, out.model);
    assert_span(in.finish_reason, out.finish_reason);
    assert_int_equal(in.usage.input, 3);
    assert_int_equal(in.usage.output, 4);
    assert_int_equal(in.usage.cached, -1);
    assert_int_equal(in.usage.source, USAGE_ESTIMATED);
    assert_int_equal(in.spent_ms, 1234);
    assert_int_equal(in.part_count, 2);
    assert_int_equal(in.parts[1], 7);
    outcome_release(&in);
    buf_release(&b);
}

static void test_failed_child(void **state)
{
    struct outcome out = {.node = SPAN_LIT("do"), .error = SPAN_LIT("{\"code\":\"model\"}")}, in;
    struct buf b;
    (void)state;
    out.usage = usage_none();
    buf_init(&b, 4096);
    outcome_write(&out, &b);
    assert_int_equal(outcome_read(buf_as_span(&b), &in), 0);
    assert_span(in.result, SPAN_NONE);
    assert_span(in.error, out.error);
    assert_span(in.next, SPAN_NONE);
    assert_int_equal(in.usage.source, USAGE_NONE);
    outcome_release(&in);
    buf_release(&b);
}

static int read_map(const char *key, int64_t number, bool with_result)
{
    struct outcome in;
    struct buf b;
    buf_init(&b, 4096);
    struct mp_fields f = mp_fields_begin(&b);
    mp_field_str(&f, "node", SPAN_LIT("look"));
    if (with_result)
        mp_field_str(&f, "result", SPAN_LIT("1"));
    mp_field_int(&f, key, number);
    mp_fields_end(&f);
    int rc = outcome_read(buf_as_span(&b), &in);
    outcome_release(&in);
    buf_release(&b);
    return rc;
}

static void test_what_is_none(void **state)
{
    struct outcome in;
    (void)state;
    assert_int_equal(read_map("v", 1, true), 0); /* all else may be missing */
    assert_int_equal(read_map("v", 2, true), -ERR_NOT_SUPPORTED);
    assert_int_equal(read_map("v", 0, true), -ERR_MALFORMED);
    assert_int_equal(read_map("v", 1, false), -ERR_MALFORMED);
    assert_int_equal(read_map("w", 1, true), -ERR_MALFORMED);
    assert_int_equal(outcome_read(SPAN_LIT("{\"v\":1}"), &in), -ERR_MALFORMED);
    outcome_release(&in);
    assert_int_equal(outcome_read(SPAN_LIT(""), &in), -ERR_MALFORMED);
    outcome_release(&in);
}

static void test_every_cut_is_noticed(void **state)
{
    int64_t parts[] = {0, 7};
    struct outcome out = full(parts), in;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    outcome_write(&out, &b);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(outcome_read(span_make(b.ptr, len), &in), -ERR_MALFORMED);
        outcome_release(&in);
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_failed_child),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_every_cut_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
