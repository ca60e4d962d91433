/* A generation's event log: append behind the fence, read from a cursor. */
#ifndef SLUICE_BUS_LOG_H
#define SLUICE_BUS_LOG_H

#include "bus/bus.h"

/* Appends `count` encoded events whose first seq is `first`. All borrowed until the callback.
 * `is_first_visible`: the first visible event since the claim (or checkpoint) is among them. Not
 * retried by the bus: the worker decides (safe to send again as it is). */
struct append {
    const char *tenant, *generation, *token;
    const char *flag; /* "" for none */
    int64_t first;
    bool is_first_visible;
    const struct span *events;
    size_t count;
};
enum append_outcome { APPEND_OK, APPEND_FENCED, APPEND_FLAGGED, APPEND_REFUSED, APPEND_FULL };
/* length: the log's true length (OK, REFUSED). REFUSED with length >= first + count - 1: an earlier
 * try had arrived; smaller: Redis lost a tail, append again from length + 1. FULL: Redis is out of
 * memory, try later. */
typedef void (*on_append)(int status, enum append_outcome outcome, int64_t length, void *arg);
void log_append(struct bus *bus, const struct append *append, on_append done, void *arg);

/* One event together with what the generation's steps keep under `field`, in one step behind the
 * same fence. `is_shown`: text of a step that is not over is in the log; it decides what becomes of
 * a generation whose worker is lost. Borrowed until this returns; never gathered. Answered as an
 * append of one event; safe to send again as it is. */
struct checkpoint {
    const char *tenant, *generation, *token;
    const char *flag; /* "" for none */
    int64_t seq;
    bool is_shown;
    const char *field;
    struct span value, event;
};
void log_checkpoint(struct bus *bus, const struct checkpoint *checkpoint, on_append done,
                    void *arg);

/* From log_gather to log_send, appends of one event are gathered and go to Redis in as few calls as
 * possible: an append costs it half as much then. Both are called by whoever appends for several
 * streams at once, in one turn of the loop; inside a callback of log_append they are called for it.
 * They nest. */
void log_gather(struct bus *bus);
void log_send(struct bus *bus);

/* A page after `after`. state is empty when there is no record. */
struct log_page {
    struct span state; /* "queued" "running" "done" ... */
    bool is_gone;      /* ended, and the log is no longer kept */
    int64_t length;    /* smaller than `after`: Redis lost a tail */
    struct span chat;
    const struct span *events;
    size_t count;
};
typedef void (*on_page)(int status, const struct log_page *page,
                        void *arg); /* page NULL: no such generation */
void log_read(struct bus *bus, const char *tenant, const char *generation, int64_t after,
              size_t max, on_page done, void *arg);

#endif
