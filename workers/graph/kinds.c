/* The table of node kinds. */
#include "graph/kinds.h"

/* Until their files are there. */
static void *missing_begin(struct step *step)
{
    step_fail(step, STEP_MODEL, 0, -1, "This version cannot run that kind yet.");
    return NULL;
}

static const struct step_kind kind_missing = {.begin = missing_begin};

const struct step_kind *kind_find(enum graph_kind kind)
{
    static const struct step_kind *const kinds[GRAPH_KINDS] = {
        [GRAPH_LLM] = &kind_missing,   [GRAPH_AGENT] = &kind_missing,
        [GRAPH_HTTP] = &kind_missing,  [GRAPH_SET] = &kind_set,
        [GRAPH_BRANCH] = &kind_branch, [GRAPH_PARALLEL] = &kind_parallel,
        [GRAPH_MAP] = &kind_map,       [GRAPH_ASK] = &kind_ask,
        [GRAPH_GRAPH] = &kind_graph,
    };
    return kinds[kind];
}
