/* The strict scanner that all JSON from outside passes. One pass, no recursion: open brackets are
 * bits, names of the top two levels are kept until their object ends and sorted then. Invariant:
 * what it accepts, cJSON parses, and no string in it holds a NUL, so that cJSON's C strings are
 * whole. */
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json.h"
#include "wire/json_text.h"
#include "wire/limits.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    NUMBER_MAX = 63, /* what cJSON's number buffer holds */
    NAMED_LEVELS = 2 /* objects at these depths must not repeat a name */
};
_Static_assert(LIMIT_JSON_DEPTH <= 63, "open brackets are kept as bits");

struct name {
    struct span raw;
    bool has_escape;
};

struct scan {
    const unsigned char *start, *at, *end;
    const char *wrong; /* the first finding; it lies at `at` */
    size_t nodes;
    unsigned depth;
    uint64_t objects; /* bit n: the bracket at depth n + 1 is a { */
    struct name *names;
    size_t name_count, name_room;
    size_t marks[NAMED_LEVELS]; /* where the names of the open object at this depth begin */
};

static bool fail(struct scan *s, const char *wrong)
{
    s->wrong = wrong;
    return false;
}

static bool is_at(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == (unsigned char)c;
}

static bool is_in_object(const struct scan *s)
{
    return s->depth > 0 && (s->objects >> (s->depth - 1) & 1) != 0;
}

static void skip_space(struct scan *s)
{
    while (is_at(s, ' ') || is_at(s, '\n') || is_at(s, '\r') || is_at(s, '\t'))
        s->at++;
}

static bool is_digit(const struct scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool scan_digits(struct scan *s)
{
    if (!is_digit(s))
        return fail(s, "a digit is missing");
    while (is_digit(s))
        s->at++;
    return true;
}

static bool scan_number(struct scan *s)
{
    const unsigned char *begin = s->at;
    s->at += is_at(s, '-');
    bool is_zero = is_at(s, '0');
    if (!scan_digits(s))
        return false;
    if (is_zero && s->at - begin > 1 + (*begin == '-'))
        return fail(s, "a number begins with a needless zero");
    if (is_at(s, '.')) {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (is_at(s, 'e') || is_at(s, 'E')) {
        s->at++;
        s->at += is_at(s, '+') || is_at(s, '-');
        if (!scan_digits(s))
            return false;
    }
    if (s->at - begin > NUMBER_MAX)
        return fail(s, "a number is too long");
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return fail(s, "this is no value");
    s->at += len;
    return true;
}

/* The \uXXXX at `at`, where a backslash is. */
static bool scan_hex(struct scan *s, uint32_t *code)
{
    static const char digits[] = "0123456789abcdef";
    if (s->end - s->at < 6 || s->at[1] != 'u')
        return fail(s, "an escape is cut off");
    uint32_t value = 0;
    for (size_t i = 2; i < 6; i++) {
        unsigned char c = s->at[i];
        const char *digit = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);
        if (digit == NULL)
            return fail(s, "\\u needs four hexadecimal digits");
        value = value << 4 | (uint32_t)(digit - digits);
    }
    *code = value;
    return true;
}

static bool scan_unicode_escape(struct scan *s)
{
    uint32_t code, low;
    if (!scan_hex(s, &code))
        return false;
    if (code == 0)
        return fail(s, "\\u0000 is not allowed");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(s, "a low surrogate stands alone");
    s->at += 6;
    if (code < 0xd800 || code > 0xdbff)
        return true;
    if (!is_at(s, '\\') || !scan_hex(s, &low) || low < 0xdc00 || low > 0xdfff)
        return fail(s, "a high surrogate stands alone");
    s->at += 6;
    return true;
}

static bool scan_escape(struct scan *s)
{
    if (s->end - s->at < 2)
        return fail(s, "an escape is cut off");
    unsigned char c = s->at[1];
    if (c == 'u')
        return scan_unicode_escape(s);
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fail(s, "there is no such escape");
    s->at += 2;
    return true;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* A run of plain characters, or one of several bytes. */
static bool scan_characters(struct scan *s)
{
    const unsigned char *at = s->at;
    while (at < s->end && is_plain(*at))
        at++;
    if (at > s->at) {
        s->at = at;
        return true;
    }
    if (*at < 0x20)
        return fail(s, "a control character stands in a string");
    uint32_t code;
    size_t len = utf8_next(s->at, (size_t)(s->end - s->at), &code);
    if (len == 0)
        return fail(s, "this is not UTF-8");
    s->at += len;
    return true;
}

/* From the opening quote on. */
static bool scan_string(struct scan *s, struct name *out)
{
    const unsigned char *begin = ++s->at;
    bool has_escape = false;
    while (!is_at(s, '"')) {
        if (s->at == s->end)
            return fail(s, "a string has no end");
        bool is_escape = *s->at == '\\';
        if (is_escape ? !scan_escape(s) : !scan_characters(s))
            return false;
        has_escape |= is_escape;
    }
    out->raw = span_make((const char *)begin, (size_t)(s->at - begin));
    out->has_escape = has_escape;
    s->at++;
    return true;
}

/* By code points, which is also the order of UTF-8's bytes. */
static int compare_names(const struct name *a, const struct name *b)
{
    if (a->has_escape || b->has_escape)
        return json_text_compare(a->raw, b->raw);
    size_t shared = a->raw.len < b->raw.len ? a->raw.len : b->raw.len;
    int order = memcmp(a->raw.ptr, b->raw.ptr, shared);
    return order != 0 ? order : (a->raw.len > b->raw.len) - (a->raw.len < b->raw.len);
}

/* Equal ones by place, so that it is the second of two that is found. */
static int compare_places(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = compare_names(a, b);
    return order != 0 ? order : (a->raw.ptr > b->raw.ptr) - (a->raw.ptr < b->raw.ptr);
}

static void keep_name(struct scan *s, struct name name)
{
    if (s->name_count == s->name_room) {
        s->name_room = s->name_room == 0 ? 16 : 2 * s->name_room;
        s->names = mem_grow(s->names, s->name_room, sizeof(*s->names));
    }
    s->names[s->name_count++] = name;
}

static bool are_names_unique(struct scan *s)
{
    size_t mark = s->marks[s->depth - 1];
    size_t count = s->name_count - mark;
    s->name_count = mark;
    if (count < 2)
        return true;
    struct name *names = s->names + mark;
    qsort(names, count, sizeof(*names), compare_places);
    for (size_t i = 1; i < count; i++) {
        if (compare_names(&names[i - 1], &names[i]) == 0) {
            s->at = (const unsigned char *)names[i].raw.ptr;
            return fail(s, "this name stands twice in one object");
        }
    }
    return true;
}

static bool scan_name(struct scan *s)
{
    struct name name;
    if (!is_at(s, '"'))
        return fail(s, "a name in quotes is missing");
    if (!scan_string(s, &name))
        return false;
    if (s->depth <= NAMED_LEVELS)
        keep_name(s, name);
    skip_space(s);
    if (!is_at(s, ':'))
        return fail(s, "a colon is missing");
    s->at++;
    skip_space(s);
    return true;
}

static bool open_bracket(struct scan *s)
{
    if (s->depth == LIMIT_JSON_DEPTH)
        return fail(s, "this is nested too deep");
    uint64_t bit = 1ULL << s->depth;
    s->objects = is_at(s, '{') ? s->objects | bit : s->objects & ~bit;
    if (s->depth < NAMED_LEVELS)
        s->marks[s->depth] = s->name_count;
    s->depth++;
    s->at++;
    return true;
}

static bool scan_value(struct scan *s)
{
    struct name ignored;
    if (++s->nodes > LIMIT_JSON_NODES)
        return fail(s, "these are too many values");
    switch (s->at < s->end ? *s->at : '\0') {
    case '{':
    case '[':
        return open_bracket(s);
    case '"':
        return scan_string(s, &ignored);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return is_at(s, '-') || is_digit(s) ? scan_number(s) : fail(s, "a value is missing");
    }
}

/* Closing brackets, as many as stand here, then a comma or the end of all. */
static bool scan_ends(struct scan *s)
{
    while (s->depth > 0) {
        skip_space(s);
        if (is_at(s, ',')) {
            s->at++;
            return true;
        }
        if (!is_at(s, is_in_object(s) ? '}' : ']'))
            return fail(s, is_in_object(s) ? "a comma or } is missing" : "a comma or ] is missing");
        if (is_in_object(s) && s->depth <= NAMED_LEVELS && !are_names_unique(s))
            return false;
        s->at++;
        s->depth--;
    }
    return true;
}

/* A value and what stands around it: the name before it, the ends behind it. */
static bool scan_item(struct scan *s)
{
    skip_space(s);
    if (is_in_object(s) && !scan_name(s))
        return false;
    unsigned depth = s->depth;
    if (!scan_value(s))
        return false;
    skip_space(s);
    bool has_items = s->depth > depth && !is_at(s, is_in_object(s) ? '}' : ']');
    return has_items || scan_ends(s);
}

int json_scan(struct span text, size_t *nodes, struct err *err)
{
    const unsigned char *start = (const unsigned char *)(text.len == 0 ? "" : text.ptr);
    struct scan s = {.start = start, .at = start, .end = start + text.len};
    bool is_sound;
    do {
        is_sound = scan_item(&s);
    } while (is_sound && s.depth > 0);
    if (is_sound)
        skip_space(&s);
    if (is_sound && s.at < s.end)
        is_sound = fail(&s, "something stands behind the end");
    mem_free(s.names);
    if (!is_sound)
        return err_set(err, ERR_BAD_REQUEST, NULL, "not valid JSON at byte %zu: %s",
                       (size_t)(s.at - s.start), s.wrong);
    *nodes = s.nodes;
    return 0;
}

int json_check(struct span text, struct err *err)
{
    size_t nodes;
    return json_scan(text, &nodes, err);
}
