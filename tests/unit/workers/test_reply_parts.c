/* The reply in parts: numbers in order of start, texts in order of part, and the forms it is kept
 * in. */
#include "graph/reply_parts.h"

#include "worker_test.h"

struct fixture {
    struct reply_parts parts;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;
    reply_parts_init(&f.parts, 1000);
    buf_init(&f.out, 64 * 1024);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reply_parts_release(&f->parts);
    buf_release(&f->out);
    return 0;
}

/* Two nodes at once, and one that thinks aloud. */
static void fill(struct fixture *f)
{
    struct reply_parts *p = &f->parts;
    int64_t a = reply_parts_add(p, EVENT_DELTA, SPAN_LIT("both/a"));
    int64_t b = reply_parts_add(p, EVENT_DELTA, SPAN_LIT("both/b"));
    int64_t thought = reply_parts_add(p, EVENT_REASONING, SPAN_LIT("both/b"));
    int64_t call = reply_parts_add(p, EVENT_TOOL_CALL, SPAN_LIT("desk"));
    assert_int_equal(a, 0);
    assert_int_equal(call, 3);
    reply_parts_put(p, b, SPAN_LIT("B1 "));
    reply_parts_put(p, a, SPAN_LIT("A1 "));
    reply_parts_put(p, thought, SPAN_LIT("hm"));
    reply_parts_put(p, b, SPAN_LIT("B2"));
    reply_parts_put(p, a, SPAN_LIT("A2"));
}

static void test_texts_in_order(void **state)
{
    struct fixture *f = *state;
    fill(f);
    reply_parts_text(&f->parts, EVENT_DELTA, &f->out);
    assert_span(buf_as_span(&f->out), SPAN_LIT("A1 A2\n\nB1 B2"));
}

static void test_numbers_of_a_log(void **state)
{
    struct reply_parts *p = &((struct fixture *)*state)->parts;
    reply_parts_add_at(p, 5, EVENT_DELTA, SPAN_LIT("e"));
    reply_parts_add_at(p, 2, EVENT_DELTA, SPAN_LIT("b"));
    reply_parts_add_at(p, 5, EVENT_REASONING, SPAN_LIT("other")); /* there already */
    assert_int_equal(p->count, 2);
    assert_int_equal(p->items[0].number, 2);
    assert_string_equal(reply_parts_find(p, 5)->node, "e");
    assert_null(reply_parts_find(p, 3));
    assert_int_equal(reply_parts_add(p, EVENT_DELTA, SPAN_LIT("f")), 6);
    reply_parts_drop(p, 5);
    assert_null(reply_parts_find(p, 5));
    assert_int_equal(reply_parts_find(p, 6)->number, 6);
}

static struct span field(struct fixture *f, const char *name)
{
    static struct mp_doc *doc;
    if (doc != NULL)
        mp_close(doc);
    doc = NULL;
    if (name == NULL)
        return SPAN_NONE;
    assert_int_equal(mp_open(buf_as_span(&f->out), &doc), 0);
    return mp_str(mp_get(mp_root(doc), name), SPAN_NONE);
}

static void test_message(void **state)
{
    struct fixture *f = *state;
    fill(f);
    reply_parts_put_message(&f->parts,
                            &(struct reply_parts_facts){.id = SPAN_LIT("msg_1"),
                                                        .generation = SPAN_LIT("gen_1"),
                                                        .graph = SPAN_LIT("ask"),
                                                        .model = SPAN_NONE,
                                                        .finish_reason = SPAN_LIT("stop"),
                                                        .steps = SPAN_LIT("[{\"step\":1}]"),
                                                        .created_at_ms = 5,
                                                        .usage = usage_none()},
                            &f->out);
    assert_int_equal(buf_error(&f->out), 0);
    assert_span(field(f, "content"), SPAN_LIT("A1 A2\n\nB1 B2"));
    assert_span(field(f, "reasoning"), SPAN_LIT("hm"));
    assert_span(field(f, "role"), SPAN_LIT("assistant"));
    assert_span(field(f, "model"), SPAN_NONE);
    assert_span(field(f, "tool_calls"), SPAN_NONE);
    assert_span(field(f, "metadata"), SPAN_LIT("{\"graph\":\"ask\",\"steps\":[{\"step\":1}]}"));
    (void)field(f, NULL);
}

static void test_a_refusal_alone(void **state)
{
    struct fixture *f = *state;
    int64_t part = reply_parts_add(&f->parts, EVENT_REFUSAL, SPAN_LIT("a"));
    reply_parts_put(&f->parts, part, SPAN_LIT("No."));
    reply_parts_put_message(&f->parts, &(struct reply_parts_facts){.steps = SPAN_LIT("[]")},
                            &f->out);
    assert_span(field(f, "content"), SPAN_LIT("No."));
    (void)field(f, NULL);
}

static void test_output(void **state)
{
    struct fixture *f = *state;
    reply_parts_put_output(&f->parts, &f->out);
    assert_string_equal(f->out.ptr, "{\"text\":null,\"reasoning\":null,\"tool_calls\":null}");
    buf_reset(&f->out);
    fill(f);
    reply_parts_put_output(&f->parts, &f->out);
    assert_string_equal(f->out.ptr,
                        "{\"text\":\"A1 A2\\n\\nB1 B2\",\"reasoning\":\"hm\",\"tool_calls\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_texts_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_of_a_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
