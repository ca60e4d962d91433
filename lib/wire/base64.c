/* Base64, decoded. Pure. */
#include "wire/base64.h"
#include "base/err.h"

/* The six bits of a letter, or -1. */
static int bits_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding_of(struct span text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    return padding;
}

static bool is_base64(struct span text)
{
    if (text.len % 4 != 0)
        return false;
    size_t padding = padding_of(text);
    size_t letters = text.len - padding;
    for (size_t i = 0; i < letters; i++)
        if (bits_of(text.ptr[i]) < 0)
            return false;
    unsigned unread = padding == 0 ? 0 : padding == 1 ? 0x03 : 0x0f;
    return unread == 0 || ((unsigned)bits_of(text.ptr[letters - 1]) & unread) == 0;
}

int base64_decode(struct buf *b, struct span text)
{
    if (!is_base64(text))
        return -ERR_MALFORMED;
    size_t padding = padding_of(text);
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            int bits = bits_of(text.ptr[i + j]);
            group = group << 6 | (bits < 0 ? 0 : (uint32_t)bits); /* padding */
        }
        const char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        size_t count = i + 4 == text.len ? 3 - padding : 3;
        if (buf_append(b, bytes, count) != 0)
            return -ERR_TOO_LARGE;
    }
    return 0;
}
