/* What the tests of the workers' pure parts share. */
#ifndef SLUICE_TESTS_WORKERS_WORKER_TEST_H
#define SLUICE_TESTS_WORKERS_WORKER_TEST_H

#include "base/span.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_span(actual, expected) check_span((actual), (expected), __FILE__, __LINE__)

static inline void check_span(struct span actual, struct span expected, const char *file, int line)
{
    if ((actual.ptr == NULL) == (expected.ptr == NULL) && span_equal(actual, expected))
        return;
    print_error("%s:%d: \"%.*s\" is not \"%.*s\"\n", file, line, SPAN_ARG(actual),
                SPAN_ARG(expected));
    fail();
}

#endif
