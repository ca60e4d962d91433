/* What of a jq program is refused before jq sees it, since it would reach out of the evaluation or
 * behave otherwise in another release. Pure; knows jq's tokens, not its grammar: what is wrong in
 * other ways is jq's to tell. Wherever the two could differ about where a string or a comment ends,
 * the program is refused. */
#ifndef SLUICE_GRAPHS_EXPR_H
#define SLUICE_GRAPHS_EXPR_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

enum { EXPR_DEPTH_MAX = 256 /* brackets within each other */ };

/* Refused as a function or variable, wherever it stands (a field, an object's key, text in a string
 * and in a comment may have such a name): import include input inputs env $ENV debug halt
 * halt_error stderr input_filename input_line_number $__loc__ $__prog_args get_search_list
 * get_prog_origin get_jq_origin modulemeta, and $secret. 0, or -ERR_CONFIG with what is wrong in
 * `err` and `*offset` where it stands (both may be NULL). */
MUST_USE int expr_is_allowed(struct span program, size_t *offset, struct err *err);

#endif
