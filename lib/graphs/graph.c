/* A graph once it was read: names of kinds, finding a node or a tool. */
#include "graphs/graph.h"

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
