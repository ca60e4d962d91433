#include "stats.h"

#include "base/mem.h"

#include <stdlib.h>

void stats_add(struct stats *s, int64_t us)
{
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 4096 : s->cap * 2;
        s->samples = mem_grow(s->samples, s->cap, sizeof *s->samples);
    }
    s->samples[s->count++] = us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static double at(const struct stats *s, size_t percent)
{
    return s->samples[(s->count - 1) * percent / 100] / 1000.0;
}

void stats_print(struct stats *s, const char *name, FILE *out)
{
    if (s->count == 0) {
        (void)fprintf(out, "\"%s\":{\"n\":0,\"p50\":null,\"p99\":null,\"max\":null}", name);
        return;
    }
    qsort(s->samples, s->count, sizeof *s->samples, by_value);
    (void)fprintf(out, "\"%s\":{\"n\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, s->count,
                  at(s, 50), at(s, 99), at(s, 100));
}

void stats_release(struct stats *s)
{
    mem_free(s->samples);
    *s = (struct stats){NULL, 0, 0};
}
