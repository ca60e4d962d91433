/* Pictures of a graph, appended to `out`; the caller looks at buf_error. */
#ifndef SLUICE_CMD_GRAPH_PICTURE_H
#define SLUICE_CMD_GRAPH_PICTURE_H

#include "base/buf.h"
#include "graphs/graph.h"

void picture_text(const struct graph *graph, struct buf *out); /* UTF-8 for a terminal */
void picture_dot(const struct graph *graph, struct buf *out);  /* for Graphviz */

/* What there is to say of a node besides its edges: "llm small, json"; without line ends. */
void picture_what(const struct graph_node *node, struct buf *out);
/* Whether it puts something into the reply, by itself or by what it runs. */
bool picture_shows(const struct graph_node *node);
/* One line of an expression, cut when it is long. */
void picture_expr(const struct expr *expr, struct buf *out);

#endif
