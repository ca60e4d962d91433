/* One call of a tool by a model: its arguments looked at, its request made, and what came of it
 * told in words that the model reads. */
#ifndef SLUICE_WORKERS_GRAPH_TOOLS_H
#define SLUICE_WORKERS_GRAPH_TOOLS_H

#include "graph/step.h"

struct tool;

struct tool_wants {
    struct step *step;
    const char *name, *arguments; /* as the model wrote them */
    const char *within;           /* "t1/c0"; copied */
};
/* Exactly once, never before tool_call returns, none after tool_free, which is allowed within.
 * What is an error is one for the model, to do better. */
typedef void (*on_tool)(struct span result, bool is_error, void *arg);

struct tool *tool_call(const struct tool_wants *wants, on_tool done, void *arg);
void tool_free(struct tool *tool); /* closes its connection at once; NULL is a no-op */

#endif
