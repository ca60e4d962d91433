/* Samples in microseconds, kept whole: percentiles are exact. */
#ifndef SLUICE_BENCH_STATS_H
#define SLUICE_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct stats {
    int32_t *samples;
    size_t count, cap;
};

void stats_add(struct stats *s, int64_t us);
/* Writes `"name":{"n":..,"p50":..,"p99":..,"max":..}`, in ms; sorts the samples. */
void stats_print(struct stats *s, const char *name, FILE *out);
void stats_release(struct stats *s);

#endif
