/* Places at the models: each takes so many requests of all workers at once (its `concurrency`). A
 * place is asked of Redis; whoever gets none waits in this process's line, whose first asks again:
 * when told that one came free, when one of this process does, and now and then. So a full model
 * costs Redis one question a second and process, however many wait. */
#ifndef SLUICE_WORKERS_MODEL_PLACES_H
#define SLUICE_WORKERS_MODEL_PLACES_H

#include "base/check.h"
#include "bus/bus.h"
#include "conf/conf.h"
#include <sys/queue.h>

struct places;
struct place_line;
struct place_ask;

enum place_state {
    PLACE_NONE,
    PLACE_WAITING, /* in line */
    PLACE_ASKING,  /* Redis is asked */
    PLACE_HELD
};

/* Embedded in who needs it; zeroed at first. */
struct place {
    enum place_state state;
    struct place_line *line; /* NULL: none */
    struct place_ask *ask;
    const char *holder;      /* borrowed: unique among all processes */
    uint64_t turn;           /* in line */
    TAILQ_ENTRY(place) link; /* those that wait, or those that are held */
    void (*on_place)(void *arg);
    void *arg;
};

struct places *places_new(struct bus *bus, struct loop *loop, int64_t lease_ms);
void places_free(struct places *places); /* when all places were given back; before the bus */
/* By the model's name; its concurrency is the limit from here on. on_place comes when it is held,
 * never before this returns. Is it PLACE_ASKING then, the question is on its way, and what is asked
 * of the bus now is answered behind it. When Redis makes no sense of the question, the place is
 * held without it. */
void place_take(struct places *places, const struct conf_model *model, const char *holder,
                struct place *place, void (*on_place)(void *arg), void *arg);
void place_give(struct place *place); /* back, or out of the line; again does nothing */
void place_drop(struct place *place); /* the same in the teardown: nobody is told or served */

#endif
