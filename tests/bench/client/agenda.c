#include "agenda.h"

#include "base/mem.h"

void agenda_add(struct agenda *a, struct entry e)
{
    if (a->count + 1 >= a->cap) { /* one place more: where agenda_take leaves what it took */
        a->cap = a->cap == 0 ? 256 : a->cap * 2;
        a->entries = mem_grow(a->entries, a->cap, sizeof *a->entries);
    }
    size_t i = a->count++;
    for (; i > 0 && a->entries[(i - 1) / 2].due_us > e.due_us; i = (i - 1) / 2)
        a->entries[i] = a->entries[(i - 1) / 2];
    a->entries[i] = e;
}

const struct entry *agenda_take(struct agenda *a, int64_t now_us)
{
    if (a->count == 0 || a->entries[0].due_us > now_us)
        return NULL;
    struct entry taken = a->entries[0], last = a->entries[--a->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < a->count; i = child) {
        if (child + 1 < a->count && a->entries[child + 1].due_us < a->entries[child].due_us)
            child++;
        if (a->entries[child].due_us >= last.due_us)
            break;
        a->entries[i] = a->entries[child];
    }
    a->entries[i] = last;
    a->entries[a->count] = taken;
    return &a->entries[a->count];
}

int64_t agenda_next_us(const struct agenda *a)
{
    return a->count == 0 ? INT64_MAX : a->entries[0].due_us;
}

void agenda_release(struct agenda *a)
{
    mem_free(a->entries);
    *a = (struct agenda){NULL, 0, 0};
}
