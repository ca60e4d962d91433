/* The join where a reply goes on from text that was shown before: the same part numbers go on, and
 * white space at the end of what was shown, which no provider takes in a prefill, is not shown
 * again. Pure. */
#ifndef SLUICE_WORKERS_MODEL_JOIN_H
#define SLUICE_WORKERS_MODEL_JOIN_H

#include "wire/event.h"

struct join {
    int64_t text_part;  /* which the first text goes on with; -1: none */
    int64_t parts;      /* numbers given before */
    int64_t first_text; /* the provider's number of its first text; -1: none came */
    char *tail;         /* white space that may come once more */
    size_t tail_at;
};

/* Of a reply that begins afresh. */
void join_init(struct join *j);
void join_release(struct join *j);
/* Of one that goes on behind `text`; it was shown as `text_part`, `parts` numbers were given. */
void join_set(struct join *j, struct span text, int64_t text_part, int64_t parts);
struct span join_prefill(struct span text); /* without the white space at its end */
/* Before each request. */
void join_begin(struct join *j);
/* What a piece looks like behind the join. False: nothing is left of it. */
bool join_piece(struct join *j, struct piece *piece);
int64_t join_part(const struct join *j, int64_t part); /* of a tool call */

#endif
