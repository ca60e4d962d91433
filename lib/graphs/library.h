/* The graphs of a folder, all checked, also against each other: names are unique, sub-graphs exist,
 * no recursion, depth 4 at most, GRAPH_REACH_MAX graphs in all. */
#ifndef SLUICE_GRAPHS_LIBRARY_H
#define SLUICE_GRAPHS_LIBRARY_H

#include "graphs/graph.h"

#include <dirent.h>

struct library; /* owns its graphs */

/* For scandir: whether a folder's entry is a graph's file, *.yaml and not hidden. */
int library_is_file(const struct dirent *entry);

/* One file of a path, as graph_read_all; one that cannot be read is a problem too. */
MUST_USE int graph_load(const char *path, on_graph_problem on_problem, void *arg,
                        struct graph **out, struct err *err);

/* Every *.yaml of the folder, LIMIT_GRAPHS at most, in order of name. The first thing that is wrong
 * in each file goes to on_wrong (may be NULL); -ERR_CONFIG when there was any, with the first in
 * `err`. */
MUST_USE int library_read(const char *folder, void (*on_wrong)(const char *message, void *arg),
                          void *arg, struct library **out, struct err *err);
void library_free(struct library *library);
size_t library_count(const struct library *library);
const struct graph *library_at(const struct library *library, size_t index);
const struct graph *library_find(const struct library *library, struct span name); /* NULL: none */
const struct graph *library_find_version(const struct library *library,
                                         struct span version); /* NULL: none */

/* The graph and all that it reaches through sub-graphs: itself first, each once. How many. */
size_t library_reach(const struct library *library, const struct graph *graph,
                     const struct graph *out[GRAPH_REACH_MAX]);

/* A graph's nodes of kind graph, children too, one after another. */
struct graph_subs {
    const struct graph *graph;
    size_t node, child; /* 0 at first */
};
const struct graph_node *graph_subs_next(struct graph_subs *s); /* NULL: no more */

#endif
