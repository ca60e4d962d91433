/* A worker process: claims generations of one kind, runs many at once on one loop, and lets go of
 * them in order when it is told to end. What it does with them is its `work`. */
#ifndef SLUICE_WORKERS_COMMON_WORKER_H
#define SLUICE_WORKERS_COMMON_WORKER_H

#include "bus/bus.h"
#include "common/work.h"
#include "conf/conf.h"
#include "fetch/fetch.h"

/* The whole of main(): command line, configuration, the process. Returns the exit status. */
int worker_main(int argc, char **argv, const struct work *work);

/* For the work. */
struct loop *worker_loop(const struct worker *worker);
struct bus *worker_bus(const struct worker *worker);
struct fetcher *worker_fetcher(const struct worker *worker);
const struct conf *worker_conf(const struct worker *worker);
void *worker_shared(const struct worker *worker);
/* Its work has something to get ready first: the service manager is told only once it has said that
 * this is done. */
void worker_prepare(struct worker *worker);
void worker_prepared(struct worker *worker);
/* It cannot go on: the process ends as if it could not have been started, `message` says why. */
void worker_end(struct worker *worker, const char *message);

#endif
