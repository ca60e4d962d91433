/* What a model said, as a step's result. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_SAID_H
#define SLUICE_WORKERS_GRAPH_SAID_H

#include "base/buf.h"
#include "wire/job.h"

/* The JSON text that an answer is, white space and a fence of ``` around it taken off; borrowed.
 * SPAN_NONE: it is none. */
struct span said_json(struct span text);

/* A call that an answer made, and, of an agent, what became of it. */
struct said_call {
    const char *id, *name, *arguments;
    bool is_over, is_error; /* it has a result */
};
struct said {
    struct span text;
    const char *finish_reason;
    struct usage usage;
    const struct said_call *calls;
    size_t call_count;
};
/* {text, json?, finish_reason, usage, calls: [{id, name, arguments, is_error?}]}; json when the
 * text is an object or a list (said_json), arguments as JSON where they are that, else as text. */
void said_put(const struct said *said, struct buf *out);
/* A buffer that any of it fits: init and release are the caller's. */
size_t said_bytes(const struct said *said);

#endif
