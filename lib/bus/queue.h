/* The worker's side of the queue: claim, renew, release, and the two housekeepers, reap and sweep.
 * Who waits for a doorbell has a link of its own. */
#ifndef SLUICE_BUS_QUEUE_H
#define SLUICE_BUS_QUEUE_H

#include "bus/bus.h"
#include "bus/keys.h"

/* A claimed generation; spans valid during the callback. */
struct claim {
    struct span tenant, generation, token, chat, flag; /* chat and flag may be empty */
    int64_t length;                                    /* the log's */
    int64_t epoch, crashes;
    bool was_shown;
    bool is_stateless;
    struct span request; /* the job */
    struct span on_interrupt;
    struct span message_id, user_message_id;
    struct span chat_model, chat_system; /* of the chat's last committed turn, or SPAN_NONE */
    struct span lane, on_stop, user;     /* each may be empty */
    struct span attempt;                 /* the note that the last release left, or empty */
    struct span user_message;            /* the committed form, msgpack */
    struct span graph;                   /* its name; empty: none */
    int64_t queued_at_ms;                /* when it was accepted */
};
/* claim NULL and status 0: nothing to do. Repeated by the bus with the same nonce after a lost
 * reply. `worker` and `nonce` are ids ([A-Za-z0-9_-]); a nonce is never used again. */
typedef void (*on_claim)(int status, const struct claim *claim, void *arg);
void queue_claim(struct bus *bus, const char *kind, const char *worker, const char *nonce,
                 int64_t tenant_cap, on_claim done, void *arg);
/* Tenants with another running cap than the one that queue_claim names (0: none), for all later
 * claims; copied. Name only those: they go with every claim. */
struct tenant_cap {
    const char *tenant;
    int64_t running;
};
void queue_set_caps(struct bus *bus, const struct tenant_cap *caps, size_t count);

struct lease {
    const char *tenant, *generation, *token;
};
/* is_held[i] tells whether lease i is still ours. */
typedef void (*on_renew)(int status, const bool *is_held, size_t count,
                         void *arg); /* status negative: is_held NULL */
void queue_renew(struct bus *bus, const struct lease *leases, size_t count, on_renew done,
                 void *arg);

/* `attempt` is a note that the next claim answers (claim.attempt), or SPAN_NONE. outcome:
 * "released" "stopped" "shown" or the present state. */
typedef void (*on_release)(int status, struct span outcome, void *arg);
void queue_release(struct bus *bus, const struct lease *lease, int64_t delay_ms,
                   struct span attempt, on_release done, void *arg);

/* Housekeeping, any process, any time; several at once do no harm. Starts timers: reap each second,
 * sweep every 10 s, while the bus is up. */
struct keeper;
struct keeper *keeper_new(struct bus *bus, struct loop *loop, int64_t queue_timeout_ms,
                          int64_t batch_timeout_ms);
void keeper_free(struct keeper *keeper);

/* The doorbell: BLPOP on a link of its own. on_bell is called when work may be there: a ring, each
 * poll interval (1 s), and when the link came back. bell_listen(true) while slots are free; nothing
 * is popped while false. */
struct bell;
struct bell *bell_new(struct bus *bus, struct loop *loop, const char *kind,
                      void (*on_bell)(void *arg), void *arg);
void bell_listen(struct bell *bell, bool want);
void bell_free(struct bell *bell);

/* Announces a live worker for 30 s: its name in the zset `workers` (by when the announcement ends,
 * ms since 1970), and `worker:<name>` = "<kind> <slots> <running>". Nothing while Redis is away. */
void queue_announce(struct bus *bus, const char *worker, const char *kind, int64_t slots,
                    int64_t running);

#endif
