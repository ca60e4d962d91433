/* Base64 (RFC 4648, section 4), strict: the standard alphabet, padded, no white space, no bits that
 * nobody reads. */
#ifndef SLUICE_WIRE_BASE64_H
#define SLUICE_WIRE_BASE64_H

#include "base/buf.h"

/* Appends what `text` stands for. -ERR_MALFORMED, and nothing is appended, when it is no Base64;
 * -ERR_TOO_LARGE when `b` is full. */
MUST_USE int base64_decode(struct buf *b, struct span text);

#endif
