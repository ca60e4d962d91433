/* The seam between a worker and what it does with a generation: common knows claims, leases, stops
 * and the log; a kind of work (the model call of the stream worker, the graph of the graph worker)
 * is handed in as this table and talks back through run.h. */
#ifndef SLUICE_WORKERS_COMMON_WORK_H
#define SLUICE_WORKERS_COMMON_WORK_H

#include "base/err.h"
#include "wire/job.h"

struct worker;
struct run;

struct work {
    const char *kind;    /* of the lanes that it serves: "stream" */
    const char *program; /* "sluice-stream-worker" */
    const char *summary; /* for --help: one line */

    /* What all runs of the process share; owned, freed after the last run. NULL with `err`: the
     * process cannot start. */
    void *(*shared_new)(struct worker *worker, struct err *err);
    void (*shared_free)(void *shared);
    /* With each announcement of the worker (every 10 s, and when Redis is back): says what it can
     * run. May be NULL. */
    void (*announce)(void *shared);
    void (*reload)(void *shared); /* SIGHUP, after the configuration; may be NULL */

    /* One generation. The object is owned by the run and freed with it. */
    void *(*work_new)(struct run *run);
    void (*work_start)(void *work); /* may finish the run at once */
    /* It is over for this work: closes its connections at once and stays silent (true); or, with
     * `read_on`, may keep them to learn the exact usage, silently, and then says run_closed
     * (false). Asked again without `read_on` when there is no more time. */
    bool (*work_stop)(void *work, bool read_on);
    void (*work_hold)(void *work, bool is_held);  /* back-pressure: put nothing more, go on */
    struct usage (*work_usage)(const void *work); /* as far as it is known */
    void (*work_free)(void *work);
};

#endif
