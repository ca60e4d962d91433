/* Tokens of a text, for usage that no provider told: an estimate, within 15 % of what the
 * tokenizers of today's models count in English prose, markdown and code. Pure.
 *
 * The text is cut into runs of letters, digits, spaces, signs, and characters of two and of more
 * bytes; a run counts one token per 10 letters, 3 digits, 40 spaces, 3 signs, 6 or 4 bytes begun. A
 * single space belongs to the word behind it. */
#ifndef SLUICE_WORKERS_MODEL_ESTIMATE_H
#define SLUICE_WORKERS_MODEL_ESTIMATE_H

#include "base/span.h"
#include <stdint.h>

enum { ESTIMATE_MESSAGE = 4, ESTIMATE_IMAGE = 800 }; /* what a message, and an image, cost more */

int64_t estimate_tokens(struct span text);

/* The same of a text that comes in pieces. Zeroed at first. */
struct estimate {
    int64_t tokens; /* of the runs that are over */
    int run;        /* the one that goes on */
    size_t run_len;
};
void estimate_put(struct estimate *e, struct span text);
void estimate_end(struct estimate *e); /* what comes next is another text */
int64_t estimate_sum(const struct estimate *e);

#endif
