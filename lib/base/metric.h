/* Counters, gauges and histograms of this process, from one table (metric.def); rendered in
 * Prometheus's text format 0.0.4. */
#ifndef SLUICE_BASE_METRIC_H
#define SLUICE_BASE_METRIC_H

#include "base/buf.h"
#include <stdint.h>

enum metric {
#define X(name, kind, exposed, help) METRIC_##name,
#include "base/metric.def"
#undef X
    METRIC_COUNT
};

void metric_add(enum metric m, int64_t by);        /* counters and gauges */
void metric_set(enum metric m, int64_t value);     /* gauges */
void metric_observe_us(enum metric m, int64_t us); /* SECONDS rows */
int64_t metric_get(enum metric m);                 /* a histogram's count */
/* The observations of a SECONDS row once more, in finer buckets: none is wider than an eighth of
 * what it holds. What is above all bounds is in the last one. */
enum { METRIC_BUCKETS = 240 };
int64_t metric_in_bucket(enum metric m, size_t bucket);
int64_t metric_bucket_us(size_t bucket); /* the middle of it */
/* All rows, with sluice_build_info{process,version}, process start and memory. */
void metric_render(struct buf *out, const char *process);

#endif
