/* A graph for the terminal: chains of nodes, one below the other, and the edges that leave them. */
#include "graph_picture.h"

#include <inttypes.h>

enum { EXPR_SHOWN = 80 };

bool picture_shows(const struct graph_node *node)
{
    return node->is_visible || node->kind == GRAPH_ASK;
}

/* The caller of the picture looks at the buffer, here and below. */
void picture_expr(const struct expr *expr, struct buf *out)
{
    bool was_blank = false;
    size_t shown = 0;
    for (const char *c = expr->text; *c != '\0'; c++) {
        bool is_blank = strchr(" \t\r\n", *c) != NULL;
        bool is_more = ((unsigned char)*c & 0xc0) == 0x80; /* of one character */
        if (is_blank && was_blank)
            continue;
        if (!is_more && shown++ == EXPR_SHOWN) {
            (void)buf_text(out, "...");
            return;
        }
        (void)buf_byte(out, is_blank ? ' ' : *c);
        was_blank = is_blank;
    }
}

static void put_url(const struct template *url, struct buf *out)
{
    for (size_t i = 0; i < url->count; i++)
        (void)buf_text(out, url->pieces[i].kind == PIECE_LITERAL ? url->pieces[i].text : "{}");
}

void picture_what(const struct graph_node *node, struct buf *out)
{
    (void)buf_text(out, graph_kind_name(node->kind));
    switch (node->kind) {
    case GRAPH_LLM:
    case GRAPH_AGENT:
        if (node->of.llm.model != NULL)
            (void)buf_printf(out, ", model %s", node->of.llm.model);
        for (size_t i = 0; i < node->of.llm.tool_count; i++)
            (void)buf_printf(out, "%s%s", i == 0 ? ", tools " : " ", node->of.llm.tools[i]->id);
        if (node->of.llm.wants_json)
            (void)buf_text(out, ", json");
        break;
    case GRAPH_HTTP:
        (void)buf_printf(out, ", %s ", node->of.http.request.method);
        put_url(&node->of.http.request.url, out);
        break;
    case GRAPH_SET:
        (void)buf_text(out, ", ");
        picture_expr(node->of.set.value, out);
        break;
    case GRAPH_MAP:
        (void)buf_text(out, ", over ");
        picture_expr(node->of.map.over, out);
        (void)buf_printf(out, ", %" PRId64 " at once", node->of.map.concurrency);
        break;
    case GRAPH_GRAPH:
        (void)buf_printf(out, ", %s", node->of.sub.graph);
        break;
    case GRAPH_BRANCH:
    case GRAPH_PARALLEL:
    case GRAPH_ASK:
    case GRAPH_KINDS:
        break;
    }
}

static void put_head(const char *indent, const char *id, const struct graph_node *node,
                     struct buf *out)
{
    (void)buf_printf(out, "%s%s%s  ", indent, id, picture_shows(node) ? " *" : "");
    picture_what(node, out);
    (void)buf_byte(out, '\n');
}

/* Edges that are not the chain's: "  ├─ on error ─▶ chat". */
static void put_edge(struct buf *out, bool is_last, const char *label, const char *to)
{
    (void)buf_printf(out, "  %s─%s%s─▶ %s\n", is_last ? "└" : "├", label, *label == '\0' ? "" : " ",
                     to);
}

static void put_branch(const struct graph_node *node, struct buf *out)
{
    for (size_t i = 0; i < node->of.branch.count; i++) {
        const struct graph_case *one = &node->of.branch.cases[i];
        (void)buf_text(out, "  ├─ if ");
        picture_expr(one->condition, out);
        (void)buf_printf(out, " ─▶ %s\n", one->then);
    }
    put_edge(out, true, " else", node->of.branch.otherwise);
}

static void put_children(const struct graph_node *node, struct buf *out)
{
    for (size_t i = 0; i < graph_child_count(node); i++)
        put_head("  ╞═ ", graph_child(node, i)->id, graph_child(node, i), out);
}

struct drawing {
    const struct graph *graph;
    bool is_drawn[GRAPH_NODES_MAX];
};

static bool *drawn_of(struct drawing *d, const struct graph_node *node)
{
    return &d->is_drawn[node - d->graph->nodes];
}

/* A node and its edges. The one that comes below it, or NULL. */
static const struct graph_node *put_node(struct drawing *d, const struct graph_node *node,
                                         struct buf *out)
{
    *drawn_of(d, node) = true;
    put_head("  ", node->id, node, out);
    put_children(node, out);
    if (node->on_error != NULL)
        put_edge(out, false, " on error", node->on_error);
    if (node->kind == GRAPH_BRANCH) {
        put_branch(node, out);
        return NULL;
    }
    const struct graph_node *next = graph_node(d->graph, node->next);
    if (next != NULL && !*drawn_of(d, next)) {
        (void)buf_text(out, "  ▼\n");
        return next;
    }
    put_edge(out, true, "", node->next);
    return NULL;
}

void picture_text(const struct graph *graph, struct buf *out)
{
    struct drawing d = {.graph = graph};
    (void)buf_printf(out,
                     "graph %s: at most %" PRId64 " steps, %" PRId64 " seconds, %" PRId64
                     " bytes of state\n\n  start\n  ▼\n",
                     graph->name, graph->limits.steps, graph->limits.seconds,
                     graph->limits.state_bytes);
    for (const struct graph_node *node = graph_node(graph, graph->start); node != NULL;)
        node = put_node(&d, node, out);
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (d.is_drawn[i])
            continue;
        (void)buf_byte(out, '\n');
        while (node != NULL)
            node = put_node(&d, node, out);
    }
    (void)buf_text(out, "\n* is visible: its text is part of the reply\n");
}
