/* What happens when Redis comes back. When it is another process than before (its run_id changed)
 * it may have lost the last writes: what it acknowledged in the last seconds is said to it again
 * before anything is claimed. One hole is left open: claims that were under way when the link broke
 * are repeated by the bus as soon as it is up. */
#ifndef SLUICE_WORKERS_COMMON_REVIVAL_H
#define SLUICE_WORKERS_COMMON_REVIVAL_H

#include "loop/loop.h"
#include <stddef.h>

struct worker;

enum { REVIVAL_KEEP_MS = 5000 }; /* how long what Redis acknowledged is kept */

struct revival {
    char run_id[64]; /* of the Redis that we spoke with last, or "" */
    bool is_whole;   /* this Redis has what we said to it */
    size_t due;      /* runs that have not proved their log yet */
    struct timer limit;
};

void revival_init(struct worker *worker);
void revival_release(struct worker *worker);
void revival_up(struct worker *worker);
void revival_down(struct worker *worker);
void revival_proved(struct worker *worker); /* one of the due */

#endif
