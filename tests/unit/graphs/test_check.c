/* The expressions of a graph, compiled: where each that is wrong stands, and what is wrong. */
#include "graphs/check.h"

#include "jq_fixture.h"

#include <stdlib.h>

struct outcome {
    struct fixture *f;
    int times, status, problems;
    char message[1024];
};

static void on_checked(int status, const char *message, void *arg)
{
    struct outcome *o = arg;
    o->times++;
    o->status = status;
    (void)snprintf(o->message, sizeof o->message, "%s", message == NULL ? "" : message);
    loop_stop(o->f->loop);
}

static void on_problem(const char *message, void *arg)
{
    struct outcome *o = arg;
    assert_memory_equal(message, "g.yaml:", 7);
    o->problems++;
}

/* A graph of one step with these two expressions. */
static struct graph *graph_of(const char *value, const char *condition)
{
    struct graph *graph = NULL;
    struct err err = {.code = ERR_OK};
    struct buf text;
    buf_init(&text, 8192);
    assert_int_equal(
        buf_printf(&text,
                   "graph: g\nstart: a\nnodes:\n"
                   "  - {id: a, kind: set, value: '%s', visible: true, next: b}\n"
                   "  - id: b\n    kind: branch\n    cases:\n      - if: '%s'\n        then: end\n"
                   "    else: end\n",
                   value, condition),
        0);
    if (graph_read(buf_as_span(&text), "g.yaml", &graph, &err) != 0)
        fail_msg("%s", err.message);
    buf_release(&text);
    return graph;
}

static struct outcome check(struct fixture *f, const char *value, const char *condition)
{
    struct outcome o = {.f = f};
    struct graph *graph = graph_of(value, condition);
    assert_non_null(graph_check(f->jq, graph, on_checked, &o));
    assert_int_equal(o.times, 0);
    loop_run(f->loop);
    assert_int_equal(o.times, 1);
    graph_free(graph);
    return o;
}

static void passes_what_compiles(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ});
    struct outcome o = check(&f, ".input.message", ".out.a == \"x\"");
    assert_string_equal(o.message, "");
    assert_int_equal(o.status, 0);
    fixture_end(&f);
}

static void says_where_one_does_not(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ});
    struct outcome o = check(&f, ".input.message", ".out.a == nowhere");
    assert_int_equal(o.status, -ERR_CONFIG);
    assert_memory_equal(o.message, "g.yaml:8:", 9);
    assert_non_null(strstr(o.message, "`.out.a == nowhere`"));
    assert_non_null(strstr(o.message, "nowhere/0 is not defined"));
    o = check(&f, ".input |", "true");
    assert_int_equal(o.status, -ERR_CONFIG);
    assert_memory_equal(o.message, "g.yaml:4:", 9);
    fixture_end(&f);
}

static void counts_lines_within_an_expression(void **state)
{
    struct fixture f;
    struct err err = {.code = ERR_OK};
    struct graph *graph = NULL;
    struct outcome o = {.f = &f};
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ});
    assert_int_equal(graph_read(SPAN_LIT("graph: g\nstart: a\nnodes:\n  - id: a\n    kind: set\n"
                                         "    visible: true\n    next: end\n    value: |\n"
                                         "      .input\n      | nowhere\n      | .message\n"),
                                "g.yaml", &graph, &err),
                     0);
    (void)graph_check(f.jq, graph, on_checked, &o);
    loop_run(f.loop);
    assert_int_equal(o.status, -ERR_CONFIG);
    assert_memory_equal(o.message, "g.yaml:10:", 10);
    graph_free(graph);
    fixture_end(&f);
}

static void tells_all_that_do_not(void **state)
{
    static const struct {
        const char *value, *condition;
        int problems;
    } cases[] = {
        {"nowhere", ".a |", 2}, {"nowhere", "true", 1}, {".", "nowhere", 1}, {".", ".", 0}};
    struct fixture f;
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = {.f = &f};
        struct graph *graph = graph_of(cases[i].value, cases[i].condition);
        (void)graph_check_all(f.jq, graph, on_problem, on_checked, &o);
        loop_run(f.loop);
        assert_int_equal(o.times, 1);
        assert_int_equal(o.problems, cases[i].problems);
        assert_int_equal(o.status, cases[i].problems > 0 ? -ERR_CONFIG : 0);
        assert_memory_equal(o.message, "g.yaml:", cases[i].problems > 0 ? 7 : 0);
        graph_free(graph);
    }
    fixture_end(&f);
}

static void says_when_it_cannot_tell(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = "/nowhere/sluice-jq"});
    struct outcome o = check(&f, ".", "true");
    assert_int_equal(o.status, -ERR_UNAVAILABLE);
    assert_non_null(strstr(o.message, "/nowhere/sluice-jq"));
    fixture_end(&f);
}

static void is_silent_after_cancel(void **state)
{
    struct fixture f;
    struct outcome o = {.f = &f};
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ}); /* which may skip */
    struct graph *graph = graph_of(".", "true");
    graph_check_cancel(graph_check(f.jq, graph, on_checked, &o));
    graph_check_cancel(NULL);
    assert_value(&f, "1", ".", "1");
    assert_int_equal(o.times, 0);
    graph_free(graph);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_compiles),
        cmocka_unit_test(says_where_one_does_not),
        cmocka_unit_test(counts_lines_within_an_expression),
        cmocka_unit_test(tells_all_that_do_not),
        cmocka_unit_test(says_when_it_cannot_tell),
        cmocka_unit_test(is_silent_after_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
