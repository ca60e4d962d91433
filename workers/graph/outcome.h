/* What is kept of a step that is over, so that another claim need not run it again: msgpack map,
 * read with the same mistrust as anything that another process wrote. Rule for change: unknown keys
 * are ignored; a changed meaning raises the version, and a worker refuses what is newer. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_OUTCOME_H
#define SLUICE_WORKERS_GRAPH_OUTCOME_H

#include "wire/job.h"

enum { OUTCOME_VERSION = 1, OUTCOME_PARTS = 4096 /* of the reply, by one step */ };

struct outcome {
    struct span node;                 /* its id in the graph */
    struct span result;               /* JSON text; SPAN_NONE: it failed */
    struct span error;                /* JSON text {code, message, status?}, when it failed */
    struct span next;                 /* node id or "end"; SPAN_NONE of a child */
    struct span model, finish_reason; /* of what it showed; SPAN_NONE: nothing */
    struct usage usage;
    int64_t spent_ms; /* by the whole generation until then, over claims */
    int64_t *parts;   /* of the reply, made by it; owned when it was read */
    size_t part_count;
};

void outcome_write(const struct outcome *c, struct buf *out);
/* Its spans borrow from `bytes`, which must outlive it. -ERR_MALFORMED, or -ERR_NOT_SUPPORTED for a
 * newer version. */
MUST_USE int outcome_read(struct span bytes, struct outcome *out);
void outcome_release(struct outcome *c); /* of one that was read */

#endif
