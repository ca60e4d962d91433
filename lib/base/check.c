/* The last words of a process that broke its own rules. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "CHECK failed at %s:%d: %s\n", file, line, what);
    abort();
}
