/* Asserts for programmers' errors: on in every build, never for input. A failed one prints where
 * and aborts. */
#ifndef SLUICE_BASE_CHECK_H
#define SLUICE_BASE_CHECK_H

#include <stdint.h>

_Noreturn void check_failed(const char *file, int line, const char *what);

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

/* Every struct that passes through a `void *` begins with `uint32_t magic`; the callback opens with
 * CHECK_MAGIC. */
#define CHECK_MAGIC(object, value) CHECK((object) != NULL && (object)->magic == (value))

/* Results that must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

#endif
