/* What is to be done when: a heap of slots by time. */
#ifndef SLUICE_BENCH_AGENDA_H
#define SLUICE_BENCH_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct entry {
    int64_t due_us;
    size_t slot;
    int64_t round; /* of the slot: an entry of an earlier one is void */
};

struct agenda {
    struct entry *entries;
    size_t count, cap;
};

void agenda_add(struct agenda *a, struct entry e);
/* The earliest, when it is due; NULL otherwise. Valid until the next call. */
const struct entry *agenda_take(struct agenda *a, int64_t now_us);
int64_t agenda_next_us(const struct agenda *a); /* INT64_MAX: none */
void agenda_release(struct agenda *a);

#endif
