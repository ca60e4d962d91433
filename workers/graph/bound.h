/* Which versions of which graphs a generation runs: bound when it is claimed first, kept with its
 * checkpoints, and held to by every later claim. The first is the graph itself, the others are what
 * it and its sub-graphs name. And what a chat keeps to go on behind a question: the same, and the
 * state. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_BOUND_H
#define SLUICE_WORKERS_GRAPH_BOUND_H

#include "graph/state.h"
#include "graphs/graph.h"

enum { BOUND_MAX = GRAPH_REACH_MAX };

struct bound_graph {
    char *name, *version;
};
struct bound {
    struct bound_graph *graphs;
    size_t count;
};

void bound_init(struct bound *b);
void bound_release(struct bound *b);
/* -ERR_TOO_LARGE: too many. One that is there already changes nothing. */
MUST_USE int bound_add(struct bound *b, struct span name, struct span version);
const struct bound_graph *bound_find(const struct bound *b, const char *name); /* NULL: none */

/* What a worker publishes about a graph, JSON text, names those that it reaches: `uses: [{id,
 * version}]`. They are added. -ERR_MALFORMED. */
MUST_USE int bound_add_uses(struct bound *b, struct span about);

/* The checkpoint `graph`. */
void bound_write(const struct bound *b, struct buf *out);
/* -ERR_MALFORMED, or -ERR_NOT_SUPPORTED for a newer version. */
MUST_USE int bound_read(struct span bytes, struct bound *out);

/* What is parked: `node` is the ask node that the next message goes on behind. */
void parked_write(const struct bound *b, const struct state *state, const char *node,
                  struct buf *out);
/* `*node` is owned; `state` is initialised when it is 0. */
MUST_USE int parked_read(struct span bytes, struct bound *out, struct span history,
                         size_t max_bytes, struct state *state, char **node);

#endif
