/* A graph once it was read: names of kinds, finding a node or a tool. */
#include "graphs/graph.h"
#include "base/check.h"
#include "graphs/own.h"

#include <string.h>

const char *graph_kind_name(enum graph_kind kind)
{
    static const char *const names[GRAPH_KINDS] = {
        [GRAPH_LLM] = "llm", [GRAPH_AGENT] = "agent",   [GRAPH_HTTP] = "http",
        [GRAPH_SET] = "set", [GRAPH_BRANCH] = "branch", [GRAPH_PARALLEL] = "parallel",
        [GRAPH_MAP] = "map", [GRAPH_ASK] = "ask",       [GRAPH_GRAPH] = "graph",
    };
    return names[kind];
}

const struct graph_node *graph_node(const struct graph *graph, const char *id)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].id, id) == 0)
            return &graph->nodes[i];
    return NULL;
}

const struct graph_tool *graph_tool(const struct graph *graph, const char *id)
{
    for (size_t i = 0; i < graph->tool_count; i++)
        if (strcmp(graph->tools[i].id, id) == 0)
            return &graph->tools[i];
    return NULL;
}

size_t graph_child_count(const struct graph_node *node)
{
    if (node->kind == GRAPH_PARALLEL)
        return node->of.parallel.count;
    return node->kind == GRAPH_MAP ? 1 : 0;
}

const struct graph_node *graph_child(const struct graph_node *node, size_t index)
{
    CHECK(index < graph_child_count(node));
    return node->kind == GRAPH_MAP ? node->of.map.child : node->of.parallel.branches[index].node;
}

void graph_free(struct graph *graph)
{
    if (graph != NULL)
        own_free(graph->own);
}
