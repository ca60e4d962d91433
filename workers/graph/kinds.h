/* The node kinds: one file each, all told apart here only. */
#ifndef SLUICE_WORKERS_GRAPH_KINDS_H
#define SLUICE_WORKERS_GRAPH_KINDS_H

#include "graph/step.h"

extern const struct step_kind kind_llm, kind_agent, kind_http, kind_set, kind_branch, kind_parallel,
    kind_map, kind_ask, kind_graph;

/* By enum graph_kind. */
const struct step_kind *kind_find(enum graph_kind kind);

#endif
