/* Where a byte of a text's value stands in the file: quotes, escapes, folded lines and indentation
 * are walked along with the value. Knows how YAML writes texts, not what they mean. Invariant: what
 * it cannot follow gives the last place that it could. */
#include "graphs/place.h"

static char peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->file.len ? w->file.ptr[w->at + ahead] : '\0';
}

static bool is_at_end(const struct walk *w)
{
    return w->at >= w->file.len;
}

/* How long the line break is that begins here; 0: none does. Those of YAML 1.1. */
static size_t break_length(const struct walk *w)
{
    if (strchr("\r\n\xc2\xe2", peek(w, 0)) == NULL) /* what they begin with, and NUL */
        return 0;
    struct span rest = span_make(w->file.ptr + w->at, w->file.len - w->at);
    static const char *const breaks[] = {"\r\n",     "\n",           "\r",
                                         "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++)
        if (rest.len > 0 && span_starts_with(rest, breaks[i]))
            return strlen(breaks[i]);
    return 0;
}

/* Past one character. */
static void step(struct walk *w)
{
    size_t length = break_length(w);
    if (length > 0) {
        w->at += length;
        w->mark = (struct mark){w->mark.line + 1, 1};
        return;
    }
    if (is_at_end(w))
        return;
    do
        w->at++;
    while (((unsigned char)peek(w, 0) & 0xc0) == 0x80);
    w->mark.column++;
}

static bool is_block(const struct walk *w)
{
    return w->style == '|' || w->style == '>';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct walk *w)
{
    while (is_blank(peek(w, 0)))
        step(w);
}

static void walk_to(struct walk *w, struct mark mark)
{
    w->at = 0;
    w->mark = (struct mark){1, 1};
    while (!is_at_end(w) && (w->mark.line < mark.line ||
                             (w->mark.line == mark.line && w->mark.column < mark.column)))
        step(w);
}

/* Block texts: past `|2-` and its comment, and how far the lines are set in: as the first that is
 * not empty, but for the blanks that its value begins with. */
static size_t block_indent(struct walk *w, const char *text)
{
    while (!is_at_end(w) && break_length(w) == 0)
        step(w);
    step(w);
    struct walk look = *w;
    size_t indent = 0;
    while (!is_at_end(&look)) {
        for (indent = 0; peek(&look, 0) == ' '; indent++)
            step(&look);
        if (break_length(&look) == 0)
            break;
        step(&look);
    }
    size_t own = strspn(text, " ");
    return indent > own ? indent - own : 0;
}

static void skip_indent(struct walk *w)
{
    for (size_t i = 0; i < w->indent && peek(w, 0) == ' '; i++)
        step(w);
}

/* How many bytes of source an escape takes. */
static size_t escape_length(char c)
{
    return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

static size_t character_length(const char *text)
{
    size_t length = 1;
    while (((unsigned char)text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* Line breaks in the source, with what surrounds them: a blank in the value, or one line end
 * fewer. A literal block keeps all. */
static size_t over_breaks(struct walk *w, const char *text)
{
    size_t breaks = 0;
    while (!is_at_end(w) && break_length(w) > 0) {
        step(w);
        breaks++;
        if (is_block(w))
            skip_indent(w);
        else
            skip_blanks(w);
        if (w->style == '|')
            break;
    }
    if (*text == ' ' && breaks > 0)
        return 1;
    size_t length = 0;
    while (length < breaks && text[length] == '\n')
        length++;
    return length;
}

static bool is_before_break(const struct walk *w)
{
    struct walk look = *w;
    skip_blanks(&look);
    return break_length(&look) > 0;
}

/* Past what stands for the next character or line break of the value; how many bytes of the value
 * that was. */
static size_t advance(struct walk *w, const char *text)
{
    if (!is_block(w) && is_before_break(w))
        skip_blanks(w);
    if (break_length(w) > 0)
        return over_breaks(w, text);
    if (w->style == '"' && peek(w, 0) == '\\') {
        step(w);
        if (break_length(w) > 0) { /* a line that goes on */
            step(w);
            skip_blanks(w);
            return 0;
        }
        for (size_t left = escape_length(peek(w, 0)) - 1; left > 0; left--)
            step(w);
        return character_length(text);
    }
    if (w->style == '\'' && peek(w, 0) == '\'')
        step(w);
    step(w);
    return character_length(text);
}

static void begin(struct walk *w, const struct node *text)
{
    walk_to(w, text->at);
    w->text = text;
    w->offset = 0;
    w->indent = 0;
    w->style = text->is_plain ? 'p' : peek(w, 0);
    if (is_block(w)) {
        w->indent = block_indent(w, text->text);
        skip_indent(w);
    } else if (w->style != 'p') {
        step(w);
    }
}

struct mark place_in(struct walk *w, const struct node *text, size_t offset)
{
    if (w->text != text || w->offset > offset)
        begin(w, text);
    while (w->offset < offset && text->text[w->offset] != '\0' && !is_at_end(w))
        w->offset += advance(w, text->text + w->offset);
    return w->mark;
}
