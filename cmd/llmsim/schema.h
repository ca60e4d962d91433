/* An object that a JSON Schema asks for, made of what a conversation offers: the arguments of a
 * tool call, or an answer in JSON. Pure. Looks at the properties of the outermost object only:
 * objects within it are empty, lists have one item. */
#ifndef SLUICE_LLMSIM_SCHEMA_H
#define SLUICE_LLMSIM_SCHEMA_H

#include "wire/json.h"

struct schema_hints {
    struct span text;                  /* the user's */
    const struct json *const *results; /* of earlier calls, those that are JSON */
    size_t result_count;
    size_t nth; /* which number of the text is the first one's (0: the first) */
};

/* Appends the object: a value of an earlier result that has the property's name, else numbers and
 * texts of the user's, else something plausible. Required properties only, all when none is. */
void schema_fill(struct buf *out, const struct json *schema, const struct schema_hints *hints);
/* Whether the results have a value for each required property, and there is one. */
bool schema_is_met(const struct json *schema, const struct schema_hints *hints);
/* Whether it asks for one thing only, which is a number or a code. */
bool schema_is_of_number(const struct json *schema);

#endif
