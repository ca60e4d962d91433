/* What only the whole file shows: that every name is a node's, every node is reached, and somebody
 * speaks. */
#include "base/mem.h"
#include "graphs/read.h"

void add_edge(struct reading *r, struct edge edge)
{
    r->edges = mem_grow(r->edges, r->edge_count + 1, sizeof(*r->edges));
    r->edges[r->edge_count++] = edge;
}

void read_mention(struct reading *r, struct span rest, struct mark at)
{
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '\0' &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
                  rest.ptr[len]) != NULL)
        len++;
    if (len > 0)
        add_edge(
            r, (struct edge){true, r->node, NULL, own_text(r->own, span_make(rest.ptr, len)), at});
}

static bool is_end(const struct edge *edge)
{
    return !edge->is_mention && strcmp(edge->to, "end") == 0;
}

static void check_names(struct reading *r)
{
    for (size_t i = 0; i < r->edge_count && r->problems.count < GRAPH_PROBLEMS_MAX; i++) {
        const struct edge *edge = &r->edges[i];
        if (is_end(edge) || graph_node(r->graph, edge->to) != NULL)
            continue;
        struct nearest nearest = nearest_to(edge->to);
        for (size_t j = 0; j < r->graph->node_count; j++)
            nearest_try(&nearest, r->graph->nodes[j].id);
        if (!edge->is_mention)
            nearest_try(&nearest, "end");
        wrong_name(r, edge->at, "node", edge->to, &nearest);
    }
}

static void check_reached(struct reading *r)
{
    const struct graph *graph = r->graph;
    bool is_reached[GRAPH_NODES_MAX] = {false};
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (size_t i = 0; i < r->edge_count; i++) {
            const struct edge *edge = &r->edges[i];
            bool begins = edge->from == NULL || is_reached[edge->from - graph->nodes];
            if (edge->is_mention || is_end(edge) || !begins)
                continue;
            size_t to = (size_t)(graph_node(graph, edge->to) - graph->nodes);
            has_changed = has_changed || !is_reached[to];
            is_reached[to] = true;
        }
    }
    for (size_t i = 0; i < graph->node_count; i++)
        if (!is_reached[i])
            wrong(r, graph->nodes[i].at,
                  "nothing leads to the node '%s'; write it where a next, then, else or on_error "
                  "should go, or take it out",
                  graph->nodes[i].id);
}

static bool is_shown(const struct graph_node *node)
{
    bool shows = node->is_visible;
    for (size_t i = 0; i < graph_child_count(node); i++)
        shows = shows || graph_child(node, i)->is_visible;
    return shows;
}

static void check_visible(struct reading *r)
{
    for (size_t i = 0; i < r->graph->node_count; i++)
        if (is_shown(&r->graph->nodes[i]))
            return;
    wrong(r, node_member(r->tree->root, "nodes")->at,
          "no node is visible, so there would be no reply; write visible: true in the one whose "
          "text is the reply");
}

/* Each only when what it stands on is sound, so that one mistake is not told as many. */
void check_edges(struct reading *r)
{
    size_t problems = r->problems.count;
    if (r->graph->node_count > 0)
        check_names(r);
    if (problems == 0 && r->problems.count == 0) {
        check_reached(r);
        check_visible(r);
    }
}
