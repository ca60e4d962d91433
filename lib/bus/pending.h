/* Private to lib/bus: commands that wait for their answer, in the order of the answers to come. */
#ifndef SLUICE_BUS_PENDING_H
#define SLUICE_BUS_PENDING_H

#include "bus/link.h"

struct pending {
    link_on_reply on_reply;
    void *arg;
    int64_t deadline_ms;
    int64_t sent_us;
    int status; /* of a failed one */
};

/* A queue that keeps its memory: no allocation per command. Zeroed, it is empty. */
struct ring {
    struct pending *items;
    size_t cap, first, count;
};

void ring_release(struct ring *r);
void ring_push(struct ring *r, const struct pending *p);
struct pending ring_pop(struct ring *r);                       /* count is not 0 */
const struct pending *ring_at(const struct ring *r, size_t i); /* i below count */

#endif
