/* Looking at runs of bytes. Nothing is read behind `len`. */
#include "base/span.h"

#include "base/mem.h"

#include <stdint.h>
#include <strings.h>

bool span_is_nocase(struct span s, const char *text)
{
    return s.ptr != NULL && s.len == strlen(text) && strncasecmp(s.ptr, text, s.len) == 0;
}

bool span_starts_with(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && (len == 0 || memcmp(s.ptr, prefix, len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct span span_cut(struct span *rest, char separator)
{
    struct span all = *rest;
    const char *at = all.len == 0 ? NULL : memchr(all.ptr, separator, all.len);
    if (at == NULL) {
        *rest = SPAN_NONE;
        return all;
    }
    size_t len = (size_t)(at - all.ptr);
    *rest = span_make(at + 1, all.len - len - 1);
    return span_make(all.ptr, len);
}

/* How many continuation bytes follow `lead`, and the bounds of the first of them (Unicode table
 * 3-7); -1 when no character begins so. */
static int continuation(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 0;
    if (lead < 0xc2 || lead > 0xf4)
        return -1;
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

bool span_is_utf8(struct span s)
{
    for (size_t i = 0; i < s.len;) {
        uint8_t low, high;
        int more = continuation((uint8_t)s.ptr[i], &low, &high);
        if (more < 0 || s.len - i <= (size_t)more)
            return false;
        for (int k = 1; k <= more; k++, low = 0x80, high = 0xbf)
            if ((uint8_t)s.ptr[i + (size_t)k] < low || (uint8_t)s.ptr[i + (size_t)k] > high)
                return false;
        i += (size_t)more + 1;
    }
    return true;
}

char *span_dup(struct span s)
{
    return mem_dup(s.ptr, s.len);
}

char *span_dup_or_null(struct span s)
{
    return s.ptr == NULL ? NULL : span_dup(s);
}
