/* Private to this room: the process, once the command line and the configuration are read. */
#ifndef SLUICE_WORKERS_COMMON_WORKER_RUN_H
#define SLUICE_WORKERS_COMMON_WORKER_RUN_H

#include "common/worker.h"
#include "conf/daemon.h"

/* From start to end of a daemon whose `arg` is the work. 0, or negative with `err` filled when it
 * could not start. */
MUST_USE int worker_run(const struct daemon *daemon, struct conf *conf, struct err *err);

#endif
