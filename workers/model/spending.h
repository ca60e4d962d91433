/* What a generation has used: what its provider told, and an estimate where it told nothing.
 * Requests that came to nothing count too. Pure. */
#ifndef SLUICE_WORKERS_MODEL_SPENDING_H
#define SLUICE_WORKERS_MODEL_SPENDING_H

#include "llm/llm.h"
#include "model/estimate.h"

struct spending {
    bool is_dark;    /* an earlier claim may have asked, and was lost */
    bool owes_input; /* it did ask: once more what the next request costs */
    int64_t lost_input, lost_output;

    /* the present request, or the last one */
    bool was_asked;         /* it went out */
    bool is_refused;        /* answered with an error status: that costs nothing */
    struct usage told;      /* by its provider, as far as the call is over */
    int64_t input;          /* estimated */
    struct estimate output; /* of what it said so far */
    int64_t pieces;         /* that it said that in: each is a token or more */
    int64_t part;           /* of the last one */
};

void spending_init(struct spending *s, bool is_dark);
/* A request is made. */
void spending_begin(struct spending *s, const struct llm_request *request);
/* What it says. A whole call of a tool was said in fragments before. */
void spending_piece(struct spending *s, const struct piece *piece);
void spending_call(struct spending *s, const struct call_piece *call);
int64_t spending_output(const struct spending *s); /* of the present request so far, estimated */
/* It came to nothing, and another will follow. */
void spending_lose(struct spending *s);
/* All together; `told` is what the provider of the present request said. */
struct usage spending_usage(const struct spending *s, struct usage told);
int64_t spending_input(const struct llm_request *request); /* estimated */

#endif
