/* Owns: the memory of a buffer and its doubling. Invariant: len <= max, and a NUL stands behind the
 * bytes. */
#include "base/buf.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_BYTES = 64 };

void buf_init(struct buf *b, size_t max_bytes)
{
    CHECK(max_bytes < SIZE_MAX / 4); /* so that doubling cannot overflow */
    *b = (struct buf){.max = max_bytes};
}

void buf_release(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->ptr != NULL)
        b->ptr[0] = '\0';
}

static int fail(struct buf *b)
{
    b->failed = true;
    return -ERR_TOO_LARGE;
}

/* Makes room for `more` bytes and a NUL. */
static int reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->len)
        return fail(b);
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap == 0 ? FIRST_BYTES : b->cap;
    while (cap < need)
        cap *= 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->ptr = mem_grow(b->ptr, cap, 1);
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (reserve(b, len) != 0)
        return -ERR_TOO_LARGE;
    if (len > 0)
        memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    b->ptr[b->len] = '\0';
    return 0;
}

int buf_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

int buf_span(struct buf *b, struct span s)
{
    return buf_append(b, s.ptr, s.len);
}

int buf_byte(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    CHECK(len >= 0);
    int rc = reserve(b, (size_t)len);
    if (rc == 0) {
        (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
    return rc;
}

void buf_consume(struct buf *b, size_t len)
{
    CHECK(len <= b->len);
    if (len == 0)
        return;
    b->len -= len;
    memmove(b->ptr, b->ptr + len, b->len);
    b->ptr[b->len] = '\0';
}

int buf_error(const struct buf *b)
{
    return b->failed ? -ERR_TOO_LARGE : 0;
}

struct span buf_as_span(const struct buf *b)
{
    return span_make(b->ptr == NULL ? "" : b->ptr, b->len);
}

char *buf_take(struct buf *b, size_t *len)
{
    char *memory = b->ptr == NULL ? mem_dup("", 0) : b->ptr;
    if (len != NULL)
        *len = b->len;
    *b = (struct buf){.max = b->max};
    return memory;
}
