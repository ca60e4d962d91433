/* The work of the graph worker: a walk through a graph, step by step. */
#ifndef SLUICE_WORKERS_GRAPH_GRAPH_WORK_H
#define SLUICE_WORKERS_GRAPH_GRAPH_WORK_H

#include "common/work.h"

extern const struct work graph_work;

#endif
