/* What a generation has used: what its provider told, and an estimate where it told nothing.
 * Requests that came to nothing count too. Pure. */
#ifndef SLUICE_WORKERS_STREAM_SPENDING_H
#define SLUICE_WORKERS_STREAM_SPENDING_H

#include "llm/llm.h"
#include "stream/reply.h"

struct spending {
    bool is_dark;    /* an earlier claim may have asked, and was lost */
    bool owes_input; /* it did ask: once more what the next request costs */
    int64_t lost_input, lost_output;

    /* the present request, or the last one */
    bool was_asked;         /* it went out */
    bool is_refused;        /* answered with an error status: that costs nothing */
    struct usage told;      /* by its provider, as far as the call is over */
    int64_t input;          /* estimated */
    int64_t pieces;         /* of output */
    struct reply_mark from; /* where its output begins in the reply */
};

void spending_init(struct spending *s, bool is_dark);
/* A request is made. */
void spending_begin(struct spending *s, const struct llm_request *request,
                    const struct reply *reply);
/* It came to nothing, and another will follow. */
void spending_lose(struct spending *s, const struct reply *reply);
/* All together; `told` is what the provider of the present request said. */
struct usage spending_usage(const struct spending *s, struct usage told, const struct reply *reply);
int64_t spending_input(const struct llm_request *request); /* estimated */
int64_t spending_output(const struct reply *reply, struct reply_mark from);

#endif
