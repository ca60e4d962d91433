/* One answer under way: tokens by a timer, faults where the script wants them, never more in memory
 * than the client reads. */
#ifndef SLUICE_LLMSIM_ANSWER_H
#define SLUICE_LLMSIM_ANSWER_H

#include "http/http.h"
#include "journal.h"
#include "script.h"

struct simulator {
    struct loop *loop;
    struct journal *journal;
};

struct asked {
    struct span model;
    bool wants_stream;
    bool wants_usage;
    int64_t max_tokens;   /* -1: none */
    int64_t input_tokens; /* an estimate */
};

/* Takes over the request; `row` is ended when the answer is. */
void answer_start(struct simulator *sim, struct http_request *request, struct row *row,
                  const struct script *script, const struct asked *asked);

#endif
