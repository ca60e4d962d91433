/* A scanner of jq's text, by the rules of its lexer (1.6 and 1.7). Invariant: `open` has one mark
 * for each bracket, interpolation and `if` that has begun and not ended. */
#include "graphs/expr.h"

/* What has begun: a bracket by its character, an interpolation, an `if`. */
enum { OPEN_INTERPOLATION = '"', OPEN_IF = 'i' };
/* The token before, where it matters; another bracket or operator is told by its character. */
enum { TOKEN_OTHER = 0, TOKEN_WORD = 'w' };

static const char NOT_ALLOWED[] = "is not allowed in expressions";

struct scan {
    struct span text;
    size_t at;
    char open[EXPR_DEPTH_MAX];
    size_t depth;
    char before; /* the token before, comments and spaces left out */
    size_t *offset;
    struct err *err;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* NUL at the end, as nothing in a program is one. */
static char peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? s->text.ptr[s->at + ahead] : '\0';
}

static char top(const struct scan *s)
{
    return s->depth == 0 ? '\0' : s->open[s->depth - 1];
}

static int refuse(const struct scan *s, const char *why)
{
    if (s->offset != NULL)
        *s->offset = s->at;
    return err_set(s->err, ERR_CONFIG, NULL, "%s", why);
}

static int refuse_name(const struct scan *s, const char *sigil, struct span name, const char *why)
{
    if (s->offset != NULL)
        *s->offset = s->at;
    return err_set(s->err, ERR_CONFIG, NULL, "`%s%.*s` %s", sigil, SPAN_ARG(name), why);
}

static int enter(struct scan *s, char what)
{
    if (s->depth == EXPR_DEPTH_MAX)
        return refuse(s, "it is nested too deep");
    s->open[s->depth++] = what;
    return 0;
}

static bool is_one_of(struct span word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (span_is(word, *list))
            return true;
    return false;
}

static int check_function(const struct scan *s, struct span word)
{
    static const char *const refused[] = {"import",
                                          "include",
                                          "input",
                                          "inputs",
                                          "env",
                                          "debug",
                                          "halt",
                                          "halt_error",
                                          "stderr",
                                          "input_filename",
                                          "input_line_number",
                                          "get_search_list",
                                          "get_prog_origin",
                                          "get_jq_origin",
                                          "modulemeta",
                                          NULL};
    return is_one_of(word, refused) ? refuse_name(s, "", word, NOT_ALLOWED) : 0;
}

static int check_variable(const struct scan *s, struct span word)
{
    static const char *const refused[] = {"ENV", "__loc__", "__prog_args", NULL};
    if (is_one_of(word, refused))
        return refuse_name(s, "$", word, NOT_ALLOWED);
    if (!span_is(word, "secret"))
        return 0;
    return refuse_name(s, "$", word,
                       "may stand only alone, as {{ $secret.name }}, and only in url, headers and "
                       "body");
}

/* A key of an object that is being made, or of a pattern that takes one apart: only there a word
 * stands right behind a bracket or comma of the object itself, with a colon, comma or bracket
 * behind it. */
static bool is_key(const struct scan *s, size_t len)
{
    if (top(s) != '{' || (s->before != '{' && s->before != ','))
        return false;
    while (is_space(peek(s, len)))
        len++;
    char next = peek(s, len);
    return next == ':' || next == ',' || next == '}';
}

static int read_word(struct scan *s)
{
    size_t len = 1;
    int rc = 0;
    while (is_letter(peek(s, len)) || is_digit(peek(s, len)))
        len++;
    struct span word = span_make(s->text.ptr + s->at, len);
    if (s->before == '$')
        rc = check_variable(s, word);
    else if (is_key(s, len))
        rc = 0;
    else if (span_is(word, "if"))
        rc = enter(s, OPEN_IF);
    else if (span_is(word, "end") && top(s) == OPEN_IF)
        s->depth--;
    else
        rc = check_function(s, word);
    s->at += len;
    s->before = TOKEN_WORD;
    return rc;
}

/* The text of a string, up to its end or to an interpolation. */
static int read_string(struct scan *s)
{
    while (s->at < s->text.len) {
        char c = peek(s, 0);
        if (c == '\\' && peek(s, 1) == '(') {
            s->at += 2;
            s->before = '(';
            return enter(s, OPEN_INTERPOLATION);
        }
        s->at += c == '\\' ? 2 : 1;
        if (c == '"')
            break;
    }
    s->before = TOKEN_OTHER;
    return 0;
}

/* Since 1.7.1 a backslash at its end makes the next line part of it, before it does not. */
static int read_comment(struct scan *s)
{
    while (s->at < s->text.len && peek(s, 0) != '\n') {
        char next = peek(s, 1);
        if (peek(s, 0) == '\\' && (next == '\n' || next == '\r' || next == '\0'))
            return refuse(s, "a comment may not end in a backslash");
        s->at++;
    }
    return 0;
}

static void read_number(struct scan *s)
{
    while (is_digit(peek(s, 0)) || peek(s, 0) == '.')
        s->at++;
    if (peek(s, 0) == 'e' || peek(s, 0) == 'E') {
        size_t sign = peek(s, 1) == '+' || peek(s, 1) == '-' ? 1 : 0;
        if (is_digit(peek(s, 1 + sign)))
            s->at += 1 + sign;
        while (is_digit(peek(s, 0)))
            s->at++;
    }
    s->before = TOKEN_OTHER;
}

/* A field's name belongs to its dot (a second dot does not begin one), a format's to its @. */
static void read_prefixed(struct scan *s, char prefix)
{
    s->before = prefix;
    s->at++;
    if (prefix == '.' && peek(s, 0) == '.') {
        s->at++;
        return;
    }
    if (!is_letter(peek(s, 0)) && !(prefix == '@' && is_digit(peek(s, 0))))
        return;
    while (is_letter(peek(s, 0)) || is_digit(peek(s, 0)))
        s->at++;
    s->before = TOKEN_WORD;
}

static int read_bracket(struct scan *s, char c)
{
    static const struct {
        char open, close;
    } pairs[] = {{'(', ')'}, {'[', ']'}, {'{', '}'}, {OPEN_INTERPOLATION, ')'}};
    s->at++;
    s->before = c;
    if (c == '(' || c == '[' || c == '{')
        return enter(s, c);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].close != c || top(s) != pairs[i].open)
            continue;
        s->depth--;
        return pairs[i].open == OPEN_INTERPOLATION ? read_string(s) : 0;
    }
    return 0; /* closes nothing: jq will say so */
}

static int read_token(struct scan *s)
{
    char c = peek(s, 0);
    if (is_letter(c))
        return read_word(s);
    if (c == '#')
        return read_comment(s);
    if (strchr("()[]{}", c) != NULL)
        return read_bracket(s, c);
    if (c == '"') {
        s->at++;
        return read_string(s);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(s, 1))))
        read_number(s);
    else if (c == '.' || c == '@')
        read_prefixed(s, c);
    else {
        s->before = is_space(c) ? s->before : c;
        s->at++;
    }
    return 0;
}

int expr_is_allowed(struct span program, size_t *offset, struct err *err)
{
    struct scan s = {.text = program, .before = TOKEN_OTHER, .offset = offset, .err = err};
    int rc = 0;
    if (program.len > 0 && memchr(program.ptr, '\0', program.len) != NULL)
        return refuse(&s, "it holds a NUL");
    while (rc == 0 && s.at < program.len)
        rc = read_token(&s);
    return rc;
}
