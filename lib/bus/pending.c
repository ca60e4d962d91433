/* A ring of pending commands; it grows by doubling and never shrinks. */
#include "bus/pending.h"

#include "base/mem.h"

enum { FIRST_ITEMS = 16 };

void ring_release(struct ring *r)
{
    mem_free(r->items);
    *r = (struct ring){.items = NULL};
}

const struct pending *ring_at(const struct ring *r, size_t i)
{
    CHECK(i < r->count);
    return &r->items[(r->first + i) % r->cap];
}

void ring_push(struct ring *r, const struct pending *p)
{
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? FIRST_ITEMS : r->cap * 2;
        struct pending *items = mem_new_array(cap, sizeof *items);
        for (size_t i = 0; i < r->count; i++)
            items[i] = *ring_at(r, i);
        mem_free(r->items);
        *r = (struct ring){items, cap, 0, r->count};
    }
    CHECK(r->count < r->cap);
    r->items[(r->first + r->count) % r->cap] = *p;
    r->count++;
}

struct pending ring_pop(struct ring *r)
{
    struct pending p = *ring_at(r, 0);
    r->first = (r->first + 1) % r->cap;
    r->count--;
    return p;
}
