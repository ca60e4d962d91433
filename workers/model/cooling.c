/* A time per model. */
#include "model/cooling.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

enum { PROBE_MS = 1000 };

struct cooling {
    struct map *models; /* name to struct cool; only those that cool */
};

struct cool {
    int64_t until_ms;
};

struct cooling *cooling_new(void)
{
    struct cooling *cooling = MEM_NEW(struct cooling);
    cooling->models = map_new();
    return cooling;
}

static void free_cool(const char *name, void *value, void *arg)
{
    struct cooling *cooling = arg;
    (void)map_remove(cooling->models, name); /* it is `value` */
    mem_free(value);
}

void cooling_free(struct cooling *cooling)
{
    if (cooling == NULL)
        return;
    map_each(cooling->models, free_cool, cooling);
    map_free(cooling->models);
    mem_free(cooling);
}

void cooling_start(struct cooling *cooling, const char *model, int64_t ms)
{
    struct cool *cool = map_get(cooling->models, model);
    int64_t until_ms = clock_mono_ms() + ms;
    if (cool == NULL) {
        cool = MEM_NEW(struct cool);
        (void)map_put(cooling->models, model, cool); /* there was none */
    }
    if (until_ms > cool->until_ms)
        cool->until_ms = until_ms;
}

void cooling_end(struct cooling *cooling, const char *model)
{
    mem_free(map_remove(cooling->models, model));
}

int64_t cooling_left_ms(const struct cooling *cooling, const char *model)
{
    const struct cool *cool = map_get(cooling->models, model);
    int64_t left = cool == NULL ? 0 : cool->until_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

void cooling_probe(struct cooling *cooling, const char *model)
{
    if (map_get(cooling->models, model) != NULL)
        cooling_start(cooling, model, PROBE_MS);
}
