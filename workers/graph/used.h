/* Usage summed over model calls: numbers that all of them know, and the weakest source. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_USED_H
#define SLUICE_WORKERS_GRAPH_USED_H

#include "wire/job.h"

struct used {
    struct usage sum;
    bool has_known, has_unknown; /* calls of which something, or nothing, is known */
};

void used_init(struct used *u);
void used_add(struct used *u, struct usage usage); /* of one that asked no model: nothing */
struct usage used_sum(const struct used *u);

#endif
