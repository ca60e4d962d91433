/* Counts by name: the connections of an address, the requests of a key. */
#ifndef SLUICE_HTTP_TALLY_H
#define SLUICE_HTTP_TALLY_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_FREE SIZE_MAX /* a max that nothing reaches */

struct map;

struct tally {
    struct map *home;
    char *name;
    size_t count;
    size_t body_bytes; /* of request bodies held for it */
    bool is_capped;
};

/* Counts one more, held until tally_give; NULL when there are `max` (1 at least) already. */
MUST_USE struct tally *tally_take(struct map *home, const char *name, size_t max);
void tally_give(struct tally **taken); /* sets it to NULL; NULL is fine */

#endif
