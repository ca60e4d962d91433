/* The table of node kinds. */
#include "graph/kinds.h"

const struct step_kind *kind_find(enum graph_kind kind)
{
    static const struct step_kind *const kinds[GRAPH_KINDS] = {
        [GRAPH_LLM] = &kind_llm, [GRAPH_AGENT] = &kind_agent,   [GRAPH_HTTP] = &kind_http,
        [GRAPH_SET] = &kind_set, [GRAPH_BRANCH] = &kind_branch, [GRAPH_PARALLEL] = &kind_parallel,
        [GRAPH_MAP] = &kind_map, [GRAPH_ASK] = &kind_ask,       [GRAPH_GRAPH] = &kind_graph,
    };
    return kinds[kind];
}
