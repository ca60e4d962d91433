/* Private to lib/llm: the params of a request. What a format translates it takes from here by name;
 * members of `extra` win over what was translated, and go out as they are. */
#ifndef SLUICE_LLM_PARAMS_H
#define SLUICE_LLM_PARAMS_H

#include "wire/json.h"

struct params {
    struct json_doc *doc;    /* owned, or NULL */
    const struct json *root; /* NULL without params */
    struct span extra;       /* raw object, or SPAN_NONE */
};

/* `text` (checked before; borrowed) may be SPAN_NONE. */
MUST_USE int params_open(struct params *p, struct span text, struct err *err);
void params_close(struct params *p);
/* NULL when absent. */
const struct json *params_get(const struct params *p, const char *name);
/* Its raw text; SPAN_NONE when absent. */
struct span params_raw(const struct params *p, const char *name);
/* `extra` says this member of the provider's request itself. */
bool params_has_extra(const struct params *p, const char *name);
/* Is the raw name one of `ours` (NULL at its end)? */
bool params_is_ours(struct span raw_name, const char *const *ours);
/* The members of the object `extra`, but for `ours`, into an
 * object under construction. */
void params_put_extra(struct json_writer *w, struct span extra, const char *const *ours);

/* `stop` as an array, also where it is one word; nothing without one. */
void params_put_stop(struct json_writer *w, const char *name, const struct params *p);
/* `response_format`, taken apart. */
struct params_format {
    enum { FORMAT_TEXT, FORMAT_OBJECT, FORMAT_SCHEMA, FORMAT_OTHER } kind;
    struct span schema; /* raw, of FORMAT_SCHEMA */
};
struct params_format params_format(const struct params *p);

#endif
