/* Strict number parsing: the whole span must be the number; no sign where unsigned, no space, no
 * 0x, no overflow. All return 0 or -ERR_MALFORMED and leave *out untouched on failure. */
#ifndef SLUICE_BASE_NUM_H
#define SLUICE_BASE_NUM_H

#include "base/check.h"
#include "base/span.h"
#include <stdint.h>

MUST_USE int num_parse_u64(struct span s, uint64_t *out);
MUST_USE int num_parse_i64(struct span s, int64_t *out);
/* 150ms 10s 5m 24h 7d; `forever` is INT64_MAX */
MUST_USE int num_parse_ms(struct span s, int64_t *out_ms);
/* 512B 256KiB 1MiB 2GiB, or a plain number of bytes */
MUST_USE int num_parse_bytes(struct span s, uint64_t *out_bytes);

#endif
