/* The leases of all runs, renewed in one call every third of their time. Invariant: nothing is
 * appended on a lease that is over by our own clock: it is renewed first, so that a worker that was
 * frozen learns what it lost. (Redis would refuse it anyway.) */
#ifndef SLUICE_WORKERS_COMMON_LEASES_H
#define SLUICE_WORKERS_COMMON_LEASES_H

#include "loop/loop.h"
#include <stddef.h>

struct worker;
struct run;

struct leases {
    struct timer timer;
    bool is_asking;
    int64_t asked_ms;
    uint64_t *serials; /* of the runs asked for, in order */
    size_t count;
};

void leases_init(struct worker *worker);
void leases_release(struct worker *worker);
bool leases_is_fresh(const struct run *run);
void leases_renew(struct worker *worker); /* now, unless it is under way */

#endif
