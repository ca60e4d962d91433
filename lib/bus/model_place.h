/* Places at a model, counted over all processes: a model takes so many requests at once (its
 * `concurrency`). A place is a lease, so that those of a dead worker come free by themselves.
 * Nobody waits inside Redis: who gets none asks again, and a place_watch tells when it may be worth
 * it. A model's name has at most 128 bytes. */
#ifndef SLUICE_BUS_MODEL_PLACE_H
#define SLUICE_BUS_MODEL_PLACE_H

#include "bus/bus.h"

/* `holder` is an id of ours (the generation's token and a number), the same in take, renew and
 * give. */
typedef void (*on_model_place)(int status, bool is_held, void *arg);
/* Safe to send again: who holds one already holds it. */
void model_place_take(struct bus *bus, const char *model, const char *holder, int64_t limit,
                      on_model_place done, void *arg);
/* Gives it back, also one that was never held. Sends and forgets: a lost one ends with its lease.
 */
void model_place_give(struct bus *bus, const char *model, const char *holder);
/* Pushes the leases of all holders of a process on, in one call per model; to be called each third
 * of bus_options.lease_ms. */
struct model_holder {
    const char *model, *holder;
};
void model_place_renew(struct bus *bus, const struct model_holder *holders, size_t count);

/* Hears when a place came free at a model where somebody had been refused since the last time: ask
 * again. A hint only: one of a dead worker comes free without a word, and with pub/sub away nothing
 * is heard, so who waits also asks now and then. `model` is valid during the call, which may free
 * the watch; free it before the bus. */
struct place_watch;
typedef void (*on_place_free)(struct span model, void *arg);
struct place_watch *place_watch_new(struct bus *bus, struct loop *loop, on_place_free on_free,
                                    void *arg);
void place_watch_free(struct place_watch *watch);

#endif
