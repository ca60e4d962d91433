/* A growable byte buffer that names its maximum. An append that would pass it changes nothing,
 * marks the buffer failed and returns -ERR_TOO_LARGE; further appends fail too, so a caller may
 * append many times and look once with buf_error. */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include "base/check.h"
#include "base/span.h"
#include <stdint.h>

struct buf {
    char *ptr; /* always followed by a NUL once anything was appended */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_release(struct buf *b); /* frees; the buffer may be used again after buf_init */
void buf_reset(struct buf *b);   /* empties, keeps memory */
int buf_append(struct buf *b, const void *bytes, size_t len);
int buf_text(struct buf *b, const char *text);
int buf_span(struct buf *b, struct span s);
int buf_byte(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *b, const char *format, ...);
void buf_consume(struct buf *b, size_t len); /* drops bytes from the front */
MUST_USE int buf_error(const struct buf *b); /* 0 or -ERR_TOO_LARGE */
struct span buf_as_span(const struct buf *b);
/* Hands over the memory (owned, NUL-terminated, never NULL); b is empty after it. */
char *buf_take(struct buf *b, size_t *len);

#endif
