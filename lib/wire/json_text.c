/* JSON text without a tree: raw strings are compared, members found and walked where they stand.
 * The answers are right for checked text; other bytes (a damaged record) give some answer, but no
 * step ever leaves the span. */
#include "wire/json_text.h"
#include "base/utf8.h"
#include "wire/json.h"

enum { REPLACEMENT = 0xfffd };

static uint32_t hex_digit(char c)
{
    if (c <= '9')
        return (uint32_t)(c - '0');
    return (uint32_t)((c | 0x20) - 'a' + 10);
}

static uint32_t hex4(const char *p)
{
    uint32_t code = 0;
    for (size_t i = 0; i < 4; i++)
        code = code << 4 | hex_digit(p[i]);
    return code;
}

static void skip(struct span *s, size_t len)
{
    *s = span_make(s->ptr + len, s->len - len);
}

/* Behind the backslash and its `u`. */
static uint32_t take_unicode_escape(struct span *raw)
{
    if (raw->len < 4) {
        skip(raw, raw->len);
        return REPLACEMENT;
    }
    uint32_t code = hex4(raw->ptr);
    skip(raw, 4);
    if (code < 0xd800 || code > 0xdbff || raw->len < 6)
        return code;
    uint32_t low = hex4(raw->ptr + 2); /* the check has seen that a low surrogate follows */
    skip(raw, 6);
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

uint32_t json_text_next(struct span *raw)
{
    static const char letters[] = "bfnrt", stands_for[] = "\b\f\n\r\t";
    if (raw->ptr[0] != '\\') {
        uint32_t code = 0;
        size_t len = utf8_next((const unsigned char *)raw->ptr, raw->len, &code);
        skip(raw, len == 0 ? 1 : len);
        return len == 0 ? REPLACEMENT : code;
    }
    if (raw->len < 2) {
        skip(raw, 1);
        return REPLACEMENT;
    }
    char c = raw->ptr[1];
    skip(raw, 2);
    if (c == 'u')
        return take_unicode_escape(raw);
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    return (unsigned char)(letter == NULL ? c : stands_for[letter - letters]);
}

int json_text_compare(struct span a, struct span b)
{
    while (a.len > 0 && b.len > 0) {
        uint32_t from_a = json_text_next(&a), from_b = json_text_next(&b);
        if (from_a != from_b)
            return from_a < from_b ? -1 : 1;
    }
    return (a.len > 0) - (b.len > 0);
}

bool json_name_is(struct span raw, const char *name)
{
    struct span plain = span_of(name);
    while (raw.len > 0 && plain.len > 0) {
        uint32_t code = 0;
        size_t len = utf8_next((const unsigned char *)plain.ptr, plain.len, &code);
        if (len == 0 || json_text_next(&raw) != code)
            return false;
        skip(&plain, len);
    }
    return raw.len == plain.len;
}

bool json_names_match(struct span raw, struct span other_raw)
{
    return json_text_compare(raw, other_raw) == 0;
}

/* Behind the string whose opening quote is at `at`. */
static size_t string_end(struct span s, size_t at)
{
    for (at++; at < s.len && s.ptr[at] != '"'; at++) {
        if (s.ptr[at] == '\\')
            at++;
    }
    return at < s.len ? at + 1 : s.len;
}

/* Behind the value that begins at 0. */
static size_t value_end(struct span s)
{
    size_t depth = 0, at = 0;
    while (at < s.len) {
        char c = s.ptr[at];
        if (c == '"') {
            at = string_end(s, at);
            if (depth == 0)
                return at;
            continue;
        }
        bool is_end = c == '}' || c == ']';
        if (depth == 0 && (is_end || strchr(", \t\r\n", c) != NULL))
            return at; /* of a number or word */
        depth += c == '{' || c == '[';
        depth -= is_end;
        at++;
        if (is_end && depth == 0)
            return at;
    }
    return at;
}

static void skip_space(struct span *s)
{
    while (s->len > 0 && strchr(" \t\r\n", s->ptr[0]) != NULL)
        skip(s, 1);
}

static struct json_walk walk_inside(struct span text, char bracket)
{
    struct json_walk walk = {.rest = SPAN_NONE, .is_object = bracket == '{'};
    skip_space(&text);
    if (text.len > 0 && text.ptr[0] == bracket)
        walk.rest = span_make(text.ptr + 1, text.len - 1);
    return walk;
}

struct json_walk json_walk_object(struct span text)
{
    return walk_inside(text, '{');
}

struct json_walk json_walk_array(struct span text)
{
    return walk_inside(text, '[');
}

static struct span take(struct span *s, size_t len)
{
    struct span taken = span_make(s->ptr, len);
    skip(s, len);
    return taken;
}

bool json_walk_next(struct json_walk *walk, struct span *name, struct span *value)
{
    struct span *rest = &walk->rest;
    skip_space(rest);
    if (rest->len == 0 || rest->ptr[0] == '}' || rest->ptr[0] == ']')
        return false;
    *name = SPAN_NONE;
    if (walk->is_object) {
        struct span quoted = take(rest, string_end(*rest, 0));
        skip_space(rest);
        if (quoted.len < 2 || rest->len == 0)
            return false;
        *name = span_make(quoted.ptr + 1, quoted.len - 2);
        skip(rest, 1); /* the colon */
        skip_space(rest);
    }
    *value = take(rest, value_end(*rest));
    skip_space(rest);
    if (rest->len > 0 && rest->ptr[0] == ',')
        skip(rest, 1);
    return true;
}

struct span json_raw(struct span text, const char *name)
{
    struct json_walk walk = json_walk_object(text);
    struct span member, value;
    while (json_walk_next(&walk, &member, &value)) {
        if (json_name_is(member, name))
            return value;
    }
    return SPAN_NONE;
}
