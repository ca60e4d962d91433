/* The members of a map by a table of fields, and the readers of plain values. */
#include "base/buf.h"
#include "base/num.h"
#include "graphs/read.h"
#include <inttypes.h>
#include <stdio.h>

enum { KNOWN_MAX = 256 };

/* Names. */

static bool is_among(const struct fields *fields, const struct field *f)
{
    return fields->kind == 0 || f->kinds == 0 || (f->kinds & fields->kind) != 0;
}

static const struct field *find(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->rows[i].name, name) == 0 && is_among(fields, &fields->rows[i]))
            return &fields->rows[i];
    return NULL;
}

/* Kinds of nodes, children like others. */
static unsigned kinds_of(unsigned bits)
{
    return (bits | bits >> GRAPH_KINDS) & (MAIN(GRAPH_KINDS) - 1);
}

/* "only agent has it", when other kinds of nodes have a field of that name. */
static bool wrong_kind(struct reading *r, const struct fields *fields, const struct node *member)
{
    unsigned kinds = 0;
    size_t count = 0;
    struct buf names;
    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->rows[i].name, member->name) == 0)
            kinds |= kinds_of(fields->rows[i].kinds);
    if (kinds == 0 || (kinds & kinds_of(fields->kind)) != 0)
        return false;
    buf_init(&names, KNOWN_MAX);
    for (enum graph_kind kind = 0; kind < GRAPH_KINDS; kind++) {
        if ((kinds & MAIN(kind)) == 0)
            continue;
        bool is_last = kinds >> kind == 1;
        (void)buf_printf(&names, "%s%s",
                         count == 0 ? ""
                         : is_last  ? " and "
                                    : ", ",
                         graph_kind_name(kind));
        count++;
    }
    wrong(r, member->name_at, "%s has no field '%s'; only %s %s it", fields->what, member->name,
          names.ptr, count == 1 ? "has" : "have");
    buf_release(&names);
    return true;
}

static void wrong_field(struct reading *r, const struct fields *fields, const struct node *member)
{
    struct nearest nearest = nearest_to(member->name);
    struct buf known;
    buf_init(&known, KNOWN_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        if (!is_among(fields, &fields->rows[i]))
            continue;
        nearest_try(&nearest, fields->rows[i].name);
        (void)buf_printf(&known, "%s%s", known.len == 0 ? "" : ", ", fields->rows[i].name);
    }
    if (nearest.best != NULL)
        wrong(r, member->name_at, "%s has no field '%.60s'; did you mean '%s'?", fields->what,
              member->name, nearest.best);
    else
        wrong(r, member->name_at, "%s has no field '%.60s'; write one of: %s", fields->what,
              member->name, known.len == 0 ? "" : known.ptr);
    buf_release(&known);
}

void read_fields(struct reading *r, const struct fields *fields, const struct node *map,
                 void *owner)
{
    for (const struct node *member = map->first; member != NULL; member = member->next) {
        const struct field *f = find(fields, member->name);
        if (f == NULL && !wrong_kind(r, fields, member))
            wrong_field(r, fields, member);
        if (f == NULL)
            continue;
        if (node_is_empty(member))
            wrong(r, member->at, "'%s' says nothing; write a value or leave the name out", f->name);
        else if (f->read != NULL)
            f->read(r, f, member, (char *)owner + f->offset);
    }
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *f = &fields->rows[i];
        if (f->missing != NULL && is_among(fields, f) && node_member(map, f->name) == NULL)
            wrong(r, map->at, "%s must have '%s'; write %s", fields->what, f->name, f->missing);
    }
}

/* Shapes. */

bool want_map(struct reading *r, const struct node *value, const char *what)
{
    if (value->kind != NODE_MAP)
        wrong(r, value->at, "%s must be a map; write {name: value, ...}", what);
    return value->kind == NODE_MAP;
}

bool want_list(struct reading *r, const struct node *value, const char *what, size_t max)
{
    if (value->kind != NODE_LIST)
        wrong(r, value->at, "%s must be a list; write [..., ...]", what);
    else if (value->count == 0)
        wrong(r, value->at, "%s is empty; write at least one item", what);
    else if (value->count > max)
        wrong(r, value->at, "%s has %zu items; write at most %zu", what, value->count, max);
    return value->kind == NODE_LIST && value->count > 0 && value->count <= max;
}

bool want_string(struct reading *r, const struct node *value, const char *what)
{
    if (value->kind != NODE_TEXT)
        wrong(r, value->at, "%s must be a text; write it in quotes", what);
    return value->kind == NODE_TEXT;
}

bool is_graph_id(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len >= 1 && len <= GRAPH_ID_MAX && text[len] == '\0';
}

const char *read_id_text(struct reading *r, const struct node *value, const char *what)
{
    if (!want_string(r, value, what))
        return NULL;
    if (!is_graph_id(value->text)) {
        wrong(r, value->at, "%s '%.60s' is not a name; write 1 to %d of a-z, 0-9 and _", what,
              value->text, GRAPH_ID_MAX);
        return NULL;
    }
    return own_text(r->own, span_of(value->text));
}

/* Readers of plain values. */

void read_id(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    const char *text = read_id_text(r, value, f->name);
    if (text != NULL)
        *(const char **)to = text;
}

/* A text that is taken as it is. */
void read_text(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (!want_string(r, value, f->name))
        return;
    size_t len = strlen(value->text);
    if (len == 0 || len > (size_t)f->max)
        wrong(r, value->at, "%s has %zu bytes; write 1 to %" PRId64, f->name, len, f->max);
    else if (strstr(value->text, "{{") != NULL)
        wrong(r, place_in(&r->walk, value, (size_t)(strstr(value->text, "{{") - value->text)),
              "no {{ }} may stand in %s; write the text as it is", f->name);
    else
        *(const char **)to = own_text(r->own, span_of(value->text));
}

void read_flag(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    static const char *const words[] = {"false", "true"};
    const struct field flag = {.name = f->name, .words = words};
    read_either(r, &flag, value, to);
}

void read_either(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    bool is_first = value->kind == NODE_TEXT && strcmp(value->text, f->words[0]) == 0;
    bool is_second = value->kind == NODE_TEXT && strcmp(value->text, f->words[1]) == 0;
    if (is_first || is_second)
        *(bool *)to = is_second;
    else
        wrong(r, value->at, "%s cannot be '%.60s'; write %s or %s", f->name,
              value->kind == NODE_TEXT ? value->text : "...", f->words[0], f->words[1]);
}

void read_number(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    int64_t number;
    if (value->kind == NODE_TEXT && num_parse_i64(span_of(value->text), &number) == 0 &&
        number >= f->min && number <= f->max)
        *(int64_t *)to = number;
    else
        wrong(r, value->at,
              "%s cannot be '%.60s'; write a whole number from %" PRId64 " to %" PRId64, f->name,
              value->kind == NODE_TEXT ? value->text : "...", f->min, f->max);
}

/* "10" or "0.25" as thousandths; at most three digits behind the point. */
static bool parse_thousandths(const char *text, int64_t *out)
{
    struct span rest = span_of(text);
    bool has_point = memchr(rest.ptr, '.', rest.len) != NULL;
    struct span whole = span_cut(&rest, '.');
    int64_t number, part = 0;
    if (num_parse_i64(whole, &number) != 0 || number < 0 || number > INT32_MAX)
        return false;
    if (has_point && (rest.len > 3 || num_parse_i64(rest, &part) != 0 || part < 0))
        return false;
    for (size_t digits = rest.len; has_point && digits < 3; digits++)
        part *= 10;
    *out = number * 1000 + part;
    return true;
}

/* A time in seconds, kept in milliseconds; f->min and max are milliseconds. */
void read_seconds(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    int64_t number;
    if (value->kind == NODE_TEXT && parse_thousandths(value->text, &number) && number >= f->min &&
        number <= f->max)
        *(int64_t *)to = number;
    else
        wrong(r, value->at, "%s cannot be '%.60s'; write seconds, from %g to %" PRId64, f->name,
              value->kind == NODE_TEXT ? value->text : "...", (double)f->min / 1000, f->max / 1000);
}
