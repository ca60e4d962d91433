/* What the tests of the command line's pure parts share. */
#ifndef SLUICE_TEST_CLI_H
#define SLUICE_TEST_CLI_H

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What was put into a buffer; it is released. */
#define assert_put(buffer, text)                                                                   \
    do {                                                                                           \
        assert_int_equal(buf_error(buffer), 0);                                                    \
        assert_string_equal((buffer)->ptr == NULL ? "" : (buffer)->ptr, text);                     \
        buf_release(buffer);                                                                       \
    } while (0)

#endif
