/* The worker's insides, shared by the files of this room. Each part is changed by its own file
 * only. */
#ifndef SLUICE_WORKERS_COMMON_WORKER_INNER_H
#define SLUICE_WORKERS_COMMON_WORKER_INNER_H

#include "bus/stop.h"
#include "common/claims.h"
#include "common/drain.h"
#include "common/leases.h"
#include "common/revival.h"
#include "common/run_inner.h"
#include "common/worker.h"

enum { WORKER_MAGIC = 0x776f726b };

struct http_server;
struct process;

TAILQ_HEAD(run_list, run);

struct worker {
    uint32_t magic;
    const struct work *work;
    const struct daemon *daemon;
    struct conf *conf; /* changed by a reload only, between two turns of the loop */
    struct loop *loop;
    struct process *process;
    struct bus *bus;
    struct keeper *keeper;
    struct stop_watch *stops;
    struct fetcher *fetcher;
    struct http_server *health;
    void *shared;
    struct err end; /* of worker_end; code 0: none */
    struct id name; /* of this instance, never used again */
    char metrics[256];
    struct timer announce;
    struct timer ready; /* readiness is told without Redis, too, after a while */
    bool is_preparing, is_ready_due, is_ready;

    struct run_list runs;  /* every run that has memory, in order of serial */
    struct run_list gone;  /* to free at the end of the turn */
    struct run_list dirty; /* to flush then */
    bool is_turn_end_due;
    uint64_t serials;
    size_t running; /* slots taken */
    size_t kept, kept_bytes;
    struct timer gathering; /* worker.gather: dirty runs are flushed then */
    struct timer forget;    /* drops what was kept long enough */

    struct claims claims;
    struct leases leases;
    struct revival revival;
    struct drain drain;
};

/* runs.c */
void worker_take(struct worker *worker, const struct claim *claim, int64_t lease_until_ms);
void worker_freed_slot(struct worker *worker); /* a run gave its slot back */
void worker_turn_end(struct worker *worker);   /* flushes and frees at the end of this turn */
void worker_flush_all(struct worker *worker);
void worker_free_runs(struct worker *worker);
void on_worker_forget(void *arg);
void on_worker_gathered(void *arg);
size_t worker_free_slots(const struct worker *worker);

/* worker.c */
void worker_tell_ready(struct worker *worker);

#endif
