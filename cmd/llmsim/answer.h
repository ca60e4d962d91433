/* One answer under way: tokens by a timer, faults where the script wants them, never more in memory
 * than the client reads. */
#ifndef SLUICE_LLMSIM_ANSWER_H
#define SLUICE_LLMSIM_ANSWER_H

#include "format.h"
#include "http/http.h"
#include "journal.h"
#include "script.h"
#include "talk.h"

struct simulator {
    struct loop *loop;
    struct journal *journal;
    int64_t tool_ms; /* how long each answer of a tool takes */
};

/* What a request wants answered. Borrowed for the call. */
struct order {
    const struct format *format;
    const struct script *script;
    const struct asked *asked;
    const struct json *request; /* its root */
    const struct talk *talk;
    int64_t input_tokens; /* an estimate */
};

/* Takes over the request; `row` is ended when the answer is. */
void answer_start(struct simulator *sim, struct http_request *request, struct row *row,
                  const struct order *order);

#endif
