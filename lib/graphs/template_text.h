/* Private to lib/graphs: the text of a template cut into its pieces, and a jq program's text looked
 * through without understanding it. */
#ifndef SLUICE_GRAPHS_TEMPLATE_TEXT_H
#define SLUICE_GRAPHS_TEMPLATE_TEXT_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

/* One piece: literal text, or what stands between {{ and }} without blanks around it. */
struct cut {
    bool is_inside;
    struct span text;
};
/* Takes the next piece off `rest`. 1: there was one; 0: the end; -ERR_CONFIG: err says what is
 * wrong, and `piece->text` begins where. */
MUST_USE int template_cut(struct span *rest, struct cut *piece, struct err *err);
/* "$secret.name" and nothing else: the name; SPAN_NONE: it is another expression. */
struct span secret_name(struct span inside);

/* The code of a program, byte by byte: strings and comments are passed over, but for what stands
 * between \( and ) in a string. */
enum { CODE_DEPTH_MAX = 64 };
struct code {
    struct span text;
    size_t at; /* of the byte that code_next gave */
    size_t next;
    char open[CODE_DEPTH_MAX + 1]; /* ( [ { and " (a string with code in it) */
    size_t depth;
};
struct code code_of(struct span text);
/* The next byte of code, a string being one '"'; 0: the end; -1: deeper than CODE_DEPTH_MAX, a
 * bracket that does not match, or a string that does not end, at `at`. */
int code_next(struct code *code);

#endif
