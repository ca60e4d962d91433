/* The only caller of malloc. */
#include "base/mem.h"

#include "base/check.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (memory == NULL)
        check_failed(__FILE__, __LINE__, "out of memory");
    return memory;
}

void *mem_new(size_t size)
{
    CHECK(size > 0);
    return or_abort(calloc(1, size));
}

void *mem_new_array(size_t count, size_t size)
{
    return or_abort(calloc(count == 0 ? 1 : count, size)); /* calloc checks the product */
}

void *mem_grow(void *old, size_t count, size_t size)
{
    return or_abort(reallocarray(old, count == 0 ? 1 : count, size));
}

void *mem_dup(const void *bytes, size_t size)
{
    CHECK(size < SIZE_MAX);
    char *copy = or_abort(malloc(size + 1));
    if (size > 0)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_dup(text, strlen(text));
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    CHECK(len >= 0);
    return or_abort(text);
}

void mem_free(void *memory)
{
    free(memory);
}

/* Setting it stops glibc from raising it with each large block that is freed. */
void mem_give_back_large(void)
{
    enum { LARGE = 256 * 1024 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGE); /* another allocator, a sanitizer's, has none */
}
