/* The end of the process: stop claiming, let runs end until the limit, then hand back what showed
 * nothing and interrupt the rest. A second signal is the limit; a third ends at once.
 *
 *     NO ─SIGTERM─► WAITING ─worker.drain, or a signal─► ENDING ─all over, 3 s, a signal─► over
 *                      └─all over─► over
 *
 * Over: loop_stop. */
#ifndef SLUICE_WORKERS_COMMON_DRAIN_H
#define SLUICE_WORKERS_COMMON_DRAIN_H

#include "loop/loop.h"

struct worker;

enum drain_stage { DRAIN_NO, DRAIN_WAITING, DRAIN_ENDING };

struct drain {
    enum drain_stage stage;
    struct timer timer;
};

void drain_init(struct worker *worker);
void drain_release(struct worker *worker);
void drain_start(struct worker *worker);
void drain_now(struct worker *worker);
void drain_check(struct worker *worker); /* something is over: the last? */

#endif
