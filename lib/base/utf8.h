/* One UTF-8 character (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF). */
#ifndef SLUICE_BASE_UTF8_H
#define SLUICE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Its length in bytes, and its code point; 0 if the bytes at `p` do not begin with a whole one. */
static inline size_t utf8_next(const unsigned char *p, size_t left, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead; /* of the first byte */
        uint32_t least;           /* that needs so many bytes */
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t len = 1; len <= 4 && len <= left; len++) {
        if ((p[0] & forms[len - 1].mask) != forms[len - 1].lead)
            continue;
        uint32_t c = p[0] & (unsigned char)~forms[len - 1].mask;
        for (size_t i = 1; i < len; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (p[i] & 0x3f);
        }
        if (c < forms[len - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return 0;
        *code = c;
        return len;
    }
    return 0;
}

#endif
