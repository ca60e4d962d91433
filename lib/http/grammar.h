/* The small words of RFC 9110 and 9112: characters and fields. Pure functions. */
#ifndef SLUICE_HTTP_GRAMMAR_H
#define SLUICE_HTTP_GRAMMAR_H

#include "base/span.h"
#include <stdint.h>

bool grammar_is_token(struct span s); /* 1*tchar */
bool grammar_is_field_value(
    struct span s); /* visible characters, obs-text, spaces and tabs inside */
bool grammar_is_target(
    struct span s); /* no controls, spaces, quotes or other characters that a URI cannot hold */
bool grammar_is_host(struct span s);            /* uri-host [ ":" port ] */
bool grammar_is_chunk_extension(struct span s); /* what stands behind the first `;`: name[=token or
                                                   "quoted"], more behind `;`, no blanks between */
int grammar_hex_digit(char c); /* the value of one that is known to be a hex digit */
bool grammar_parse_hex(struct span s, uint64_t *out); /* 1 to 15 hex digits, nothing else */

#endif
