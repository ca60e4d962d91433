/* What the log shows of a generation that earlier claims began: the parts of the reply put together
 * again from its events, with what a reset voided taken out, the steps that were over, and the
 * calls of tools. Then, what of it is half-shown: text of a step that no checkpoint has. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_PAST_H
#define SLUICE_WORKERS_GRAPH_PAST_H

#include "graph/reply_parts.h"

enum { PAST_PIECES = 1000 * 1000 /* limits.events' own maximum */ };

struct past_piece {
    int64_t seq, part;
    size_t len; /* of text */
};
/* A `step` event that said finished or failed. */
struct past_step {
    int64_t seq, step, ms;
    char *node, *kind, *status, *error; /* error: JSON text or NULL */
};
/* A tool that an agent called. */
struct past_call {
    int64_t seq, part, result_seq; /* result_seq 0: no result is there */
    char *node, *call_id, *name, *arguments;
    char *result; /* JSON text or NULL */
    bool is_error;
    bool is_kept; /* its turn is: it is not asked for again */
};

struct past {
    int64_t seq; /* of the last event read */
    struct reply_parts parts;
    struct past_piece *pieces; /* in order of seq */
    size_t piece_count, piece_room;
    struct past_step *steps;
    size_t step_count, step_room;
    struct past_call *calls; /* in order of seq */
    size_t call_count, call_room;
    size_t bytes;        /* of output */
    int64_t open_models; /* steps of a model that were begun, and are not known to be over */
};

void past_init(struct past *p, size_t max_bytes);
void past_release(struct past *p);
/* The log's next event. -ERR_MALFORMED for what is none, or not the next. */
MUST_USE int past_put(struct past *p, struct span event);

/* The parts that are not whole (struct reply_part: the caller marks those that a checkpoint names).
 */
struct past_half {
    int64_t first; /* seq of the first piece of any of them; 0: there are none */
    size_t count;
    const struct reply_part *only; /* when there is just one */
};
struct past_half past_half(const struct past *p);
/* What of a part's text was shown up to `seq`, in bytes. */
size_t past_shown_until(const struct past *p, int64_t part, int64_t seq);

#endif
