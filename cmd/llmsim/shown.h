/* The JSON objects that an instruction shows as possible answers: `Answer {"kind":"order"} for
 * orders, else {"kind":"other"}.` Pure. */
#ifndef SLUICE_LLMSIM_SHOWN_H
#define SLUICE_LLMSIM_SHOWN_H

#include "base/span.h"

enum { SHOWN_LOOKED_AT = 8192 }; /* bytes of an instruction */

/* The shown object that fits the message best, by its own words and those between it and the next
 * one; the last where none fits. SPAN_NONE: none is shown. Borrows from the instruction. */
struct span shown_best(struct span instruction, struct span message);

#endif
