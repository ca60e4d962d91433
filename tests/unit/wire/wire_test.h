/* What the tests of lib/wire share: spans in asserts, and a seeded generator, so that a random
 * failure can be had again. */
#ifndef SLUICE_UNIT_WIRE_TEST_H
#define SLUICE_UNIT_WIRE_TEST_H

#include "base/buf.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* How many cases a table has. */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A span of a literal's bytes, NULs inside included, as an initialiser in a table. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static inline void assert_span(struct span actual, struct span expected)
{
    if (span_equal(actual, expected) && (actual.ptr == NULL) == (expected.ptr == NULL))
        return;
    fail_msg("got '%.*s' (%zu bytes), expected '%.*s' (%zu bytes)", SPAN_ARG(actual), actual.len,
             SPAN_ARG(expected), expected.len);
}

static inline void assert_buf(const struct buf *actual, const char *expected)
{
    assert_span(buf_as_span(actual), span_of(expected));
}

/* xorshift64*; never 0 as a seed. */
static inline uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1dULL;
}

/* 0 to below - 1. */
static inline uint32_t random_below(uint64_t *seed, uint32_t below)
{
    return (uint32_t)((random_next(seed) >> 32) % below);
}

#endif
