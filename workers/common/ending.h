/* How a run ends, kept whole, so that it can be said again: what turn_finish needs, owned. Pure. */
#ifndef SLUICE_WORKERS_COMMON_ENDING_H
#define SLUICE_WORKERS_COMMON_ENDING_H

#include "base/buf.h"
#include "base/err.h"
#include "bus/turn.h"
#include "common/claimed.h"

/* What the work says at its end. Borrowed during the call; SPAN_NONE where there is nothing. */
struct run_end {
    const char *state; /* "done" "failed" "interrupted"; static */
    struct usage usage;
    /* done */
    struct span finish_reason;
    struct span reply;  /* the committed message, msgpack; chats only */
    struct span output; /* JSON text; stateless only */
    /* failed, interrupted */
    int code;            /* ERR_x or -ERR_x */
    const char *message; /* for people; NULL: the table's */
    int provider_status; /* 0: none */
    struct span node;    /* of a graph's failed step, or SPAN_NONE */
    bool is_resumable;   /* interrupted */
    /* done, of a graph that asks back: JSON text {expires_at}, and what the chat keeps to go on
     * from it, at most LIMIT_PARKED bytes for at most LIMIT_PARKED_DAYS */
    struct span resume, parked;
    int64_t parked_ms;
    /* all */
    struct span graph;         /* its name, kept by the chat; SPAN_NONE: no graph */
    struct span model, system; /* the effective ones */
};

enum ending_text {
    ENDING_REASON,
    ENDING_ERROR,
    ENDING_FINISH_REASON,
    ENDING_MODEL,
    ENDING_SYSTEM,
    ENDING_USAGE,
    ENDING_REPLY,
    ENDING_OUTPUT,
    ENDING_GRAPH,
    ENDING_RESUME,
    ENDING_PARKED,
    ENDING_TEXTS
};

struct ending {
    const char *state; /* NULL until set */
    struct usage usage;
    bool is_resumable;
    int64_t parked_ms;
    bool has[ENDING_TEXTS];
    struct buf texts[ENDING_TEXTS];
};

void ending_init(struct ending *e);
void ending_release(struct ending *e);
void ending_set(struct ending *e, const struct run_end *end); /* replaces what was set before */
struct span ending_text(const struct ending *e, enum ending_text which); /* SPAN_NONE: not set */
size_t ending_bytes(const struct ending *e);
/* The call's arguments, borrowed from both. */
struct finish ending_finish(const struct ending *e, const struct claimed *claimed, int64_t seq);

#endif
