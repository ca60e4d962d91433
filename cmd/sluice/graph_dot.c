/* A graph for Graphviz. Nodes are called by their ids, children "<node>/<child>"; " start" can be
 * no node's id, and "end" none either. */
#include "graph_picture.h"

#include <stdio.h>

enum { LABEL_MAX = 4096 };

/* The caller of the picture looks at the buffer, here and below. */
static void put_quoted(struct buf *out, struct span text)
{
    (void)buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n')
            (void)buf_text(out, "\\n");
        else if (c == '"' || c == '\\')
            (void)buf_printf(out, "\\%c", c);
        else
            (void)buf_byte(out, c);
    }
    (void)buf_byte(out, '"');
}

static void put_node(struct buf *out, const char *indent, const char *id,
                     const struct graph_node *node)
{
    struct buf label;
    buf_init(&label, LABEL_MAX);
    (void)buf_printf(&label, "%s\n", node->id);
    picture_what(node, &label);
    (void)buf_printf(out, "%s\"%s\" [", indent, id);
    if (node->kind == GRAPH_BRANCH)
        (void)buf_text(out, "shape=diamond, ");
    if (picture_shows(node))
        (void)buf_text(out, "style=\"rounded,filled\", fillcolor=lightyellow, penwidth=2, ");
    (void)buf_text(out, "label=");
    put_quoted(out, buf_as_span(&label));
    (void)buf_text(out, "];\n");
    buf_release(&label);
}

/* A node with its children stands in a box of its own. */
static void put_family(struct buf *out, const struct graph_node *node)
{
    (void)buf_printf(out, "  subgraph \"cluster_%s\" {\n    style=dashed;\n", node->id);
    put_node(out, "    ", node->id, node);
    for (size_t i = 0; i < graph_child_count(node); i++) {
        char id[2 * GRAPH_ID_MAX + 2];
        (void)snprintf(id, sizeof id, "%s/%s", node->id, graph_child(node, i)->id);
        put_node(out, "    ", id, graph_child(node, i));
        (void)buf_printf(out, "    \"%s\" -> \"%s\" [style=dashed, arrowhead=open];\n", node->id,
                         id);
    }
    (void)buf_text(out, "  }\n");
}

static void put_edge(struct buf *out, const char *from, const char *to, struct span label,
                     const char *style)
{
    (void)buf_printf(out, "  \"%s\" -> \"%s\" [%slabel=", from, to, style);
    put_quoted(out, label);
    (void)buf_text(out, "];\n");
}

static void put_cases(struct buf *out, const struct graph_node *node)
{
    for (size_t i = 0; i < node->of.branch.count; i++) {
        struct buf label;
        buf_init(&label, LABEL_MAX);
        picture_expr(node->of.branch.cases[i].condition, &label);
        put_edge(out, node->id, node->of.branch.cases[i].then, buf_as_span(&label), "");
        buf_release(&label);
    }
    put_edge(out, node->id, node->of.branch.otherwise, SPAN_LIT("else"), "");
}

void picture_dot(const struct graph *graph, struct buf *out)
{
    (void)buf_printf(out,
                     "digraph \"%s\" {\n  node [shape=box, style=rounded];\n"
                     "  \" start\" [shape=point];\n  \"end\" [shape=doublecircle];\n",
                     graph->name);
    put_edge(out, " start", graph->start, SPAN_NONE, "");
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (graph_child_count(node) > 0)
            put_family(out, node);
        else
            put_node(out, "  ", node->id, node);
        if (node->kind == GRAPH_BRANCH)
            put_cases(out, node);
        else
            put_edge(out, node->id, node->next, SPAN_NONE, "");
        if (node->on_error != NULL)
            put_edge(out, node->id, node->on_error, SPAN_LIT("on error"),
                     "style=dashed, color=red, fontcolor=red, ");
    }
    (void)buf_text(out, "}\n");
}
