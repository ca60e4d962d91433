/* What of a graph is filled in when a step begins: expressions, texts with {{ }} in them, and
 * values made of such texts. Read with the file (graph.h), rendered by render.h. */
#ifndef SLUICE_GRAPHS_TEMPLATE_H
#define SLUICE_GRAPHS_TEMPLATE_H

#include "conf/yaml.h" /* struct mark */
#include <stddef.h>

/* One jq program of the file. `index` counts all of the graph, so that a table of results can lie
 * beside them. */
struct expr {
    const char *text;
    struct mark at; /* of its first character */
    size_t index;
};

/* Text with {{ }} in it: literal text, expressions and secrets, in order. One that is a single
 * expression alone keeps that expression's type where a value is wanted. */
enum piece_kind { PIECE_LITERAL, PIECE_EXPR, PIECE_SECRET };
struct template_piece {
    enum piece_kind kind;
    const char *text;        /* of a literal; the name of a secret */
    const struct expr *expr; /* of an expression */
};
struct template
{
    struct template_piece *pieces;
    size_t count;
};

/* A YAML value whose texts may be templates: `body`, `input`. */
enum value_kind { VALUE_TEMPLATE, VALUE_JSON, VALUE_LIST, VALUE_MAP };
struct value {
    enum value_kind kind;
    struct template text; /* TEMPLATE */
    const char *json;     /* JSON: a number, true, false or null as it is */
    const char *name;     /* as a member of a map, else NULL */
    struct value *items;  /* LIST, MAP */
    size_t count;
};

#endif
