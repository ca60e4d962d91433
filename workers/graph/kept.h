/* What earlier claims of the generation kept, by field: in memory until the first step that they
 * did not finish is over. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_KEPT_H
#define SLUICE_WORKERS_GRAPH_KEPT_H

#include "base/check.h"
#include "base/map.h"
#include "base/span.h"

enum {
    KEPT_STEPS = 100 * 1000,
    KEPT_BYTES = 256 * 1024 * 1024 /* of one generation; more ends it */
};

struct kept {
    struct map *values; /* NULL: nothing */
    size_t bytes;
};

void kept_init(struct kept *k);
void kept_release(struct kept *k); /* empty again */
/* Copied. -ERR_TOO_LARGE beyond the limits above. */
MUST_USE int kept_add(struct kept *k, struct span field, struct span value);
struct span kept_find(const struct kept *k, const char *field); /* SPAN_NONE: nothing */
void kept_each(const struct kept *k, void (*fn)(const char *field, struct span value, void *arg),
               void *arg);

#endif
