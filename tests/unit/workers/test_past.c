/* A graph's log read back: parts, what a reset voids, what is half-shown. */
#include "graph/past.h"

#include "base/err.h"
#include "worker_test.h"

struct fixture {
    struct past past;
    int64_t seq;
};

static int setup(void **state)
{
    static struct fixture f;
    f.seq = 0;
    past_init(&f.past, 4096);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    past_release(&f->past);
    return 0;
}

static int put(struct fixture *f, struct buf *b)
{
    int rc = past_put(&f->past, buf_as_span(b));
    buf_release(b);
    return rc;
}

static void put_piece(struct fixture *f, enum event_kind kind, int64_t part, const char *node,
                      const char *text)
{
    struct buf b;
    buf_init(&b, 4096);
    event_put_piece(
        &b, ++f->seq,
        &(struct piece){.kind = kind, .part = part, .text = span_of(text), .node = span_of(node)});
    assert_int_equal(put(f, &b), 0);
}

static void put_call(struct fixture *f, int64_t part, const char *node)
{
    struct buf b;
    buf_init(&b, 4096);
    event_put_call(&b, ++f->seq,
                   &(struct call_piece){.kind = EVENT_TOOL_CALL,
                                        .part = part,
                                        .call_id = SPAN_LIT("c"),
                                        .name = SPAN_LIT("n"),
                                        .arguments = SPAN_LIT("{}"),
                                        .node = span_of(node)});
    assert_int_equal(put(f, &b), 0);
}

static void put_step(struct fixture *f, int64_t step, const char *node, const char *kind,
                     const char *status)
{
    struct buf b;
    buf_init(&b, 4096);
    struct mp_fields fields = event_begin_map(&b, ++f->seq, EVENT_STEP, 5);
    mp_field_int(&fields, "step", step);
    mp_field_str(&fields, "node", span_of(node));
    mp_field_str(&fields, "kind", span_of(kind));
    mp_field_str(&fields, "status", span_of(status));
    mp_field_int(&fields, "ms", 12);
    mp_fields_end(&fields);
    assert_int_equal(put(f, &b), 0);
}

static void put_reset(struct fixture *f, int64_t after)
{
    struct buf b;
    buf_init(&b, 4096);
    struct mp_fields fields = event_begin_map(&b, ++f->seq, EVENT_RESET, 5);
    mp_field_int(&fields, "after", after);
    mp_fields_end(&fields);
    assert_int_equal(put(f, &b), 0);
}

static void check_part(const struct fixture *f, int64_t number, const char *text)
{
    const struct reply_part *part = reply_parts_find(&f->past.parts, number);
    assert_non_null(part);
    assert_span(buf_as_span(&part->text), span_of(text));
}

/* 1: a's text, 2: it is over; 3 to 6: b and c at once; 7: c is over. */
static void put_story(struct fixture *f)
{
    put_piece(f, EVENT_DELTA, 0, "a", "first");
    put_step(f, 1, "a", "llm", "finished");
    put_piece(f, EVENT_DELTA, 1, "both/b", "b1");
    put_piece(f, EVENT_DELTA, 2, "both/c", "c1");
    put_piece(f, EVENT_DELTA, 1, "both/b", "b2");
    put_piece(f, EVENT_DELTA, 2, "both/c", "c2");
    put_step(f, 2, "both/c", "llm", "finished");
    reply_parts_find(&f->past.parts, 0)->is_whole = true;
    reply_parts_find(&f->past.parts, 2)->is_whole = true;
}

static void test_parts(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    check_part(f, 0, "first");
    check_part(f, 1, "b1b2");
    check_part(f, 2, "c1c2");
    assert_int_equal(f->past.bytes, 5 + 4 + 4);
    assert_int_equal(f->past.step_count, 2);
    assert_string_equal(f->past.steps[1].node, "both/c");
    assert_int_equal(f->past.steps[1].seq, 7);
    assert_int_equal(f->past.steps[1].ms, 12);
}

static void test_half_shown(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    struct past_half half = past_half(&f->past);
    assert_int_equal(half.count, 1);
    assert_int_equal(half.first, 3);
    assert_string_equal(half.only->node, "both/b");
    assert_int_equal(past_shown_until(&f->past, 2, half.first - 1), 0);
    assert_int_equal(past_shown_until(&f->past, 2, 4), 2);
    assert_int_equal(past_shown_until(&f->past, 2, 100), 4);
    reply_parts_find(&f->past.parts, 1)->is_whole = true;
    half = past_half(&f->past);
    assert_int_equal(half.count, 0);
    assert_int_equal(half.first, 0);
    assert_null(half.only);
}

static void test_several_half_shown(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    put_call(f, 3, "desk");
    struct past_half half = past_half(&f->past);
    assert_int_equal(half.count, 2);
    assert_int_equal(half.first, 3);
    assert_null(half.only);
}

static void test_a_reset_voids_what_came_behind(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    put_reset(f, 4);
    check_part(f, 0, "first");
    check_part(f, 1, "b1");
    check_part(f, 2, "c1");
    assert_int_equal(f->past.step_count, 1);
    assert_int_equal(f->past.bytes, 5 + 2 + 2);
    put_reset(f, 2);
    assert_null(reply_parts_find(&f->past.parts, 1));
    assert_null(reply_parts_find(&f->past.parts, 2));
    put_piece(f, EVENT_DELTA, 1, "both/b", "anew");
    check_part(f, 1, "anew");
    put_reset(f, 0);
    assert_int_equal(f->past.parts.count, 0);
    assert_int_equal(f->past.bytes, 0);
}

static void put_result(struct fixture *f, const char *node, const char *result)
{
    struct buf b;
    buf_init(&b, 4096);
    struct mp_fields fields = event_begin_map(&b, ++f->seq, EVENT_TOOL_RESULT, 5);
    mp_field_str(&fields, "call_id", SPAN_LIT("c"));
    mp_field_str(&fields, "result", span_of(result));
    mp_field_bool(&fields, "is_error", true);
    mp_field_str(&fields, "node", span_of(node));
    mp_fields_end(&fields);
    assert_int_equal(put(f, &b), 0);
}

/* 1 to 3: a call of desk is kept and has its result; 4 to 6: one of the same id; 7: another's. */
static void test_calls_of_tools(void **state)
{
    struct fixture *f = *state;
    const struct past *p = &f->past;
    put_call(f, 0, "desk");
    put_step(f, 1, "desk", "agent", "progress");
    put_result(f, "desk", "1");
    put_call(f, 1, "desk");
    assert_false(p->calls[1].is_kept);
    put_result(f, "desk", "2");
    put_step(f, 1, "desk", "agent", "finished");
    put_call(f, 2, "other");
    put_result(f, "nobody", "3");
    assert_int_equal(p->call_count, 3);
    assert_int_equal(p->calls[0].seq, 1);
    assert_int_equal(p->calls[0].result_seq, 3);
    assert_string_equal(p->calls[0].result, "1");
    assert_true(p->calls[0].is_kept && p->calls[1].is_kept && p->calls[1].is_error);
    assert_string_equal(p->calls[1].result, "2");
    assert_string_equal(p->calls[1].arguments, "{}");
    assert_false(p->calls[2].is_kept);
    assert_int_equal(p->calls[2].result_seq, 0);
    put_reset(f, 4); /* the second call stays, its result is void */
    assert_int_equal(p->call_count, 2);
    assert_int_equal(p->calls[1].part, 1);
    assert_null(p->calls[1].result);
    put_reset(f, 0);
    assert_int_equal(p->call_count, 0);
}

static void test_ends_that_are_void_are_told_again(void **state)
{
    struct fixture *f = *state;
    put_step(f, 1, "a", "llm", "started");
    put_step(f, 1, "a", "llm", "finished");
    put_step(f, 2, "b", "llm", "started");
    put_reset(f, 1);
    put_step(f, 1, "a", "llm", "finished");
    assert_int_equal(f->past.open_models, 1); /* b, of which nobody knows what it used */
}

static void test_models_under_way(void **state)
{
    struct fixture *f = *state;
    put_step(f, 1, "a", "llm", "started");
    put_step(f, 1, "s", "set", "started");
    assert_int_equal(f->past.open_models, 1);
    put_step(f, 1, "a", "llm", "retrying");
    put_step(f, 2, "b", "agent", "started");
    assert_int_equal(f->past.open_models, 2);
    put_step(f, 1, "a", "llm", "failed");
    put_step(f, 2, "b", "agent", "finished");
    assert_int_equal(f->past.open_models, 0);
}

static void test_what_is_no_log(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    assert_int_equal(past_put(&f->past, SPAN_LIT("x")), -ERR_MALFORMED);
    buf_init(&b, 4096);
    event_put_piece(&b, 2, &(struct piece){.kind = EVENT_DELTA, .text = SPAN_LIT("x")});
    assert_int_equal(put(f, &b), -ERR_MALFORMED); /* 1 is missing */
    buf_init(&b, 4096);
    event_put_piece(&b, 1, &(struct piece){.kind = EVENT_DELTA, .part = -1, .text = SPAN_LIT("x")});
    assert_int_equal(put(f, &b), -ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_half_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reset_voids_what_came_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_models_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_of_tools, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_that_are_void_are_told_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_log, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
