/* A request filled in: what goes out of what the file says, the values and the secrets. */
#include "base/mem.h"
#include "graph/filled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char GRAPH[] =
    "graph: g\nstart: ask\nnodes:\n"
    "  - {id: ask, kind: http, method: POST, url: 'https://crm.example/o/{{ .a }}?q={{ .b }}', "
    "headers: {Authorization: 'Bearer {{ $secret.crm }}', X-Two: '{{ .a }}-{{ .b }}'}, "
    "body: {query: '{{ .a }}', raw: '{{ .c }}', limit: 5, key: '{{ $secret.crm }}'}, next: text}\n"
    "  - {id: text, kind: http, method: POST, url: 'https://crm.example/', headers: {content-type: "
    "text/plain}, body: 'Hello {{ .a }}', next: whole}\n"
    "  - {id: whole, kind: http, method: PUT, url: 'https://crm.example/', body: '{{ .c }}', next: "
    "bare}\n"
    "  - {id: bare, kind: http, method: GET, url: 'https://crm.example/', next: show}\n"
    "  - {id: show, kind: set, value: '1', visible: true, next: end}\n";

static struct graph *graph;
static struct span values[16];

static const char *secret_of(const char *name, void *arg)
{
    (void)arg;
    return strcmp(name, "crm") == 0 ? "s3cret/&" : NULL;
}

/* The values stand for whatever the expressions gave. */
static void read_graph(const char *a, const char *b, const char *c)
{
    struct err err = {.message = ""};
    graph_free(graph);
    graph = NULL;
    if (graph_read(span_of(GRAPH), "g.yaml", &graph, &err) != 0)
        fail_msg("%s", err.message);
    assert_true(graph->expr_count <= 16);
    for (size_t i = 0; i < graph->expr_count; i++) {
        const char *program = graph->exprs[i]->text;
        values[i] = span_of(strstr(program, ".a") != NULL   ? a
                            : strstr(program, ".b") != NULL ? b
                            : strstr(program, ".c") != NULL ? c
                                                            : "1");
    }
}

static int fill(const char *node, struct filled *filled, struct err *err)
{
    const struct render render = {.values = values, .secret = secret_of};
    const struct graph_node *found = graph_node(graph, node);
    assert_non_null(found);
    return fill_request(filled, &found->of.http.request, &render, "gen-1:3", err);
}

static const char *header(const struct filled *filled, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < filled->header_count; i++)
        if (span_is_nocase(span_of(filled->headers[i].name), name)) {
            assert_null(value); /* each once */
            value = filled->headers[i].value;
        }
    return value;
}

static void everything_goes_to_its_place(void **state)
{
    (void)state;
    struct filled f;
    struct err err;
    read_graph("\"x/ y\"", "7", "{\"k\":[1,null]}");
    assert_int_equal(fill("ask", &f, &err), 0);
    assert_string_equal(f.method, "POST");
    assert_string_equal(f.url, "https://crm.example/o/x%2F%20y?q=7");
    assert_string_equal(header(&f, "authorization"), "Bearer s3cret/&");
    assert_string_equal(header(&f, "x-two"), "x/ y-7");
    assert_string_equal(header(&f, "content-type"), "application/json");
    assert_string_equal(header(&f, "idempotency-key"), "gen-1:3");
    assert_true(span_is(f.body, "{\"query\":\"x/ y\",\"raw\":{\"k\":[1,null]},\"limit\":5,"
                                "\"key\":\"s3cret/&\"}"));
    assert_int_equal(f.timeout_ms, 30000);
    filled_release(&f);
}

static void text_goes_out_as_text_where_the_file_says_so(void **state)
{
    (void)state;
    struct filled f;
    struct err err;
    read_graph("\"w\\u00f6rld\\n\"", "7", "{}");
    assert_int_equal(fill("text", &f, &err), 0);
    assert_true(span_is(f.body, "Hello w\xc3\xb6rld\n"));
    assert_string_equal(header(&f, "content-type"), "text/plain");
    filled_release(&f);
}

static void a_value_alone_keeps_its_type(void **state)
{
    (void)state;
    struct filled f;
    struct err err;
    read_graph("1", "2", "[1,{\"a\":null}]");
    assert_int_equal(fill("whole", &f, &err), 0);
    assert_true(span_is(f.body, "[1,{\"a\":null}]"));
    filled_release(&f);
    read_graph("1", "2", "\"text\"");
    assert_int_equal(fill("whole", &f, &err), 0);
    assert_true(span_is(f.body, "\"text\"")); /* JSON, as the header says */
    filled_release(&f);
}

static void without_a_body_there_is_no_type(void **state)
{
    (void)state;
    struct filled f;
    struct err err;
    read_graph("1", "2", "3");
    assert_int_equal(fill("bare", &f, &err), 0);
    assert_null(f.body.ptr);
    assert_null(header(&f, "content-type"));
    assert_string_equal(header(&f, "idempotency-key"), "gen-1:3");
    filled_release(&f);
}

static void what_cannot_be_filled_in_is_told(void **state)
{
    (void)state;
    struct filled f;
    struct err err;
    read_graph("\"a\\r\\nX: y\"", "7", "{}");
    assert_int_equal(fill("ask", &f, &err), -ERR_BAD_REQUEST); /* a header's line end */
    filled_release(&f);
    char *large = mem_new(FILLED_URL_MAX + 8);
    memset(large, 'x', FILLED_URL_MAX + 2);
    large[0] = large[FILLED_URL_MAX + 1] = '"';
    read_graph(large, "7", "{}");
    assert_int_equal(fill("ask", &f, &err), -ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "url is larger than 16384 bytes"));
    filled_release(&f);
    mem_free(large);
}

static int tear_down(void **state)
{
    (void)state;
    graph_free(graph);
    graph = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_goes_to_its_place),
        cmocka_unit_test(text_goes_out_as_text_where_the_file_says_so),
        cmocka_unit_test(a_value_alone_keeps_its_type),
        cmocka_unit_test(without_a_body_there_is_no_type),
        cmocka_unit_test(what_cannot_be_filled_in_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
