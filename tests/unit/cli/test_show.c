/* Events as text and lines: parts in their order, and nothing of a model's in a line but words. */
#include "cli_test.h"
#include "sluice/show.h"

struct shown {
    struct buf out; /* text as it is, <reasoning>, and lines with their end */
};

static void on_text(struct span text, void *arg)
{
    struct shown *s = arg;
    assert_true(text.len > 0);
    assert_int_equal(buf_span(&s->out, text), 0);
}

static void on_reasoning(struct span text, void *arg)
{
    struct shown *s = arg;
    assert_int_equal(buf_printf(&s->out, "<%.*s>", SPAN_ARG(text)), 0);
}

static void on_line(struct span line, void *arg)
{
    struct shown *s = arg;
    assert_int_equal(buf_printf(&s->out, "%.*s\n", SPAN_ARG(line)), 0);
}

/* Each `type {json}`; what is shown of them is left in `s`. */
static void show(struct shown *s, const char *const *events, size_t count)
{
    struct show *show = show_new(
        &(struct show_sink){.text = on_text, .reasoning = on_reasoning, .line = on_line, .arg = s});
    buf_init(&s->out, 64 * 1024);
    for (size_t i = 0; i < count; i++) {
        struct span data = span_of(events[i]), type = span_cut(&data, ' ');
        struct json_doc *doc = NULL;
        assert_int_equal(json_parse(data, &doc, NULL), 0);
        show_event(show, &(struct sse_event){.type = type, .data = data}, json_root(doc));
        json_free(doc);
    }
    show_free(show);
}

#define assert_shown(text, ...)                                                                    \
    do {                                                                                           \
        static const char *const events[] = {__VA_ARGS__};                                         \
        struct shown s;                                                                            \
        show(&s, events, COUNT(events));                                                           \
        assert_put(&s.out, text);                                                                  \
    } while (0)

static void parts_come_in_order(void **state)
{
    (void)state;
    assert_shown("a1 a2\n\nb1 b2\n\nc", "queued {}",
                 "delta {\"part\":0,\"text\":\"a1 \",\"node\":\"a\"}",
                 "delta {\"part\":1,\"text\":\"b1 \",\"node\":\"b\"}",
                 "delta {\"part\":2,\"text\":\"c\",\"node\":\"c\"}",
                 "delta {\"part\":0,\"text\":\"a2\",\"node\":\"a\"}",
                 "step {\"node\":\"a\",\"status\":\"progress\"}",
                 "delta {\"part\":1,\"text\":\"b2\",\"node\":\"b\"}", "done {}");
}

static void a_node_that_is_over_lets_the_next_in(void **state)
{
    (void)state;
    assert_shown("a  2  a                    llm      finished  7 ms\n\n\nb", /* before the end */
                 "delta {\"part\":0,\"text\":\"a\",\"node\":\"a\"}",
                 "delta {\"part\":1,\"text\":\"b\",\"node\":\"b\"}",
                 "step "
                 "{\"step\":2,\"node\":\"a\",\"kind\":\"llm\",\"status\":\"finished\",\"ms\":7}");
}

static void reasoning_of_what_is_on(void **state)
{
    (void)state;
    assert_shown("<hm>a<so>b\n\nc", "reasoning {\"part\":0,\"text\":\"hm\"}",
                 "delta {\"part\":1,\"text\":\"a\"}", "reasoning {\"part\":0,\"text\":\"so\"}",
                 "reasoning {\"part\":0,\"text\":\"\",\"signature\":\"x\"}",
                 "refusal {\"part\":1,\"text\":\"b\"}", "delta {\"part\":2,\"text\":\"c\"}",
                 "reasoning {\"part\":3,\"text\":\"of one that waits\"}", "done {}");
}

static void lines_beside(void **state)
{
    (void)state;
    assert_shown("  1  look                 agent    failed  7 ms  connect: no  way\n"
                 "     look calls se  arch {\"q\":\"a b\"}\n"
                 "     got {\"n\": 1}\n"
                 "     error \"x\"\n"
                 "     source http://h/ T\n",
                 "step {\"step\":1,\"node\":\"look\",\"kind\":\"agent\",\"status\":\"failed\","
                 "\"ms\":7,\"error\":{\"code\":\"connect\",\"message\":\"no\\u001b\\u0007way\"}}",
                 "tool_call {\"node\":\"look\",\"name\":\"se\\u009b\\u007farch\",\"arguments\":"
                 "\"{\\\"q\\\":\\\"a\\nb\\\"}\"}",
                 "tool_result {\"result\":{\"n\": 1},\"is_error\":false}",
                 "tool_result {\"result\":\"x\",\"is_error\":true}",
                 "source {\"url\":\"http://h/\",\"title\":\"T\"}");
}

static void what_is_no_event_of_ours(void **state)
{
    (void)state;
    assert_shown("", "delta {\"part\":-1,\"text\":\"x\"}", "delta {\"part\":99999,\"text\":\"x\"}",
                 "delta {\"text\":\"x\"}", "news {\"text\":\"x\"}", "delta {\"part\":0}",
                 "done {}");
}

static void long_texts_are_cut_at_a_character(void **state)
{
    char text[400];
    struct buf out;
    (void)state;
    memset(text, 'x', 159);
    for (size_t i = 159; i < sizeof text - 1; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    buf_init(&out, 1024);
    show_put_short(span_make(text, sizeof text - 1), &out);
    assert_int_equal(out.len, 159 + 4);
    assert_string_equal(out.ptr + 159, " ...");
    buf_release(&out);
}

static void ends(void **state)
{
    static const struct {
        const char *type, *data, *line;
    } rows[] = {
        {"done", "{\"finish_reason\":\"stop\"}", "done: stop"},
        {"stopped", "{\"reason\":\"user\",\"finish_reason\":\"x\"}", "stopped: user"},
        {"failed", "{\"error\":{\"message\":\"a\\nb\"}}", "failed: a b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_doc *doc = NULL;
        struct buf out;
        buf_init(&out, 1024);
        assert_int_equal(json_parse(span_of(rows[i].data), &doc, NULL), 0);
        show_put_end(span_of(rows[i].type), json_root(doc), &out);
        json_free(doc);
        assert_put(&out, rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_in_order),
        cmocka_unit_test(a_node_that_is_over_lets_the_next_in),
        cmocka_unit_test(reasoning_of_what_is_on),
        cmocka_unit_test(lines_beside),
        cmocka_unit_test(what_is_no_event_of_ours),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
