/* One turn of an agent: what its model said, the calls in it, and their results. What is kept of
 * it, so that another claim need not ask again, is read with the mistrust that anything from
 * outside gets. Rule for change: unknown keys are ignored; a changed meaning raises the version.
 * Pure. */
#ifndef SLUICE_WORKERS_GRAPH_ROUND_H
#define SLUICE_WORKERS_GRAPH_ROUND_H

#include "base/buf.h"
#include "wire/job.h"

enum { ROUND_VERSION = 1 };

struct round_call {
    char *id, *name, *arguments; /* arguments: text */
    char *result;                /* text for the model; NULL: not there yet */
    bool is_error;
};
struct round {
    char *text, *reasoning; /* reasoning: JSON text as llm_message has it; NULL: none */
    char *model, *finish_reason;
    struct usage usage;
    int64_t next_part; /* of the step, behind it */
    struct round_call *calls;
    size_t call_count;
    char *calls_json; /* in OpenAI's form; NULL without calls */
};

void round_release(struct round *r); /* of a zeroed or used one */
/* Once calls and texts are set: makes calls_json. */
void round_complete(struct round *r);
bool round_has_all_results(const struct round *r);

void round_write(const struct round *r, struct buf *out);
/* -ERR_MALFORMED, or -ERR_NOT_SUPPORTED for a newer version; nothing is to be released then. */
MUST_USE int round_read(struct span bytes, struct round *out);
void round_write_result(const struct round_call *call, struct buf *out);
MUST_USE int round_read_result(struct span bytes, struct round_call *call);

#endif
