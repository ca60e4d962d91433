/* The graphs of the folder as new generations take them: read and checked at start-up and again on
 * SIGHUP, published in Redis. A folder in which anything is wrong changes nothing. A generation
 * holds the edition that it began with until it ends. */
#ifndef SLUICE_WORKERS_GRAPH_SHELF_H
#define SLUICE_WORKERS_GRAPH_SHELF_H

#include "common/worker.h"
#include "graphs/jq.h"
#include "graphs/library.h"
#include <sys/queue.h>

struct shelf;
struct edition; /* one reading of the folder */

/* Reads the folder; its expressions are checked meanwhile. NULL with `err` when a file is wrong. An
 * expression that is wrong ends the process (worker_end), as does a jq child that cannot be had. */
struct shelf *shelf_new(struct worker *worker, struct jq *jq, struct err *err);
void shelf_free(struct shelf *shelf); /* after the last holder; NULL is a no-op */
void shelf_reload(struct shelf *shelf);
void shelf_publish(struct shelf *shelf);

/* Embedded in who waits for the first edition; zeroed at first. */
struct shelf_wait {
    TAILQ_ENTRY(shelf_wait) link;
    void (*on_edition)(void *arg);
    void *arg;
    bool is_on;
};
/* Held until edition_let_go. NULL: on_edition comes once there is one. */
struct edition *shelf_take(struct shelf *shelf, struct shelf_wait *wait);
void shelf_wait_stop(struct shelf *shelf, struct shelf_wait *wait);
void edition_let_go(struct edition *edition);                         /* NULL is a no-op */
const struct library *edition_library(const struct edition *edition); /* NULL: no folder */

#endif
