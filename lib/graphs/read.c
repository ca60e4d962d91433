/* A graph's file: the top of it, the problems that were noted, and the graph that comes out when
 * there were none. */
#include "graphs/read.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_GRAPH(field) offsetof(struct graph, field)

enum { TEXT_MAX = 512 };

/* Problems. */

/* Names from the file stand in messages: nothing that breaks a line or is not UTF-8. */
static void clean(char *text)
{
    bool is_good = span_is_utf8(span_of(text));
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == '\x7f' || (!is_good && (unsigned char)*c >= 0x80))
            *c = '?';
}

static void note(struct problems *problems, struct mark at, const char *text)
{
    if (problems->count == GRAPH_PROBLEMS_MAX)
        return;
    problems->items = mem_grow(problems->items, problems->count + 1, sizeof(*problems->items));
    problems->items[problems->count++] = (struct problem){at, mem_strdup(text)};
}

void wrong(struct reading *r, struct mark at, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut is fine */
    va_end(args);
    clean(text);
    note(&r->problems, at, text);
}

void wrong_name(struct reading *r, struct mark at, const char *what, const char *name,
                const struct nearest *nearest)
{
    if (nearest->best != NULL)
        wrong(r, at, "there is no %s '%.60s'; did you mean '%s'?", what, name, nearest->best);
    else
        wrong(r, at, "there is no %s '%.60s'; write the id of one of the file", what, name);
}

static int by_place(const void *a, const void *b)
{
    const struct problem *p = a, *q = b;
    if (p->at.line != q->at.line)
        return p->at.line - q->at.line;
    return p->at.column - q->at.column;
}

/* Tells them, and frees them. */
static int tell(struct problems *problems, const char *file, on_graph_problem on_problem, void *arg,
                struct err *err)
{
    int result = 0;
    if (problems->count > 0)
        qsort(problems->items, problems->count, sizeof(*problems->items), by_place);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        char *message = mem_printf("%s:%d:%d: %s", file, p->at.line, p->at.column, p->text);
        if (i == 0)
            result = err_set(err, ERR_CONFIG, NULL, "%s", message);
        if (on_problem != NULL)
            on_problem(message, arg);
        mem_free(message);
        mem_free(p->text);
    }
    mem_free(problems->items);
    return result;
}

/* The top. */

static const struct field limit_rows[] = {
    {.name = "steps",
     .read = read_number,
     .offset = IN_GRAPH(limits.steps),
     .min = 1,
     .max = GRAPH_STEPS_MAX},
    {.name = "seconds",
     .read = read_number,
     .offset = IN_GRAPH(limits.seconds),
     .min = 1,
     .max = GRAPH_SECONDS_MAX},
    {.name = "state_bytes",
     .read = read_number,
     .offset = IN_GRAPH(limits.state_bytes),
     .min = GRAPH_STATE_BYTES_MIN,
     .max = GRAPH_STATE_BYTES_MAX},
};
static const struct fields limit_fields = {limit_rows, COUNT_OF(limit_rows), 0, "limits"};

static void read_limits(struct reading *r, const struct field *f, const struct node *value,
                        void *to)
{
    (void)to; /* the graph's, whose places the rows say */
    if (!want_map(r, value, f->name))
        return;
    const struct node *steps = node_member(value, "steps");
    if (steps != NULL)
        r->graph->limits.steps_at = steps->at;
    read_fields(r, &limit_fields, value, r->graph);
}

static const struct field top_rows[] = {
    {.name = "graph", .read = read_id, .offset = IN_GRAPH(name), .missing = "graph: its name"},
    {.name = "start",
     .read = read_start,
     .offset = IN_GRAPH(start),
     .missing = "start: the id of the first node"},
    {.name = "limits", .read = read_limits},
    {.name = "tools"}, /* read before the nodes that name them */
    {.name = "nodes",
     .read = read_nodes,
     .missing = "nodes: [{id: ..., kind: ..., next: ...}, ...]"},
};
static const struct fields top_fields = {top_rows, COUNT_OF(top_rows), 0, "the file"};

static void read_top(struct reading *r)
{
    static const struct field tools_row = {.name = "tools"};
    const struct node *root = r->tree->root;
    if (root == NULL || root->kind != NODE_MAP) {
        wrong(r, root == NULL ? (struct mark){1, 1} : root->at,
              "the file is no graph; write graph: name, start: node, nodes: [...]");
        return;
    }
    const struct node *tools = node_member(root, "tools");
    if (tools != NULL && !node_is_empty(tools))
        read_tools(r, &tools_row, tools, NULL);
    read_fields(r, &top_fields, root, r->graph);
    check_edges(r);
}

static struct graph *graph_new(struct span bytes, const char *file)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct own *own = own_new();
    struct graph *graph = own_room(own, 1, sizeof(*graph));
    graph->own = own;
    graph->file = own_text(own, span_of(file));
    graph->text = own_text(own, bytes);
    graph->text_len = bytes.len;
    graph->limits.steps = GRAPH_STEPS;
    graph->limits.steps_at = (struct mark){1, 1};
    graph->limits.seconds = GRAPH_SECONDS;
    graph->limits.state_bytes = GRAPH_STATE_BYTES;
    CHECK(EVP_Digest(graph->text, bytes.len, sum, &size, EVP_sha256(), NULL) == 1);
    CHECK(size * 2 == GRAPH_VERSION);
    for (unsigned i = 0; i < size; i++)
        (void)snprintf(graph->version + (size_t)i * 2, 3, "%02x", sum[i]);
    return graph;
}

int graph_read_all(struct span bytes, const char *file, on_graph_problem on_problem, void *arg,
                   struct graph **out, struct err *err)
{
    struct tree *tree = NULL;
    struct err own = {0};
    struct err *detail = err == NULL ? &own : err;
    int result = tree_read(bytes, file, &tree, detail);
    if (result != 0) {
        if (on_problem != NULL)
            on_problem(detail->message, arg);
        return result;
    }
    struct graph *graph = graph_new(bytes, file);
    struct reading r = {.tree = tree,
                        .walk = {.file = span_make(graph->text, graph->text_len)},
                        .own = graph->own,
                        .graph = graph};
    read_top(&r);
    graph->expr_count = r.all.count;
    graph->exprs = own_list(graph->own, r.all.items, r.all.count, sizeof(struct expr *));
    mem_free(r.edges);
    tree_free(tree);
    result = tell(&r.problems, file, on_problem, arg, detail);
    if (result == 0)
        *out = graph;
    else
        graph_free(graph);
    return result;
}

int graph_read(struct span bytes, const char *file, struct graph **out, struct err *err)
{
    return graph_read_all(bytes, file, NULL, NULL, out, err);
}
