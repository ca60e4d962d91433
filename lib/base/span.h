/* A borrowed run of bytes. Not NUL-terminated, may hold NULs. */
#ifndef SLUICE_BASE_SPAN_H
#define SLUICE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr; /* NULL only when absent */
    size_t len;
};

#define SPAN_NONE         ((struct span){NULL, 0})
#define SPAN_LIT(literal) ((struct span){(literal), sizeof(literal) - 1})
/* For printf: "%.*s", SPAN_ARG(s) */
#define SPAN_ARG(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

static inline struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline struct span span_make(const char *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline bool span_is(struct span s, const char *text)
{
    return s.ptr != NULL && s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_is_nocase(struct span s, const char *text); /* ASCII only */
bool span_starts_with(struct span s, const char *prefix);
struct span span_trim(struct span s); /* spaces and tabs off both ends */
/* Cuts `rest` at the first `separator`: returns what is before it, moves `rest` behind it (to
 * SPAN_NONE at the end). */
struct span span_cut(struct span *rest, char separator);
bool span_is_utf8(struct span s);      /* strict: no overlong forms, no surrogates */
char *span_dup(struct span s);         /* owned, NUL-terminated; of SPAN_NONE "" */
char *span_dup_or_null(struct span s); /* the same, of SPAN_NONE NULL */

#endif
