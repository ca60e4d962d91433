/* The text of a template cut into its pieces. A program ends at the first }} that stands in no
 * string, comment or bracket of it, so that {{ {a: {b: 1}} }} is one. */
#include "graphs/template_text.h"

struct code code_of(struct span text)
{
    return (struct code){.text = text};
}

static bool is_in_string(const struct code *c)
{
    return c->depth > 0 && c->open[c->depth - 1] == '"';
}

static int push(struct code *c, char bracket)
{
    if (c->depth == CODE_DEPTH_MAX)
        return -1;
    c->open[c->depth++] = bracket;
    return bracket;
}

/* On in a string: to its end, or into code within it. */
static int pass_string(struct code *c)
{
    while (c->next < c->text.len) {
        char byte = c->text.ptr[c->next++];
        if (byte == '"') {
            c->depth--;
            return 0;
        }
        if (byte == '\\' && c->next < c->text.len && c->text.ptr[c->next++] == '(')
            return push(c, '(') < 0 ? -1 : 0;
    }
    return 0;
}

static void pass_comment(struct code *c)
{
    while (c->next < c->text.len && c->text.ptr[c->next] != '\n')
        c->next++;
}

static int take_byte(struct code *c, char byte)
{
    static const char opening[] = "([{", closing[] = ")]}";
    const char *end = strchr(closing, byte);
    if (byte == '\0')
        return -1;
    if (byte == '"' || strchr(opening, byte) != NULL)
        return push(c, byte);
    if (end == NULL)
        return (unsigned char)byte;
    if (c->depth == 0 || c->open[c->depth - 1] != opening[end - closing])
        return -1;
    c->depth--;
    return byte;
}

int code_next(struct code *c)
{
    while (c->next < c->text.len) {
        c->at = c->next;
        if (is_in_string(c)) {
            if (pass_string(c) < 0)
                return -1;
        } else if (c->text.ptr[c->next] == '#') {
            pass_comment(c);
        } else {
            return take_byte(c, c->text.ptr[c->next++]);
        }
    }
    c->at = c->text.len;
    return c->depth == 0 ? 0 : -1;
}

static struct span from(struct span text, size_t offset)
{
    return span_make(text.ptr + offset, text.len - offset);
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct span trim(struct span s)
{
    while (s.len > 0 && is_white(s.ptr[0]))
        s = from(s, 1);
    while (s.len > 0 && is_white(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* `rest` begins with {{ */
static int cut_inside(struct span *rest, struct cut *piece, struct err *err)
{
    struct code code = code_of(from(*rest, 2));
    int byte;
    do
        byte = code_next(&code);
    while (byte > 0);
    struct span end = from(code.text, code.at);
    *piece = (struct cut){true, span_make(code.text.ptr, code.at)};
    if (byte < 0 && code.depth == 0 && span_starts_with(end, "}}")) {
        piece->text = trim(piece->text);
        if (piece->text.len == 0) {
            piece->text = *rest;
            return err_set(err, ERR_CONFIG, NULL,
                           "nothing stands in the {{ }}; write an expression, as {{ .input.message "
                           "}}");
        }
        *rest = from(end, 2);
        return 1;
    }
    if (end.len > 0) {
        piece->text = end;
        return err_set(err, ERR_CONFIG, NULL,
                       "this matches nothing that was opened in the {{ }}; write the one that "
                       "closes it");
    }
    piece->text = *rest;
    return err_set(err, ERR_CONFIG, NULL,
                   "this {{ is not closed, or a bracket or quote in it is not; write }} behind the "
                   "expression (for a {{ in the text: {{ \"{{\" }})");
}

int template_cut(struct span *rest, struct cut *piece, struct err *err)
{
    if (rest->len == 0)
        return 0;
    if (span_starts_with(*rest, "{{"))
        return cut_inside(rest, piece, err);
    const char *next = memmem(rest->ptr, rest->len, "{{", 2);
    size_t len = next == NULL ? rest->len : (size_t)(next - rest->ptr);
    *piece = (struct cut){false, span_make(rest->ptr, len)};
    *rest = from(*rest, len);
    return 1;
}

struct span secret_name(struct span inside)
{
    static const char prefix[] = "$secret.";
    if (!span_starts_with(inside, prefix))
        return SPAN_NONE;
    struct span name = from(inside, sizeof(prefix) - 1);
    for (size_t i = 0; i < name.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
                   name.ptr[i]) == NULL ||
            name.ptr[i] == '\0')
            return SPAN_NONE;
    return name.len == 0 ? SPAN_NONE : name;
}
