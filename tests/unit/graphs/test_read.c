/* Graph files that are well: what the graph then has, where things stand, and what stands where the
 * file says nothing. */
#include "base/mem.h"
#include "graphs/library.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER SLUICE_SOURCE_DIR "/tests/unit/graphs/good/"

static void on_problem(const char *message, void *arg)
{
    (void)arg;
    print_error("%s\n", message);
}

static struct graph *loaded(const char *name)
{
    struct graph *graph = NULL;
    char *path = mem_printf("%s%s", FOLDER, name);
    assert_int_equal(graph_load(path, on_problem, NULL, &graph, NULL), 0);
    mem_free(path);
    return graph;
}

static struct graph *read_text(const char *text)
{
    struct graph *graph = NULL;
    assert_int_equal(graph_read_all(span_of(text), "x.yaml", on_problem, NULL, &graph, NULL), 0);
    return graph;
}

static const struct graph_node *node(const struct graph *graph, const char *id)
{
    const struct graph_node *found = graph_node(graph, id);
    assert_non_null(found);
    assert_string_equal(found->id, id);
    return found;
}

static void is_template(const struct template *t, const char *first, const char *second)
{
    const char *texts[] = {first, second};
    assert_int_equal(t->count, second == NULL ? 1 : 2);
    for (size_t i = 0; i < t->count; i++)
        assert_string_equal(t->pieces[i].kind == PIECE_EXPR ? t->pieces[i].expr->text
                                                            : t->pieces[i].text,
                            texts[i]);
}

static void the_example_of_the_design(void **state)
{
    (void)state;
    struct graph *graph = loaded("support.yaml");
    assert_string_equal(graph->name, "support");
    assert_string_equal(graph->start, "classify");
    assert_int_equal(graph->limits.steps, 50);
    assert_int_equal(graph->limits.steps_at.line, 3);
    assert_int_equal(graph->limits.steps_at.column, 17);
    assert_int_equal(graph->limits.seconds, 300);
    assert_int_equal(graph->limits.state_bytes, 262144);
    assert_int_equal(graph->node_count, 12);
    assert_int_equal(graph->tool_count, 1);
    const struct graph_tool *tool = graph_tool(graph, "find_order");
    assert_non_null(tool);
    assert_null(graph_tool(graph, "find"));
    assert_string_equal(tool->description, "Look up an order by its number.");
    assert_string_equal(
        tool->parameters,
        "{\"type\":\"object\",\"properties\":{\"number\":{\"type\":\"string\"}},\"required\":"
        "[\"number\"]}");
    assert_string_equal(tool->request.method, "GET");
    assert_int_equal(tool->request.effect, EFFECT_NONE);
    assert_int_equal(tool->request.timeout_ms, 10000);
    assert_int_equal(tool->request.max_bytes, 32768);
    assert_null(tool->request.body);
    is_template(&tool->request.url, "https://crm.example/orders/", ".args.number");
    assert_int_equal(tool->request.header_count, 1);
    assert_string_equal(tool->request.headers[0].name, "Authorization");
    is_template(&tool->request.headers[0].value, "Bearer ", "crm");
    assert_int_equal(tool->request.headers[0].value.pieces[1].kind, PIECE_SECRET);
    assert_int_equal(tool->expr_count, 1);
    graph_free(graph);
}

static void the_nodes_that_speak(void **state)
{
    (void)state;
    struct graph *graph = loaded("support.yaml");
    const struct graph_node *classify = node(graph, "classify");
    assert_int_equal(classify->kind, GRAPH_LLM);
    assert_string_equal(classify->of.llm.model, "small");
    assert_false(classify->of.llm.wants_history);
    assert_false(classify->is_visible);
    assert_true(classify->of.llm.wants_json);
    assert_string_equal(classify->next, "route");
    assert_string_equal(classify->on_error, "chat");
    assert_string_equal(classify->of.llm.params, "{\"temperature\":0,\"max_tokens\":20}");
    assert_int_equal(classify->retry.times, 1);
    assert_int_equal(classify->retry.on, RETRY_BAD_JSON);
    assert_int_equal(classify->retry.backoff_ms, 0);
    is_template(&classify->of.llm.prompt, ".input.message", NULL);
    assert_int_equal(classify->expr_count, 1);
    assert_int_equal(classify->timeout_ms, 0);
    const struct graph_node *desk = node(graph, "desk");
    assert_int_equal(desk->kind, GRAPH_AGENT);
    assert_true(desk->is_visible && desk->of.llm.wants_history);
    assert_int_equal(desk->of.llm.max_turns, 6);
    assert_int_equal(desk->of.llm.tool_count, 1);
    assert_ptr_equal(desk->of.llm.tools[0], graph_tool(graph, "find_order"));
    assert_int_equal(desk->retry.times, 0);
    assert_null(desk->on_error);
    const struct graph_node *which = node(graph, "which");
    assert_int_equal(which->kind, GRAPH_ASK);
    assert_int_equal(which->of.ask.expires_ms, 86400000);
    is_template(&which->of.ask.prompt, "Which order number?", NULL);
    graph_free(graph);
}

static void the_other_nodes(void **state)
{
    (void)state;
    struct graph *graph = loaded("support.yaml");
    const struct graph_node *route = node(graph, "route");
    assert_null(route->next);
    assert_int_equal(route->of.branch.count, 2);
    assert_string_equal(route->of.branch.cases[1].condition->text,
                        ".out.classify.kind == \"many\"");
    assert_string_equal(route->of.branch.cases[1].then, "split");
    assert_string_equal(route->of.branch.otherwise, "chat");
    assert_int_equal(route->expr_count, 2);
    const struct graph_node *lookup = node(graph, "lookup");
    assert_string_equal(lookup->of.http.request.method, "POST");
    assert_int_equal(lookup->of.http.request.effect, EFFECT_NONE);
    assert_int_equal(lookup->of.http.request.timeout_ms, 30000);
    assert_int_equal(lookup->of.http.request.max_bytes, 65536);
    assert_true(lookup->of.http.wants_json);
    assert_int_equal(lookup->of.http.expect_count, 1);
    assert_int_equal(lookup->of.http.expect[0], 200);
    assert_int_equal(lookup->retry.on, RETRY_CONNECT | RETRY_5XX);
    const struct value *body = lookup->of.http.request.body;
    assert_int_equal(body->kind, VALUE_MAP);
    assert_int_equal(body->count, 2);
    assert_string_equal(body->items[0].name, "query");
    is_template(&body->items[0].text, ".out.again.message", NULL);
    assert_int_equal(body->items[1].kind, VALUE_JSON);
    assert_string_equal(body->items[1].json, "5");
    const struct graph_node *each = node(graph, "each");
    assert_string_equal(each->of.map.over->text, ".out.split");
    assert_int_equal(each->of.map.concurrency, 4);
    assert_true(each->of.map.is_fast);
    assert_int_equal(graph_child_count(each), 1);
    assert_string_equal(graph_child(each, 0)->id, "do");
    assert_null(graph_child(each, 0)->next);
    assert_int_equal(each->expr_count, 1); /* not the child's */
    assert_int_equal(graph_child(each, 0)->expr_count, 1);
    const struct graph_node *both = node(graph, "both");
    assert_false(both->of.parallel.is_fast);
    assert_int_equal(graph_child_count(both), 2);
    assert_string_equal(both->of.parallel.branches[0].name, "short");
    assert_true(graph_child(both, 0)->is_visible);
    assert_string_equal(graph_child(both, 1)->of.sub.graph, "review");
    assert_int_equal(graph_child(both, 1)->of.sub.input->kind, VALUE_MAP);
    assert_null(graph_node(graph, "end"));
    assert_int_equal(graph_child_count(route), 0);
    graph_free(graph);
}

/* Every one is where the graph says, and belongs to one node or tool. */
static void expressions_are_numbered(void **state)
{
    (void)state;
    static const char *const files[] = {"support.yaml", "requests.yaml", "styles.yaml"};
    for (size_t f = 0; f < 3; f++) {
        struct graph *graph = loaded(files[f]);
        size_t count = 0;
        for (size_t i = 0; i < graph->expr_count; i++)
            assert_int_equal(graph->exprs[i]->index, i);
        for (size_t i = 0; i < graph->tool_count; i++)
            count += graph->tools[i].expr_count;
        for (size_t i = 0; i < graph->node_count; i++) {
            count += graph->nodes[i].expr_count;
            for (size_t j = 0; j < graph_child_count(&graph->nodes[i]); j++)
                count += graph_child(&graph->nodes[i], j)->expr_count;
        }
        assert_int_equal(count, graph->expr_count);
        graph_free(graph);
    }
}

static void is_at(const struct expr *expr, const char *text, int line, int column)
{
    assert_string_equal(expr->text, text);
    assert_int_equal(expr->at.line, line);
    assert_int_equal(expr->at.column, column);
}

static void texts_of_every_style(void **state)
{
    (void)state;
    struct graph *graph = loaded("styles.yaml");
    is_at(node(graph, "plain")->of.set.value, ".input.message | ascii_downcase", 7, 12);
    is_at(node(graph, "circle")->of.branch.cases[0].condition, ".out.count > 3", 9, 46);
    const struct graph_node *last = node(graph, "last");
    assert_int_equal(last->timeout_ms, 250);
    assert_true(last->is_visible);
    assert_false(last->of.llm.wants_history);
    const struct template *system = &last->of.llm.system;
    assert_int_equal(system->count, 4);
    assert_string_equal(system->pieces[0].text,
                        "Answer in JSON, as {\"kind\": {\"of\": \"x\"}} or with ");
    is_at(system->pieces[1].expr, "\"{{\"", 18, 15);
    assert_string_equal(system->pieces[2].text, ".\n");
    is_at(system->pieces[3].expr, "{a: {b: .out.plain}}", 20, 10);
    const struct template *prompt = &last->of.llm.prompt;
    assert_int_equal(prompt->count, 5);
    is_at(prompt->pieces[0].expr, ".history | map(\"\\(.role): \\(.content)\") | join(\"\\n\")", 22,
          10);
    is_at(prompt->pieces[2].expr, "# a comment with }} in it\n   .input.message", 23, 10);
    is_at(prompt->pieces[3].expr, "\"}}\"", 25, 12);
    assert_string_equal(prompt->pieces[4].text, "\n");
    assert_string_equal(last->of.llm.params,
                        "{\"max_tokens\":100,\"stop\":[\"\\n\"],\"extra\":{\"top_k\":5,\"deep\":[1,"
                        "{\"x\":true}]}}");
    graph_free(graph);
}

static void requests_and_their_defaults(void **state)
{
    (void)state;
    struct graph *graph = loaded("requests.yaml");
    const struct graph_request *read = &node(graph, "read")->of.http.request;
    assert_string_equal(read->method, "GET");
    assert_int_equal(read->effect, EFFECT_NONE);
    assert_int_equal(read->timeout_ms, GRAPH_HTTP_TIMEOUT_MS);
    assert_int_equal(read->max_bytes, GRAPH_HTTP_BYTES);
    assert_false(node(graph, "read")->of.http.wants_json);
    assert_int_equal(node(graph, "read")->of.http.expect_count, 0);
    assert_int_equal(node(graph, "head")->of.http.request.effect, EFFECT_NONE);
    assert_int_equal(node(graph, "head")->of.http.request.timeout_ms, 5000);
    const struct graph_node *post = node(graph, "post");
    assert_int_equal(post->of.http.request.effect, EFFECT_KEYED);
    assert_int_equal(post->retry.times, 2);
    assert_int_equal(post->retry.on, RETRY_TIMEOUT | RETRY_CONNECT | RETRY_429 | RETRY_5XX);
    assert_int_equal(post->retry.backoff_ms, GRAPH_BACKOFF_MS);
    const struct graph_tool *plain = graph_tool(graph, "plain");
    assert_string_equal(plain->parameters, "{\"type\":\"object\",\"properties\":{}}");
    assert_int_equal(plain->request.timeout_ms, GRAPH_TOOL_TIMEOUT_MS);
    assert_int_equal(plain->request.max_bytes, GRAPH_TOOL_BYTES);
    assert_int_equal(plain->expr_count, 0);
    const struct graph_tool *write = graph_tool(graph, "write");
    assert_int_equal(write->request.effect, EFFECT_ONCE);
    assert_int_equal(write->request.timeout_ms, 2500);
    assert_int_equal(write->request.max_bytes, 10);
    assert_int_equal(write->expr_count, 2);
    assert_non_null(strstr(write->parameters, "\"enum\":[\"yes\",\"1\"]"));
    graph_free(graph);
}

static void the_smallest(void **state)
{
    (void)state;
    struct graph *graph = loaded("smallest.yaml");
    assert_int_equal(graph->limits.steps, GRAPH_STEPS);
    assert_int_equal(graph->limits.steps_at.line, 1);
    assert_int_equal(graph->limits.seconds, GRAPH_SECONDS);
    assert_int_equal(graph->limits.state_bytes, GRAPH_STATE_BYTES);
    const struct graph_node *answer = node(graph, "answer");
    assert_null(answer->of.llm.model);
    assert_null(answer->of.llm.params);
    assert_int_equal(answer->of.llm.system.count, 0);
    assert_true(answer->of.llm.wants_history); /* visible */
    assert_int_equal(answer->at.line, 3);
    assert_int_equal(answer->at.column, 9);
    graph_free(graph);
}

static void the_version_is_that_of_the_bytes(void **state)
{
    (void)state;
    static const char text[] =
        "{graph: g, start: a, nodes: [{id: a, kind: set, visible: true, value: '1', next: end}]}";
    struct graph *graph = read_text(text);
    struct graph *same = read_text(text);
    struct graph *other =
        read_text("{graph: g, start: a, nodes: [{id: a, kind: set, visible: true, "
                  "value: '2', next: end}]}");
    assert_string_equal(graph->text, text);
    assert_int_equal(graph->text_len, strlen(text));
    assert_string_equal(graph->version,
                        "456ac2c8be14fd0111ed6e050bbf961772a5bea1c8b4eaef34ea5e72781893e6");
    assert_string_equal(graph->version, same->version);
    assert_string_not_equal(graph->version, other->version);
    graph_free(graph);
    graph_free(same);
    graph_free(other);
    graph_free(NULL);
}

/* What is named behind a pipe may be anything. */
static void only_the_state_is_known(void **state)
{
    (void)state;
    graph_free(
        read_text("graph: g\nstart: a\nnodes:\n"
                  "  - {id: a, kind: set, visible: true, next: end,\n"
                  "     value: '{out: {b: 1}} | .out.b + (\"see .out.c\" | length) # .out.d'}\n"));
    graph_free(read_text("graph: g\nstart: a\nnodes:\n"
                         "  - {id: a, kind: set, visible: true, next: end,\n"
                         "     value: '.input.metadata.out.b, .out[\"b\"], .out.a'}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_design),
        cmocka_unit_test(the_nodes_that_speak),
        cmocka_unit_test(the_other_nodes),
        cmocka_unit_test(expressions_are_numbered),
        cmocka_unit_test(texts_of_every_style),
        cmocka_unit_test(requests_and_their_defaults),
        cmocka_unit_test(the_smallest),
        cmocka_unit_test(the_version_is_that_of_the_bytes),
        cmocka_unit_test(only_the_state_is_known),
    };
    return cmocka_run_group_tests_name("graphs.read", tests, NULL, NULL);
}
