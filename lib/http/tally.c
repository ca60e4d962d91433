/* Owns: how many connections or requests each name has under way. Invariant: a name is in its map
 * exactly while it counts something. */
#include "http/tally.h"

#include "base/map.h"
#include "base/mem.h"

struct tally *tally_take(struct map *home, const char *name, size_t max)
{
    struct tally *t = map_get(home, name);
    if (t == NULL) {
        t = MEM_NEW(struct tally);
        t->home = home;
        t->name = mem_strdup(name);
        (void)map_put(home, name, t); /* there was none */
    } else if (t->count >= max) {
        return NULL;
    }
    t->count++;
    t->is_capped = max != TALLY_FREE;
    return t;
}

void tally_give(struct tally **taken)
{
    struct tally *t = *taken;
    *taken = NULL;
    if (t == NULL || --t->count > 0)
        return;
    CHECK(t->body_bytes == 0 && map_remove(t->home, t->name) == t);
    mem_free(t->name);
    mem_free(t);
}
