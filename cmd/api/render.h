/* Members of answers that come from the bus as text. */
#ifndef SLUICE_API_RENDER_H
#define SLUICE_API_RENDER_H

#include "wire/json.h"

void render_text(struct json_writer *w, const char *name, struct span text); /* empty: null */
void render_int(struct json_writer *w, const char *name, struct span text);  /* no number: null */
void render_raw(struct json_writer *w, const char *name, struct span json);  /* empty: null */
/* Usage is never null: what is not known is said to be unknown. */
void render_usage(struct json_writer *w, struct span json);

#endif
