/* Expressions and templates of a file: cut, counted, looked over. What only the jq child can tell
 * of a program is graph_check's. */
#include "base/mem.h"
#include "graphs/expr.h"
#include "graphs/read.h"
#include "graphs/template_text.h"

/* A text's value, and the part of it that is looked at. */
struct place {
    const struct node *text;
    struct span part;
};

static struct mark mark_of(struct reading *r, const struct place *p, size_t offset)
{
    return place_in(&r->walk, p->text, (size_t)(p->part.ptr - p->text->text) + offset);
}

static void add_to(struct expr_list *list, const struct expr *expr)
{
    list->items = mem_grow(list->items, list->count + 1, sizeof(struct expr *));
    list->items[list->count++] = expr;
}

/* Brackets and quotes; and the nodes that are named in `.out.<node>`, as far as `.` is surely the
 * state: before anything is piped or bound. */
static bool is_sound(struct reading *r, const struct place *p)
{
    static const char out[] = ".out.";
    struct code code = code_of(p->part);
    bool is_state = true;
    int byte, before = 0;
    while ((byte = code_next(&code)) > 0) {
        struct span rest = span_make(p->part.ptr + code.at, p->part.len - code.at);
        is_state = is_state && byte != '|' && !span_starts_with(rest, " as ");
        bool begins = before == 0 || strchr(" \t\r\n([{,:;+-*/%=<>", before) != NULL;
        if (is_state && begins && span_starts_with(rest, out))
            read_mention(r, span_make(rest.ptr + sizeof(out) - 1, rest.len - (sizeof(out) - 1)),
                         mark_of(r, p, code.at + sizeof(out) - 1));
        before = byte;
    }
    if (byte < 0)
        wrong(r, mark_of(r, p, code.at),
              "a bracket or quote of the expression does not match; write its other half");
    return byte == 0;
}

static bool is_small(struct reading *r, const struct place *p)
{
    if (p->part.len == 0)
        wrong(r, p->text->at, "the expression is empty; write one, as .input.message");
    else if (p->part.len > GRAPH_EXPR_BYTES_MAX)
        wrong(r, mark_of(r, p, 0), "the expression has %zu bytes; write at most %d", p->part.len,
              GRAPH_EXPR_BYTES_MAX);
    else if (r->all.count == GRAPH_EXPRS_MAX)
        wrong(r, mark_of(r, p, 0), "more than %d expressions; write fewer", GRAPH_EXPRS_MAX);
    else
        return true;
    return false;
}

/* NULL: it is not one, and a problem was noted. */
static const struct expr *add_expr(struct reading *r, const struct place *p)
{
    size_t offset = 0;
    struct err err = {0};
    if (!is_small(r, p) || !is_sound(r, p))
        return NULL;
    if (expr_is_allowed(p->part, &offset, &err) != 0) {
        wrong(r, mark_of(r, p, offset), "%s; write the expression without it", err.message);
        return NULL;
    }
    struct expr *expr = own_room(r->own, 1, sizeof(*expr));
    *expr = (struct expr){own_text(r->own, p->part), mark_of(r, p, 0), r->all.count};
    add_to(&r->all, expr);
    add_to(&r->here, expr);
    return expr;
}

void read_expr(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (!want_string(r, value, f->name))
        return;
    struct place p = {value, span_of(value->text)};
    while (p.part.len > 0 && strchr(" \t\r\n", p.part.ptr[0]) != NULL)
        p.part = span_make(p.part.ptr + 1, p.part.len - 1);
    if (span_starts_with(p.part, "{{"))
        wrong(r, mark_of(r, &p, 0), "%s is an expression already; write it without {{ }}", f->name);
    else
        *(const struct expr **)to = add_expr(r, &p);
}

static bool add_piece(struct reading *r, const struct field *f, const struct place *p,
                      bool is_inside, struct template_piece *piece)
{
    struct span secret = is_inside ? secret_name(p->part) : SPAN_NONE;
    if (!is_inside) {
        *piece = (struct template_piece){PIECE_LITERAL, own_text(r->own, p->part), NULL};
        return true;
    }
    if (secret.ptr == NULL) {
        *piece = (struct template_piece){PIECE_EXPR, NULL, add_expr(r, p)};
        return piece->expr != NULL;
    }
    if (!f->has_secrets)
        wrong(r, mark_of(r, p, 0), "a secret may not stand in %s; write it in url, headers or body",
              f->name);
    else if (secret.len > GRAPH_NAME_MAX)
        wrong(r, mark_of(r, p, 0), "the secret's name has %zu bytes; write at most %d", secret.len,
              GRAPH_NAME_MAX);
    else
        *piece = (struct template_piece){PIECE_SECRET, own_text(r->own, secret), NULL};
    return f->has_secrets && secret.len <= GRAPH_NAME_MAX;
}

void read_template(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct template_piece *pieces = NULL;
    size_t count = 0;
    struct err err = {0};
    struct cut cut = {0};
    int result;
    if (!want_string(r, value, f->name))
        return;
    struct span rest = span_of(value->text);
    while ((result = template_cut(&rest, &cut, &err)) > 0) {
        const struct place p = {value, cut.text};
        struct template_piece piece = {0};
        if (!add_piece(r, f, &p, cut.is_inside, &piece))
            continue;
        pieces = mem_grow(pieces, count + 1, sizeof(*pieces));
        pieces[count++] = piece;
    }
    if (result < 0) {
        const struct place p = {value, cut.text};
        wrong(r, mark_of(r, &p, 0), "%s", err.message);
    }
    struct template *t = to;
    t->pieces = own_list(r->own, pieces, count, sizeof(*pieces));
    t->count = count;
}
