/* Graph files: what is refused is told in lines of UTF-8 that name a place of the file and say what
 * to write; what is read hangs together, and everything in it can be filled in. */
#include "base/mem.h"
#include "fuzz.h"
#include "graphs/render.h"
#include "wire/json.h"

enum { ROOM = 16 * 1024 * 1024 };

struct told {
    size_t count;
    int lines; /* of the file, at most */
};

static void on_problem(const char *message, void *arg)
{
    struct told *told = arg;
    struct span rest = span_of(message);
    told->count++;
    CHECK(span_is_utf8(rest) && strpbrk(message, "\r\n") == NULL);
    CHECK(span_is(span_cut(&rest, ':'), "f.yaml"));
    struct span line = span_cut(&rest, ':');
    CHECK(line.len > 0 && line.len < 7 && line.ptr[0] != '0');
    int number = 0;
    for (size_t i = 0; i < line.len; i++)
        number = number * 10 + (line.ptr[i] - '0');
    CHECK(number <= told->lines);
    CHECK(strstr(message, "; ") != NULL);
}

static const char *secret(const char *name, void *arg)
{
    (void)arg;
    return strlen(name) % 2 == 0 ? name : NULL;
}

/* Values may be refused, and secrets may not be there. */
static void is_fine(int result, const struct err *err)
{
    CHECK(result == 0 || (result == -ERR_BAD_REQUEST && err->message[0] != '\0'));
}

static void render_request(const struct render *r, const struct graph_request *request,
                           struct buf *out)
{
    struct err err = {0};
    buf_reset(out);
    is_fine(render_url(r, &request->url, out, &err), &err);
    for (size_t i = 0; i < request->header_count; i++)
        is_fine(render_header(r, &request->headers[i].value, out, &err), &err);
    buf_reset(out);
    if (request->body == NULL)
        return;
    int result = render_json(r, request->body, out, &err);
    is_fine(result, &err);
    CHECK(result != 0 || json_check(buf_as_span(out), NULL) == 0);
}

static void look_at_node(const struct graph *graph, const struct render *r,
                         const struct graph_node *node, struct buf *out)
{
    struct err err = {0};
    for (size_t i = 0; i < node->expr_count; i++)
        CHECK(graph->exprs[node->exprs[i]->index] == node->exprs[i]);
    buf_reset(out);
    if (node->kind == GRAPH_LLM || node->kind == GRAPH_AGENT) {
        CHECK(render_text(r, &node->of.llm.system, out, &err) == 0);
        CHECK(render_text(r, &node->of.llm.prompt, out, &err) == 0);
        CHECK(node->of.llm.params == NULL || json_check(span_of(node->of.llm.params), NULL) == 0);
    } else if (node->kind == GRAPH_HTTP) {
        render_request(r, &node->of.http.request, out);
    } else if (node->kind == GRAPH_SET) {
        CHECK(node->of.set.value != NULL);
    } else if (node->kind == GRAPH_GRAPH && node->of.sub.input != NULL) {
        CHECK(render_json(r, node->of.sub.input, out, &err) == 0);
    }
    for (size_t i = 0; i < graph_child_count(node); i++)
        look_at_node(graph, r, graph_child(node, i), out); /* one level */
}

static bool is_target(const struct graph *graph, const char *id)
{
    return strcmp(id, "end") == 0 || graph_node(graph, id) != NULL;
}

static void look_at(const struct graph *graph, const struct told *told)
{
    static const char *const samples[] = {"\"a\\r\\n/..\"", "null", "[1,{\"a\":true}]", "\"..\""};
    struct span *values = mem_new_array(graph->expr_count, sizeof *values);
    struct buf out;
    CHECK(told->count == 0 && strlen(graph->version) == GRAPH_VERSION);
    CHECK(graph_node(graph, graph->start) != NULL);
    for (size_t i = 0; i < graph->expr_count; i++) {
        values[i] = span_of(samples[i % 4]);
        CHECK(graph->exprs[i]->index == i && graph->exprs[i]->text[0] != '\0');
        CHECK(graph->exprs[i]->at.line >= 1 && graph->exprs[i]->at.line <= told->lines);
        CHECK(graph->exprs[i]->at.column >= 1);
    }
    const struct render r = {values, secret, NULL};
    buf_init(&out, ROOM);
    for (size_t i = 0; i < graph->tool_count; i++) {
        render_request(&r, &graph->tools[i].request, &out);
        CHECK(json_check(span_of(graph->tools[i].parameters), NULL) == 0);
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        CHECK((node->kind == GRAPH_BRANCH) == (node->next == NULL));
        CHECK(node->next == NULL || is_target(graph, node->next));
        CHECK(node->on_error == NULL || graph_node(graph, node->on_error) != NULL);
        CHECK(graph_node(graph, node->id) == node);
        if (node->kind == GRAPH_BRANCH)
            CHECK(is_target(graph, node->of.branch.otherwise));
        look_at_node(graph, &r, node, &out);
    }
    buf_release(&out);
    mem_free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told told = {.lines = 2};
    struct graph *graph = NULL;
    struct err err = {0};
    /* All that YAML takes for the end of a line, and more. */
    for (size_t i = 0; i < size; i++)
        told.lines += memchr("\n\r\x85\xa8\xa9", data[i], 5) != NULL;
    int result = graph_read_all(span_make((const char *)data, size), "f.yaml", on_problem, &told,
                                &graph, &err);
    if (result == 0) {
        look_at(graph, &told);
        graph_free(graph);
    } else {
        CHECK(result == -ERR_CONFIG && err.code == ERR_CONFIG && told.count > 0 && graph == NULL);
    }
    return 0;
}
