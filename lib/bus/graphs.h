/* Graphs in Redis: what workers publish, a generation's checkpoints. Parked asks are begin's and
 * finish's (turn.h). */
#ifndef SLUICE_BUS_GRAPHS_H
#define SLUICE_BUS_GRAPHS_H

#include "bus/bus.h"

struct published {
    struct span name, version, text; /* text: the file's bytes, at most LIMIT_GRAPH_TEXT */
    struct span about;               /* JSON text: {start, nodes: [{id, kind, visible}], tools:
                                        [id], uses: [{id, version}]}, at most LIMIT_GRAPH_ABOUT */
};
/* Says that this worker can run them: hash `graphs` (name -> until when, the version that was said
 * last, about), kept for a day; `graph:<version>` the text, kept for longer than any ask waits.
 * Said again with each announcement of the worker. Borrowed during the call. More than
 * LIMIT_GRAPHS, and larger ones, are left out. False: nothing was said, as when Redis is away, and
 * `done` never comes; else it comes once, when all are there or cannot be. */
typedef void (*on_published)(int status, void *arg);
bool graphs_publish(struct bus *bus, const struct published *graphs, size_t count,
                    on_published done, void *arg);

struct graph_row {
    struct span name, version, about;
};
typedef void (*on_graphs)(int status, const struct graph_row *rows, size_t count, void *arg);
void graphs_list(struct bus *bus, on_graphs done,
                 void *arg); /* in order of name, those that are still kept */
/* What is kept of one; version SPAN_NONE: nobody has published it. */
typedef void (*on_graph)(int status, struct span version, struct span about, void *arg);
void graphs_find(struct bus *bus, struct span name, on_graph done, void *arg);
/* text SPAN_NONE: not known */
typedef void (*on_graph_text)(int status, struct span text, void *arg);
void graphs_text(struct bus *bus, struct span version, on_graph_text done, void *arg);

/* All checkpoints of a generation, in no order; what was parked by the ask that it goes on behind
 * is the field `ask`. Valid during the callback. */
struct kept_step {
    struct span field, value;
};
typedef void (*on_steps)(int status, const struct kept_step *steps, size_t count, void *arg);
void graphs_steps(struct bus *bus, const char *tenant, const char *generation, on_steps done,
                  void *arg);

#endif
