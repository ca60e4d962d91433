/* What a message is about, as far as its words tell. Pure. */
#ifndef SLUICE_LLMSIM_WORDS_H
#define SLUICE_LLMSIM_WORDS_H

#include "base/span.h"
#include <stdint.h>

enum { WORDS_LOOKED_AT = 4096 }; /* bytes of a text; what is behind them does not count */

/* The next word of `rest`: letters and digits (bytes from 0x80 on are letters), what is between
 * them is skipped, `_` and `-` too. False at the end. */
bool words_next(struct span *rest, struct span *word);
/* How many of the message's words that say something `about` has, in this or a longer form. */
int words_score(struct span message, struct span about);
/* The nth whole number (from 0) of the text; false when there are fewer. */
bool words_number(struct span text, size_t nth, int64_t *out);
/* The nth run of letters, digits and dashes that has a digit: an order's number, a code. SPAN_NONE
 * when there are fewer. */
struct span words_code(struct span text, size_t nth);
/* What stands between the first pair of double quotes; SPAN_NONE: nothing. */
struct span words_quoted(struct span text);
/* The first run without spaces that has `mark` in it ("@", "://"); SPAN_NONE: none. */
struct span words_with(struct span text, const char *mark);

#endif
