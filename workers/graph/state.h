/* The state of a line of steps, as its expressions see it: {input, history, out, error}. Only the
 * results of steps change it. JSON text throughout, put together and never read. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_STATE_H
#define SLUICE_WORKERS_GRAPH_STATE_H

#include "base/buf.h"
#include "base/err.h"

struct state_out {
    char *node; /* its id */
    char *json;
    size_t len;
};

struct state {
    char *input;
    struct span history; /* borrowed */
    char *error;         /* {node, code, message, status?}; NULL: none */
    struct state_out *outs;
    size_t count;
    size_t bytes, max_bytes; /* of the results */
};

/* `input` is copied, `history` borrowed for its life; both checked JSON text. */
void state_init(struct state *s, struct span input, struct span history, size_t max_bytes);
void state_release(struct state *s);
/* A step's result, in the place of its earlier one. -ERR_TOO_LARGE: the state would grow beyond its
 * limit, and nothing changed. */
MUST_USE int state_put(struct state *s, const char *node, struct span json);
void state_set_error(struct state *s, struct span json);        /* SPAN_NONE: null */
struct span state_out(const struct state *s, const char *node); /* SPAN_NONE: none */

/* One more member of the object that is written. */
struct state_member {
    const char *name;
    struct span json; /* SPAN_NONE: left out */
};
/* The largest that state_write may need. */
size_t state_bytes(const struct state *s, const struct state_member *more, size_t count);
void state_write(const struct state *s, bool with_history, const struct state_member *more,
                 size_t count, struct buf *out);

#endif
