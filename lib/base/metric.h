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
/* All rows, with sluice_build_info{process,version}, process start and memory. */
void metric_render(struct buf *out, const char *process);

#endif
