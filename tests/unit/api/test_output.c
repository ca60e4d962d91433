/* Output put together from a log: parts in order, resets, tool calls, and nothing where nothing was
 * said. */
#include "api/output.h"
#include "wire/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct output output;
    struct buf event;
    int64_t seq;
};

static int setup(void **state)
{
    static struct fixture f;
    f.seq = 0;
    output_init(&f.output, 4096);
    buf_init(&f.event, 4096);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    output_release(&f->output);
    buf_release(&f->event);
    return 0;
}

static void say(struct fixture *f, enum event_kind kind, int64_t part, const char *text)
{
    struct piece piece = {.kind = kind, .part = part, .text = span_of(text)};
    buf_reset(&f->event);
    event_put_piece(&f->event, ++f->seq, &piece);
    output_add(&f->output, buf_as_span(&f->event));
}

static void call(struct fixture *f, int64_t part, const char *id, const char *name,
                 const char *arguments)
{
    struct call_piece piece = {.kind = EVENT_TOOL_CALL,
                               .part = part,
                               .call_id = span_of(id),
                               .name = span_of(name),
                               .arguments = span_of(arguments)};
    buf_reset(&f->event);
    event_put_call(&f->event, ++f->seq, &piece);
    output_add(&f->output, buf_as_span(&f->event));
}

static void reset_after(struct fixture *f, int64_t after)
{
    buf_reset(&f->event);
    struct mp_fields fields = event_begin_map(&f->event, ++f->seq, EVENT_RESET, 1);
    mp_field_int(&fields, "after", after);
    mp_fields_end(&fields);
    output_add(&f->output, buf_as_span(&f->event));
}

static void assert_output(struct fixture *f, const char *want)
{
    struct buf json;
    buf_init(&json, 4096);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    output_put(&f->output, &w);
    json_close(&w);
    assert_string_equal(json.ptr, want);
    buf_release(&json);
}

static void test_the_text_alone(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 4096);
    assert_false(output_text(&f->output, &text));
    say(f, EVENT_REASONING, 0, "hm");
    assert_false(output_text(&f->output, &text));
    say(f, EVENT_DELTA, 1, "one ");
    say(f, EVENT_DELTA, 2, "three");
    say(f, EVENT_DELTA, 1, "two");
    assert_true(output_text(&f->output, &text));
    assert_true(span_is(buf_as_span(&text), "one two\n\nthree"));
    buf_release(&text);
}

static void test_nothing_said_is_null(void **state)
{
    assert_output(*state, "{\"output\":{\"text\":null,\"reasoning\":null,\"tool_calls\":null}}");
}

static void test_pieces_join(void **state)
{
    say(*state, EVENT_REASONING, 0, "hm");
    say(*state, EVENT_DELTA, 1, "one ");
    say(*state, EVENT_DELTA, 1, "two");
    assert_output(*state,
                  "{\"output\":{\"text\":\"one two\",\"reasoning\":\"hm\",\"tool_calls\":null}}");
}

static void test_parallel_parts_do_not_mix(void **state)
{
    say(*state, EVENT_DELTA, 1, "b1");
    say(*state, EVENT_DELTA, 0, "a1");
    say(*state, EVENT_DELTA, 1, "b2");
    say(*state, EVENT_DELTA, 0, "a2");
    assert_output(
        *state,
        "{\"output\":{\"text\":\"a1a2\\n\\nb1b2\",\"reasoning\":null,\"tool_calls\":null}}");
}

static void test_reset_voids_what_came_after(void **state)
{
    say(*state, EVENT_DELTA, 0, "keep");
    say(*state, EVENT_DELTA, 0, "drop");
    call(*state, 1, "c", "f", "{}");
    reset_after(*state, 1);
    say(*state, EVENT_DELTA, 0, " this");
    assert_output(*state,
                  "{\"output\":{\"text\":\"keep this\",\"reasoning\":null,\"tool_calls\":null}}");
}

static void test_tool_calls(void **state)
{
    call(*state, 0, "c1", "add", "{\"a\":1}");
    call(*state, 1, "c2", "now", "");
    assert_output(*state, "{\"output\":{\"text\":null,\"reasoning\":null,\"tool_calls\":["
                          "{\"call_id\":\"c1\",\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"},"
                          "{\"call_id\":\"c2\",\"name\":\"now\",\"arguments\":\"\"}]}}");
}

static void test_broken_events_are_passed_by(void **state)
{
    struct fixture *f = *state;
    output_add(&f->output, SPAN_LIT("\xdd\xff\xff\xff\xff"));
    output_add(&f->output, SPAN_LIT(""));
    say(f, EVENT_DELTA, 0, "x");
    assert_output(f, "{\"output\":{\"text\":\"x\",\"reasoning\":null,\"tool_calls\":null}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_text_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_said_is_null, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parallel_parts_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_voids_what_came_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tool_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_events_are_passed_by, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
