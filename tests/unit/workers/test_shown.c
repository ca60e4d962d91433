/* A log read back: the reply put together again, and what a reset voids. */
#include "stream/shown.h"

#include "base/err.h"
#include "worker_test.h"

struct fixture {
    struct reply reply;
    struct shown shown;
    int64_t seq;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.seq = 0};
    reply_init(&f.reply, 4096);
    shown_init(&f.shown, &f.reply);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    shown_release(&f->shown);
    reply_release(&f->reply);
    return 0;
}

static int put(struct fixture *f, struct buf *b)
{
    int rc = shown_put(&f->shown, buf_as_span(b));
    buf_release(b);
    return rc;
}

static void put_map(struct fixture *f, enum event_kind kind, const char *name, const char *text,
                    int64_t number)
{
    struct buf b;
    buf_init(&b, 4096);
    struct mp_fields fields = event_begin_map(&b, ++f->seq, kind, 5);
    if (text != NULL)
        mp_field_str(&fields, name, span_of(text));
    else
        mp_field_int(&fields, name, number);
    mp_fields_end(&fields);
    assert_int_equal(put(f, &b), 0);
}

static void put_piece(struct fixture *f, enum event_kind kind, int64_t part, const char *text)
{
    struct buf b;
    buf_init(&b, 4096);
    event_put_piece(&b, ++f->seq,
                    &(struct piece){.kind = kind, .part = part, .text = span_of(text)});
    assert_int_equal(put(f, &b), 0);
}

static void begin(struct fixture *f)
{
    put_map(f, EVENT_QUEUED, "position", NULL, 0);
    put_map(f, EVENT_STARTED, "model", "first", 0);
}

static void the_reply_is_put_together_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(f->shown.first_visible, 0);
    put_piece(f, EVENT_REASONING, 0, "hm");
    put_piece(f, EVENT_DELTA, 1, "one ");
    put_map(f, EVENT_STARTED, "model", "second", 0);
    put_piece(f, EVENT_DELTA, 1, "two");
    assert_span(buf_as_span(&f->reply.content.text), SPAN_LIT("one two"));
    assert_span(buf_as_span(&f->reply.reasoning.text), SPAN_LIT("hm"));
    assert_string_equal(f->shown.model, "second");
    assert_int_equal(f->shown.first_visible, 3);
    assert_int_equal(f->shown.parts, 2);
    assert_int_equal(f->shown.text_part, 1);
    assert_int_equal(f->shown.bytes, 9);
    assert_int_equal(f->shown.seq, 6);
    assert_false(f->reply.has_calls);
}

static void a_reset_voids_what_was_shown(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_piece(f, EVENT_DELTA, 0, "one");
    put_map(f, EVENT_RESET, "after", NULL, 2);
    assert_int_equal(f->shown.first_visible, 0);
    assert_int_equal(f->shown.parts, 0);
    assert_int_equal(f->shown.text_part, -1);
    assert_true(reply_is_empty(&f->reply));
    put_piece(f, EVENT_DELTA, 0, "two");
    assert_int_equal(f->shown.first_visible, 5);
    assert_span(buf_as_span(&f->reply.content.text), SPAN_LIT("two"));
}

static void a_fragment_of_a_call_is_a_call(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    begin(f);
    buf_init(&b, 4096);
    event_put_call(&b, ++f->seq,
                   &(struct call_piece){.kind = EVENT_TOOL_CALL_DELTA,
                                        .part = 2,
                                        .call_id = SPAN_LIT("c"),
                                        .name = SPAN_LIT("look"),
                                        .arguments = SPAN_LIT("{")});
    assert_int_equal(put(f, &b), 0);
    assert_true(f->reply.has_calls);
    assert_int_equal(f->shown.parts, 3);
    assert_int_equal(f->shown.first_visible, 3);
}

static void what_is_not_the_next_event_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    assert_int_equal(shown_put(&f->shown, SPAN_LIT("x")), -ERR_MALFORMED);
    begin(f);
    buf_init(&b, 4096);
    event_put_piece(&b, f->seq + 2, &(struct piece){.kind = EVENT_DELTA, .text = SPAN_LIT("late")});
    assert_int_equal(put(f, &b), -ERR_MALFORMED);
    assert_true(reply_is_empty(&f->reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_reply_is_put_together_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_voids_what_was_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fragment_of_a_call_is_a_call, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_the_next_event_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
