/* The rest of a graph's check: its expressions compiled by the jq child. */
#ifndef SLUICE_GRAPHS_CHECK_H
#define SLUICE_GRAPHS_CHECK_H

#include "graphs/graph.h"
#include "graphs/jq.h"

/* status 0, or -ERR_CONFIG with "file:line:column: ..." in `message`, the line being that inside
 * the expression; -ERR_UNAVAILABLE: the child could not be had. `graph` must outlive it. */
typedef void (*on_graph_checked)(int status, const char *message, void *arg);
void graph_check(struct jq *jq, const struct graph *graph, on_graph_checked done, void *arg);

/* Pure: what of a program is refused before jq sees it: import include input inputs env $ENV debug
 * halt halt_error stderr input_filename input_line_number $__loc__ get_search_list modulemeta, and
 * $secret in any form. 0, or -ERR_CONFIG with the name in `err` and `*offset` where it stands. */
MUST_USE int expr_is_allowed(struct span program, size_t *offset, struct err *err);

#endif
