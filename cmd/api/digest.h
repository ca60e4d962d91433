/* SHA-256 (FIPS 180-4) in hex over parts that are kept apart: each goes in with its length. */
#ifndef SLUICE_API_DIGEST_H
#define SLUICE_API_DIGEST_H

#include "base/span.h"

struct digest {
    char hex[65];
};

struct digest digest_of(const struct span *parts, size_t count);

#endif
