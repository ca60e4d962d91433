/* The worker's own listener: GET /metrics, /livez, /readyz. */
#ifndef SLUICE_WORKERS_COMMON_HEALTH_H
#define SLUICE_WORKERS_COMMON_HEALTH_H

#include "base/check.h"
#include "base/err.h"

struct worker;

/* Listens where the configuration says and writes down the bound address in the worker. */
MUST_USE int health_open(struct worker *worker, struct err *err);

#endif
