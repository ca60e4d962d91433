/* Which characters and fields are well-formed. Invariant: what is not in the grammar is refused. */
#include "http/grammar.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { HEX_DIGITS_MAX = 15, PORT_MAX = 65535 };

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int grammar_hex_digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool grammar_is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && !is_one_of(s.ptr[i], "!#$%&'*+-.^_`|~"))
            return false;
    return s.len > 0;
}

bool grammar_is_field_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool grammar_is_target(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && !is_one_of(s.ptr[i], "-._~:/?#[]@!$&'()*+,;=%"))
            return false;
        if (s.ptr[i] == '#' ||
            (s.ptr[i] == '%' && (s.len - i < 3 || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2]))))
            return false;
    }
    return s.len > 0;
}

static bool is_name_or_address(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && !is_one_of(s.ptr[i], "-._~"))
            return false;
    return s.len > 0;
}

static bool is_v6(struct span s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len >= sizeof text)
        return false;
    (void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(s)); /* fits */
    return inet_pton(AF_INET6, text, &address) == 1;
}

bool grammar_is_host(struct span s)
{
    struct span rest = s, host;
    uint64_t port;
    bool is_bracketed = s.len > 0 && s.ptr[0] == '[';
    if (is_bracketed) {
        rest = span_make(s.ptr + 1, s.len - 1);
        host = span_cut(&rest, ']');
        if (rest.ptr == NULL || !is_v6(host) || (rest.len > 0 && rest.ptr[0] != ':'))
            return false;
        rest = rest.len == 0 ? SPAN_NONE : span_make(rest.ptr + 1, rest.len - 1);
    } else {
        host = span_cut(&rest, ':');
        if (!is_name_or_address(host))
            return false;
    }
    return rest.ptr == NULL || (num_parse_u64(rest, &port) == 0 && port <= PORT_MAX);
}

/* Length of the quoted string that begins here, quotes included; 0 when it does not end. */
static size_t quoted_length(struct span s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '"')
            return i + 1;
        i += s.ptr[i] == '\\';
    }
    return 0;
}

bool grammar_is_chunk_extension(struct span s)
{
    if (!grammar_is_field_value(s))
        return false;
    for (size_t at = 0;;) {
        size_t end = at;
        while (end < s.len && s.ptr[end] != ';' && s.ptr[end] != '=')
            end++;
        if (!grammar_is_token(span_make(s.ptr + at, end - at)))
            return false;
        if (end < s.len && s.ptr[end] == '=') {
            struct span rest = span_make(s.ptr + end + 1, s.len - end - 1), value = rest;
            size_t quoted = rest.len > 0 && rest.ptr[0] == '"' ? quoted_length(rest) : 0;
            value = quoted > 0 ? span_make(rest.ptr, quoted) : span_cut(&value, ';');
            if (quoted == 0 && !grammar_is_token(value))
                return false;
            end += 1 + value.len;
        }
        if (end == s.len)
            return true;
        if (s.ptr[end] != ';')
            return false;
        at = end + 1;
    }
}

bool grammar_parse_hex(struct span s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0 || s.len > HEX_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_hex(c))
            return false;
        value = value * 16 + (uint64_t)grammar_hex_digit(c);
    }
    *out = value;
    return true;
}
