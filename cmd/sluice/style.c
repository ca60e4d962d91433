/* A run of marks (#, ` or *) is held back until the character behind it tells what it is. */
#include "style.h"

static const char BOLD[] = "\033[1m", CODE[] = "\033[36m", DIM[] = "\033[2m", NORMAL[] = "\033[0m";

struct style style_new(bool is_plain)
{
    return (struct style){.is_plain = is_plain, .is_line_begin = true};
}

/* Colours as they are to be from here on. The caller of style_put looks at the buffer. */
static void light(const struct style *s, struct buf *out)
{
    if (s->is_plain)
        return;
    (void)buf_text(out, NORMAL);
    if (s->is_dim)
        (void)buf_text(out, DIM);
    if (s->is_heading || s->is_bold)
        (void)buf_text(out, BOLD);
    if (s->is_code || s->is_fenced || s->is_fence_line)
        (void)buf_text(out, CODE);
}

static void put_marks(struct style *s, struct buf *out)
{
    for (; s->mark_count > 0; s->mark_count--)
        (void)buf_byte(out, s->mark);
    s->is_line_begin = false;
}

/* What is lit includes its marks, so those that begin it come behind the colour and those that end
 * it before. */
static void toggle(struct style *s, bool *what, struct buf *out)
{
    bool was_on = *what;
    *what = !was_on;
    if (was_on)
        put_marks(s, out);
    light(s, out);
    put_marks(s, out);
}

static void end_marks(struct style *s, char next, struct buf *out)
{
    bool is_lit = !s->is_dim && !s->is_fenced && !s->is_fence_line;
    if (s->mark == '`' && s->is_line_begin && s->mark_count >= 3 && !s->is_dim) {
        s->is_fence_line = true;
        light(s, out);
        put_marks(s, out);
    } else if (is_lit && s->mark == '`') {
        toggle(s, &s->is_code, out);
    } else if (is_lit && s->mark == '*' && s->mark_count >= 2 && !s->is_code) {
        toggle(s, &s->is_bold, out);
    } else if (is_lit && s->mark == '#' && s->mark_count <= 6 && next == ' ') {
        toggle(s, &s->is_heading, out);
    } else {
        put_marks(s, out);
    }
}

static void end_line(struct style *s, struct buf *out)
{
    bool was_lit = s->is_heading || s->is_bold || s->is_code || s->is_fence_line;
    if (s->is_fence_line)
        s->is_fenced = !s->is_fenced;
    s->is_heading = s->is_bold = s->is_code = s->is_fence_line = false;
    s->is_line_begin = true;
    if (was_lit)
        light(s, out);
    (void)buf_byte(out, '\n');
}

static bool is_mark(const struct style *s, char c)
{
    return c == '`' || c == '*' || (c == '#' && s->is_line_begin);
}

static bool is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

static bool is_c1(struct span text)
{
    return text.len > 1 && (unsigned char)text.ptr[0] == 0xc2 && (unsigned char)text.ptr[1] < 0xa0;
}

/* How many bytes of the text it was. */
static size_t put_char(struct style *s, struct span text, struct buf *out)
{
    char c = *text.ptr;
    if (s->mark_count > 0 && c != s->mark)
        end_marks(s, c, out);
    if (is_mark(s, c)) {
        s->mark = c;
        s->mark_count++;
    } else if (c == '\n') {
        end_line(s, out);
    } else if (is_control(c) || is_c1(text)) {
        (void)buf_text(out, "\xef\xbf\xbd");
        return is_c1(text) ? 2 : 1;
    } else {
        s->is_line_begin = s->is_line_begin && c == ' ';
        (void)buf_byte(out, c);
    }
    return 1;
}

void style_put(struct style *s, struct span text, struct buf *out)
{
    if (s->is_dim)
        light(s, out);
    while (text.len > 0) {
        size_t len = put_char(s, text, out);
        text = span_make(text.ptr + len, text.len - len);
    }
}

void style_end(struct style *s, struct buf *out)
{
    bool is_plain = s->is_plain;
    if (s->mark_count > 0)
        end_marks(s, '\n', out);
    *s = style_new(is_plain);
    light(s, out);
}
