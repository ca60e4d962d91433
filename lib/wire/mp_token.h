/* Private to lib/wire: msgpack one token at a time, bounded by the bytes that are there, without
 * memory of its own. mp_check walks with it, and the hot paths read events with it. */
#ifndef SLUICE_WIRE_MP_TOKEN_H
#define SLUICE_WIRE_MP_TOKEN_H

#include "base/check.h"
#include "base/span.h"
#include <stdint.h>

enum mp_type {
    MP_NIL,
    MP_BOOL,
    MP_INT,
    MP_STR,   /* str and bin */
    MP_ARRAY, /* its `count` items follow as tokens */
    MP_MAP,   /* its `count` keys and values follow, alternating */
    MP_OTHER  /* a float, or an integer above INT64_MAX: sound, but nothing that we write */
};

struct mp_token {
    enum mp_type type;
    int64_t number; /* of an int; 0 or 1 of a bool */
    uint32_t count; /* of an array or map: at least so many bytes follow per item */
    struct span text;
};

/* Takes the next token off `rest`. False, and nothing changes, if the bytes end too soon for it
 * (for a container: for its items at a byte each), or if it is an extension type or the reserved
 * byte 0xc1. */
MUST_USE bool mp_token_next(struct span *rest, struct mp_token *out);

#endif
