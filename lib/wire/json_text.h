/* Private to lib/wire: JSON strings as they stand in the text, with their escapes. */
#ifndef SLUICE_WIRE_JSON_TEXT_H
#define SLUICE_WIRE_JSON_TEXT_H

#include "base/err.h"
#include "base/span.h"
#include <stdint.h>

/* As json_check; also counts the values (of which a tree has as many nodes). */
int json_scan(struct span text, size_t *nodes, struct err *err);

/* Takes the next character off a raw string that is not empty: an escape counts as the code point
 * that it stands for, what no check would let through as U+FFFD or some other character. */
uint32_t json_text_next(struct span *raw);
/* Orders two raw strings by their code points: negative, 0, positive. */
int json_text_compare(struct span a, struct span b);

#endif
