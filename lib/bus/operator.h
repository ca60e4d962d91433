/* What an operator asks and does: depths, what runs, who works, the dead list, pausing a lane. */
#ifndef SLUICE_BUS_OPERATOR_H
#define SLUICE_BUS_OPERATOR_H

#include "bus/bus.h"
#include "bus/figures.h"
#include "bus/keys.h"

typedef void (*on_operator)(int status, void *arg);
/* Workers claim nothing from a paused lane; what runs there goes on. Begin still accepts. Kept in
 * Redis until it is resumed. */
void operator_pause(struct bus *bus, enum lane lane, bool is_paused, on_operator done, void *arg);

/* One look at all of it; everything is valid during the callback. */
struct operator_lane {
    enum lane lane;
    bool is_paused;
    int64_t waiting;        /* generations in its queues */
    int64_t oldest_wait_ms; /* of the longest waiting one, as far as one look sees; -1: none */
};
struct operator_tenant {
    struct span name;
    int64_t queued, running;
    int64_t input_tokens, output_tokens; /* settled totals */
};
struct operator_worker {
    struct span name, kind;
    int64_t slots, running;
};
struct operator_running {
    struct span tenant, generation, chat, lane, user, model, owner;
    int64_t started_at_ms, first_token_at_ms; /* -1: not yet */
};
struct operator_queue { /* a tenant's in a lane; where something waits */
    struct span lane, tenant;
    int64_t waiting, oldest_wait_ms; /* as of a lane */
};
struct operator_failure {
    struct span tenant, generation, state, chat, lane, model, error; /* error: JSON text */
    int64_t ended_at_ms;
};
struct operator_view {
    struct operator_lane lanes[LANE_COUNT];
    const struct operator_tenant *tenants;
    size_t tenant_count;
    const struct operator_worker *workers;
    size_t worker_count;
    const struct operator_running *running; /* the longest running first, at most 200 */
    size_t running_count;
    int64_t running_total, delayed, dead;
    const struct operator_queue *queues;
    size_t queue_count;
    const struct operator_failure
        *failures; /* failed and interrupted, the newest first; at most 50 */
    size_t failure_count;
    struct figures_view figures;
};
typedef void (*on_operator_view)(int status, const struct operator_view *view, void *arg);
/* `slots` of figures: FIGURES_RECENT_SLOTS to FIGURES_SLOTS. */
void operator_look(struct bus *bus, size_t slots, on_operator_view done, void *arg);

/* The dead list, newest first: generations that were given up after too many crashes. */
struct dead_row {
    struct span tenant, generation, chat, lane, error; /* error: JSON text */
    int64_t died_at_ms, crashes;
};
typedef void (*on_dead)(int status, const struct dead_row *rows, size_t count, bool has_more,
                        void *arg);
void operator_dead(struct bus *bus, size_t limit, size_t offset, on_dead done, void *arg);
/* 0, or -ERR_NOT_FOUND when it is not on the list. */
void operator_is_dead(struct bus *bus, const char *tenant, const char *generation, on_operator done,
                      void *arg);
/* Off the list; the record stays as long as it is kept. -ERR_NOT_FOUND: it is not on it. */
void operator_forget(struct bus *bus, const char *tenant, const char *generation, on_operator done,
                     void *arg);

#endif
