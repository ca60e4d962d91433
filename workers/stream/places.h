/* Places at the models: each model takes so many requests of this process at once (its
 * `concurrency`); whoever comes then waits in line. */
#ifndef SLUICE_WORKERS_STREAM_PLACES_H
#define SLUICE_WORKERS_STREAM_PLACES_H

#include "base/check.h"
#include "conf/conf.h"
#include <sys/queue.h>

struct places;
struct queue_of_model;

/* Embedded in who needs it; zeroed at first. */
struct place {
    struct queue_of_model *queue; /* NULL: neither held nor waited for */
    bool is_held;
    TAILQ_ENTRY(place) link;
    void (*on_place)(void *arg);
    void *arg;
};

struct places *places_new(void);
void places_free(struct places *places); /* when all places were given back */
/* By the model's name; its concurrency is the limit from here on. True: it is held now. False: it
 * waits, and on_place comes when it is held, never before this returns. */
MUST_USE bool place_take(struct places *places, const struct conf_model *model, struct place *place,
                         void (*on_place)(void *arg), void *arg);
void place_give(struct place *place); /* back, or out of the line; again does nothing */
void place_drop(struct place *place); /* the same, but nobody is served for it */

#endif
