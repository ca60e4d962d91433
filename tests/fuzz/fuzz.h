/* What a fuzzer provides and what it may use. Findings are failed CHECKs and what the sanitizers
 * see. */
#ifndef SLUICE_FUZZ_FUZZ_H
#define SLUICE_FUZZ_FUZZ_H

#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

/* One input, in memory of exactly its size. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
