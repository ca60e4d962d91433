/* The rest of a graph's check: its expressions compiled by the jq child. */
#ifndef SLUICE_GRAPHS_CHECK_H
#define SLUICE_GRAPHS_CHECK_H

#include "graphs/expr.h" /* what graph_read refuses without the child */
#include "graphs/graph.h"
#include "graphs/jq.h"

struct graph_check;

/* status 0, or -ERR_CONFIG with "file:line:column: ..." in `message`, the line being that inside
 * the expression; -ERR_UNAVAILABLE: the child could not be had. Exactly once unless cancelled,
 * never before graph_check returns; the check is gone then. `graph` must outlive it. */
typedef void (*on_graph_checked)(int status, const char *message, void *arg);
struct graph_check *graph_check(struct jq *jq, const struct graph *graph, on_graph_checked done,
                                void *arg);
/* The same, and every expression that does not compile goes to on_problem, with its place. */
struct graph_check *graph_check_all(struct jq *jq, const struct graph *graph,
                                    on_graph_problem on_problem, on_graph_checked done, void *arg);
void graph_check_cancel(struct graph_check *check); /* silence; NULL is a no-op */

#endif
