/* Children of one step, run at once up to a number, their results gathered in order: what parallel
 * and map are. `fast`: the first failure stops the others and is the step's own; else a failed one
 * leaves {error: ...} in its place. */
#ifndef SLUICE_WORKERS_GRAPH_GATHER_H
#define SLUICE_WORKERS_GRAPH_GATHER_H

#include "graph/step.h"

struct gather;

struct gather_wants {
    struct step *step;
    size_t count, at_once; /* children, and how many of them at the same time */
    bool is_fast;
    bool is_list; /* the result is an array, in order; else an object by key */
};
struct gather *gather_new(const struct gather_wants *wants);
void gather_free(struct gather *g); /* stops those that run; NULL is a no-op */
/* The next child, in order. `key` is copied, `item` (or SPAN_NONE) too. */
void gather_add(struct gather *g, const struct graph_node *node, const char *key, struct span item);
void gather_start(struct gather *g); /* once all are added; says the step's last word */

#endif
