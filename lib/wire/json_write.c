/* Writing JSON, always in one line: no byte that we write is a line end, which the SSE frames rely
 * on. */
#include "base/utf8.h"
#include "wire/json.h"

static const char hex_digits[] = "0123456789abcdef";

/* Everything is well but quotes, backslashes, control characters and what is not ASCII. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_unicode_escape(struct buf *b, uint32_t code)
{
    const char text[] = {'\\',
                         'u',
                         hex_digits[code >> 12 & 15],
                         hex_digits[code >> 8 & 15],
                         hex_digits[code >> 4 & 15],
                         hex_digits[code & 15]};
    (void)buf_append(b, text, sizeof(text)); /* the buffer remembers: so everywhere in this file */
}

static void put_ascii_escape(struct buf *b, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c == '\0' ? NULL : strchr(from, c);
    if (known == NULL) {
        put_unicode_escape(b, c);
        return;
    }
    const char text[] = {'\\', to[known - from]};
    (void)buf_append(b, text, sizeof(text));
}

/* What stands at `p`, which is not plain; returns its length. */
static size_t put_special(struct buf *b, const unsigned char *p, size_t left)
{
    uint32_t code;
    size_t len = utf8_next(p, left, &code);
    if (len == 0) {
        (void)buf_text(b, "\xef\xbf\xbd");
        return 1;
    }
    if (len == 1)
        put_ascii_escape(b, *p);
    else if (code == 0x2028 || code == 0x2029)
        put_unicode_escape(b, code);
    else
        (void)buf_append(b, p, len);
    return len;
}

void json_put_string(struct buf *b, struct span s)
{
    if (s.ptr == NULL) {
        (void)buf_text(b, "null");
        return;
    }
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t at = 0;
    (void)buf_byte(b, '"');
    while (at < s.len) {
        size_t run = at;
        while (run < s.len && is_plain(p[run]))
            run++;
        if (run > at)
            (void)buf_append(b, p + at, run - at);
        at = run;
        if (at < s.len)
            at += put_special(b, p + at, s.len - at);
    }
    (void)buf_byte(b, '"');
}

void json_put_int(struct buf *b, int64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        digits[--at] = '-';
    (void)buf_append(b, digits + at, sizeof(digits) - at);
}

void json_put_bool(struct buf *b, bool v)
{
    (void)buf_text(b, v ? "true" : "false");
}

void json_put_raw(struct buf *b, struct span text)
{
    if (text.len == 0) {
        (void)buf_text(b, "null");
        return;
    }
    size_t at = 0;
    while (at < text.len) {
        size_t run = at;
        while (run < text.len && text.ptr[run] != '\n' && text.ptr[run] != '\r')
            run++;
        (void)buf_append(b, text.ptr + at, run - at);
        if (run < text.len)
            (void)buf_byte(b, ' ');
        at = run + 1;
    }
}

struct json_writer json_writer(struct buf *b)
{
    return (struct json_writer){.buf = b};
}

static void put_comma(struct json_writer *w, bool has_name)
{
    if (w->depth == 0)
        return;
    uint64_t bit = 1ULL << (w->depth - 1);
    CHECK(has_name == ((w->is_object & bit) != 0));
    if ((w->has_item & bit) != 0)
        (void)buf_byte(w->buf, ',');
    w->has_item |= bit;
}

void json_key_raw(struct json_writer *w, struct span raw_name)
{
    put_comma(w, true);
    (void)buf_byte(w->buf, '"');
    (void)buf_span(w->buf, raw_name);
    (void)buf_text(w->buf, "\":");
}

void json_key(struct json_writer *w, struct span name)
{
    put_comma(w, name.ptr != NULL);
    if (name.ptr != NULL) {
        json_put_string(w->buf, name);
        (void)buf_byte(w->buf, ':');
    }
}

void json_open(struct json_writer *w, const char *name, char bracket)
{
    CHECK(w->depth < 64 && (bracket == '{' || bracket == '['));
    json_key(w, span_of(name));
    uint64_t bit = 1ULL << w->depth++;
    w->has_item &= ~bit;
    w->is_object = bracket == '{' ? w->is_object | bit : w->is_object & ~bit;
    (void)buf_byte(w->buf, bracket);
}

void json_close(struct json_writer *w)
{
    CHECK(w->depth > 0);
    uint64_t bit = 1ULL << --w->depth;
    (void)buf_byte(w->buf, (w->is_object & bit) != 0 ? '}' : ']');
}

void json_member_str(struct json_writer *w, const char *name, struct span s)
{
    json_key(w, span_of(name));
    json_put_string(w->buf, s);
}

void json_member_int(struct json_writer *w, const char *name, int64_t v)
{
    json_key(w, span_of(name));
    json_put_int(w->buf, v);
}

void json_member_bool(struct json_writer *w, const char *name, bool v)
{
    json_key(w, span_of(name));
    json_put_bool(w->buf, v);
}

void json_member_null(struct json_writer *w, const char *name)
{
    json_member_raw(w, name, SPAN_NONE);
}

void json_member_raw(struct json_writer *w, const char *name, struct span text)
{
    json_key(w, span_of(name));
    json_put_raw(w->buf, text);
}
