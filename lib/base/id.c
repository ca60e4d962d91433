/* The alphabets of ids, and the minting of ours. */
#include "base/id.h"

#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { RANDOM_BYTES = 16, RANDOM_CHARACTERS = 26 };

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool id_is_valid(struct span s)
{
    bool has_other_than_dot = false;
    if (s.len == 0 || s.len > ID_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_letter_or_digit(s.ptr[i]) && (s.ptr[i] == '\0' || strchr("_.:-", s.ptr[i]) == NULL))
            return false;
        has_other_than_dot = has_other_than_dot || s.ptr[i] != '.';
    }
    return has_other_than_dot;
}

bool id_is_tenant(struct span s)
{
    if (s.len == 0 || s.len > ID_TENANT_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

bool id_is_user(struct span s)
{
    if (s.len == 0 || s.len > ID_USER_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return span_is_utf8(s);
}

struct id id_mint(const char *prefix)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's, lower case */
    uint8_t random[RANDOM_BYTES + 1] = {0};
    struct id id;
    CHECK(getrandom(random, RANDOM_BYTES, 0) == RANDOM_BYTES);
    int len = snprintf(id.text, sizeof id.text, "%s_", prefix);
    CHECK(len > 0 && (size_t)len + RANDOM_CHARACTERS < sizeof id.text);
    for (size_t i = 0; i < RANDOM_CHARACTERS; i++) { /* five bits each, the last two bits padded */
        size_t bit = i * 5, byte = bit / 8;
        unsigned pair = ((unsigned)random[byte] << 8) | random[byte + 1];
        id.text[(size_t)len + i] = alphabet[(pair >> (11 - bit % 8)) & 31];
    }
    id.text[(size_t)len + RANDOM_CHARACTERS] = '\0';
    return id;
}

struct id id_from(struct span s)
{
    struct id id;
    CHECK(id_is_valid(s));
    memcpy(id.text, s.ptr, s.len);
    id.text[s.len] = '\0';
    return id;
}
