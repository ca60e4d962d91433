/* Templates and values filled in. */
#include "base/mem.h"
#include "graphs/render.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUES_MAX = 16, OUT_MAX = 4096 };

static const char *secret(const char *name, void *arg)
{
    (void)arg;
    return strcmp(name, "key") == 0 ? "s/e=\"c" : strcmp(name, "lines") == 0 ? "a\r\nb" : NULL;
}

/* A graph whose node `a` has the template or value in the field. */
static struct graph *graph_with(const char *kind, const char *field, const char *yaml)
{
    struct graph *graph = NULL;
    struct err err = {0};
    char *text = mem_printf("graph: g\nstart: a\nnodes:\n"
                            "  - id: a\n    kind: %s\n    next: b\n    %s: %s\n"
                            "  - {id: b, kind: set, visible: true, value: '1', next: end}\n",
                            kind, field, yaml);
    if (graph_read(span_of(text), "x.yaml", &graph, &err) != 0)
        fail_msg("%s", err.message);
    mem_free(text);
    return graph;
}

struct rendered {
    int result;
    char text[OUT_MAX];
    struct err err;
};

typedef int (*render)(const struct render *r, const struct template *t, struct buf *out,
                      struct err *err);

static struct rendered done(struct buf *out, int result, const struct err *err)
{
    struct rendered r = {.result = result, .err = *err};
    (void)snprintf(r.text, sizeof r.text, "%.*s", (int)out->len, out->len == 0 ? "" : out->ptr);
    buf_release(out);
    return r;
}

/* `yaml`: the prompt. The value is the same for every expression. */
static struct rendered text_of(const char *yaml, const char *value)
{
    struct graph *graph = graph_with("llm", "prompt", yaml);
    struct span values[VALUES_MAX];
    struct err err = {0};
    struct buf out;
    for (size_t i = 0; i < VALUES_MAX; i++)
        values[i] = span_of(value);
    const struct render r = {values, secret, NULL};
    buf_init(&out, OUT_MAX);
    int result = render_text(&r, &graph_node(graph, "a")->of.llm.prompt, &out, &err);
    graph_free(graph);
    return done(&out, result, &err);
}

static struct rendered request_with(render how, const char *field, const char *yaml,
                                    const char *value)
{
    char *both = mem_printf("%s\n    %s: %s", yaml, strcmp(field, "url") == 0 ? "method" : "url",
                            strcmp(field, "url") == 0 ? "GET" : "https://h.example/");
    struct graph *graph = graph_with("http", field, both);
    struct span values[VALUES_MAX];
    struct err err = {0};
    struct buf out;
    for (size_t i = 0; i < VALUES_MAX; i++)
        values[i] = span_of(value);
    const struct render r = {values, secret, NULL};
    const struct graph_request *request = &graph_node(graph, "a")->of.http.request;
    buf_init(&out, OUT_MAX);
    int result =
        how(&r, how == render_url ? &request->url : &request->headers[0].value, &out, &err);
    graph_free(graph);
    mem_free(both);
    return done(&out, result, &err);
}

static struct rendered url_of(const char *yaml, const char *value)
{
    return request_with(render_url, "url", yaml, value);
}

static struct rendered header_of(const char *yaml, const char *value)
{
    return request_with(render_header, "headers", yaml, value);
}

static struct rendered body_of(const char *yaml, const char *value, size_t max)
{
    char *both = mem_printf("%s\n    method: POST\n    url: https://h.example/", yaml);
    struct graph *graph = graph_with("http", "body", both);
    struct span values[VALUES_MAX];
    struct err err = {0};
    struct buf out;
    for (size_t i = 0; i < VALUES_MAX; i++)
        values[i] = span_of(value);
    const struct render r = {values, secret, NULL};
    buf_init(&out, max);
    int result = render_json(&r, graph_node(graph, "a")->of.http.request.body, &out, &err);
    graph_free(graph);
    mem_free(both);
    return done(&out, result, &err);
}

static void is(struct rendered r, const char *text)
{
    if (r.result != 0)
        fail_msg("%s", r.err.message);
    assert_string_equal(r.text, text);
}

static void is_refused(struct rendered r, const char *says)
{
    assert_int_equal(r.result, -ERR_BAD_REQUEST);
    assert_non_null(strstr(r.err.message, says));
}

static void texts(void **state)
{
    (void)state;
    is(text_of("nothing to fill", "0"), "nothing to fill");
    is(text_of("'a {{ .x }}, {{ .x }}'", "\"b\""), "a b, b");
    is(text_of("'a {{ .x }}b'", "null"), "a b");
    is(text_of("'{{ .x }}'", "{\"a\":[1,true]}"), "{\"a\":[1,true]}");
    is(text_of("'{{ .x }}'", "1.5"), "1.5");
    is(text_of("'{{ .x }}'", "false"), "false");
    is(text_of("'{{ .x }}'", "\"\\u00e9 \\\"q\\\"\\n\""), "\xc3\xa9 \"q\"\n");
    is(text_of("'{{ .x }}'", "\"\""), "");
}

/* What came from outside is text, whatever stands in it. */
static void values_are_not_templates(void **state)
{
    (void)state;
    is(text_of("'{{ .x }}'", "\"{{ $secret.key }} {{ .y }}\""), "{{ $secret.key }} {{ .y }}");
    is(body_of("{a: '{{ .x }}!'}", "\"{{ $secret.key }}\"", OUT_MAX),
       "{\"a\":\"{{ $secret.key }}!\"}");
}

static void urls(void **state)
{
    (void)state;
    is(url_of("'https://h.example/{{ .x }}?q={{ .x }}'", "\"a b/c&d=\\u00e9?#%\""),
       "https://h.example/a%20b%2Fc%26d%3D%C3%A9%3F%23%25?q=a%20b%2Fc%26d%3D%C3%A9%3F%23%25");
    is(url_of("'https://h.example/{{ .x }}'", "\"A-Z_a.z~9\""), "https://h.example/A-Z_a.z~9");
    is(url_of("'https://h.example/{{ .x }}/y'", "null"), "https://h.example//y");
    is(url_of("'https://h.example/?k={{ $secret.key }}'", "1"),
       "https://h.example/?k=s%2Fe%3D%22c");
    is(url_of("'https://h.example/{{ .x }}'", "\"a\\r\\nHost: b\""),
       "https://h.example/a%0D%0AHost%3A%20b");
    is(url_of("'https://h.example/?q=../{{ .x }}'", "\"..\""), "https://h.example/?q=../..");
    is(url_of("'https://h.example/a{{ .x }}'", "\"..\""), "https://h.example/a..");
}

static void a_value_does_not_leave_its_part_of_the_path(void **state)
{
    (void)state;
    is_refused(url_of("'https://h.example/orders/{{ .x }}/lines'", "\"..\""), "'.' or '..'");
    is_refused(url_of("'https://h.example/orders/{{ .x }}'", "\".\""), "'.' or '..'");
    is_refused(url_of("'https://h.example/orders/.{{ .x }}?a=b'", "\".\""), "'.' or '..'");
}

static void headers(void **state)
{
    (void)state;
    is(header_of("{Authorization: 'Bearer {{ $secret.key }}'}", "1"), "Bearer s/e=\"c");
    is(header_of("{X-A: 'a{{ .x }}'}", "\"\\tb \\u00e9\""), "a\tb \xc3\xa9");
    is_refused(header_of("{X-A: '{{ .x }}'}", "\"a\\r\\nX-B: c\""), "line end");
    is_refused(header_of("{X-A: '{{ .x }}'}", "\"a\\nb\""), "line end");
    is_refused(header_of("{X-A: '{{ .x }}'}", "\"a\\u0001\""), "control character");
    is_refused(header_of("{X-A: '{{ $secret.lines }}'}", "1"), "line end");
}

static void secrets(void **state)
{
    (void)state;
    is_refused(header_of("{X-A: '{{ $secret.none }}'}", "1"),
               "the secret 'none' is not configured; write it into the list secrets");
    is(body_of("{k: '{{ $secret.key }}', l: 'is {{ $secret.key }}'}", "1", OUT_MAX),
       "{\"k\":\"s/e=\\\"c\",\"l\":\"is s/e=\\\"c\"}");
}

static void values(void **state)
{
    (void)state;
    is(body_of("{a: [1, -2.5e3, true, '1', no, ''], b: {c: {}, d: []}}", "1", OUT_MAX),
       "{\"a\":[1,-2.5e3,true,\"1\",\"no\",\"\"],\"b\":{\"c\":{},\"d\":[]}}");
    is(body_of("{a: '{{ .x }}', b: 'is {{ .x }}', c: ' {{ .x }}'}", "[1,{\"y\":null}]", OUT_MAX),
       "{\"a\":[1,{\"y\":null}],\"b\":\"is [1,{\\\"y\\\":null}]\",\"c\":\" "
       "[1,{\\\"y\\\":null}]\"}");
    is(body_of("'{{ .x }}'", "{\"y\":9007199254740993}", OUT_MAX), "{\"y\":9007199254740993}");
    is(body_of("'{{ .x }}'", "null", OUT_MAX), "null");
    is(body_of("just a text", "1", OUT_MAX), "\"just a text\"");
    is(body_of("{\"q\\\"\": \"\\u0001{{ .x }}\"}", "\"\\n\"", OUT_MAX),
       "{\"q\\\"\":\"\\u0001\\n\"}");
}

static void the_room_is_kept(void **state)
{
    (void)state;
    struct rendered r = body_of("{a: '{{ .x }}', b: 'and {{ .x }}'}",
                                "\"0123456789012345678901234567890123456789\"", 64);
    assert_int_equal(r.result, -ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),   cmocka_unit_test(values_are_not_templates),
        cmocka_unit_test(urls),    cmocka_unit_test(a_value_does_not_leave_its_part_of_the_path),
        cmocka_unit_test(headers), cmocka_unit_test(secrets),
        cmocka_unit_test(values),  cmocka_unit_test(the_room_is_kept),
    };
    return cmocka_run_group_tests_name("graphs.render", tests, NULL, NULL);
}
