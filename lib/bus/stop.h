/* Stop: decide at once, set and watch the flag. Nobody but a script deletes a flag. */
#ifndef SLUICE_BUS_STOP_H
#define SLUICE_BUS_STOP_H

#include "bus/bus.h"

struct stop {
    const char *tenant;
    const char *chat;          /* "" when by generation alone */
    const char *generation;    /* "" by chat */
    const char *reason;        /* "user" "flag" "disconnect" "operator" */
    const char *request_token; /* never "": an Idempotency-Key or minted; makes the repeat safe */
    int64_t seen;              /* -1: not said */
    bool all;
    const char *user; /* only what is of this user is there; NULL or "": of the tenant */
};
struct stop_waiting {
    struct id generation;
    struct span restore; /* JSON text */
};
struct stop_answer {
    struct span
        outcome; /* "stopped" "already_done" ... "idle" "will_stop" "no_flag" "notfound" "full" */
    struct span generation, chat, state, reason; /* empty: null */
    int64_t seq;                                 /* -1: null */
    struct span restore;                         /* JSON text; empty: null */
    bool committed;
    struct span message_id;
    struct span usage; /* JSON text; empty: none known */
    const struct stop_waiting *waiting;
    size_t waiting_count;
};
typedef void (*on_stop)(int status, const struct stop_answer *answer, void *arg);
void stop_request(struct bus *bus, const struct stop *stop, on_stop done, void *arg);

/* Polls the flags of all running generations in one pipelined call each `interval_ms` and listens
 * on `control`. on_flag: the flag of this one's chat is set (call stop_request with reason flag);
 * told again each second while it stays set. on_control: it was ended or taken away elsewhere:
 * close the provider; told once. Both hand back the `entry` of stop_watch_add and may add, remove
 * and free. With pub/sub down the poll notices both. */
struct stop_watch;
struct stop_watch_hooks {
    void (*on_flag)(void *entry);
    void (*on_control)(void *entry);
};
struct stop_watch *stop_watch_new(struct bus *bus, struct loop *loop, int64_t interval_ms,
                                  const struct stop_watch_hooks *hooks);
void stop_watch_free(struct stop_watch *watch);
void stop_watch_add(struct stop_watch *watch, const char *tenant, const char *generation,
                    const char *token, const char *flag, void *entry);
void stop_watch_remove(struct stop_watch *watch, const char *tenant, const char *generation,
                       const char *token);
/* Tells at once what `control` has said by now, though the loop has not come to it: for the moment
 * before something leaves that a stop should keep here. Not for the hooks. */
void stop_watch_look(struct stop_watch *watch);

#endif
