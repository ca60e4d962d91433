/* The outbox of one run: events on their way into the log, and a copy of those that went in lately.
 *
 *     put ─► open (text gathers) ─► sealed (its bytes are fixed) ─► in the log, kept ─► forgotten
 *
 * Pure: no bus, no timer. Seqs go on from the log's length without a gap. Invariant: what is sealed
 * never changes again, so it may be sent again as it is, whatever became of the first try. */
#ifndef SLUICE_WORKERS_COMMON_OUTBOX_H
#define SLUICE_WORKERS_COMMON_OUTBOX_H

#include "common/checkpoint.h"
#include "wire/event.h"
#include <sys/queue.h>

enum {
    OUTBOX_BATCH_EVENTS = 1000,       /* per append: the script's limit */
    OUTBOX_BATCH_BYTES = 1024 * 1024, /* likewise, but one event always goes */
    OUTBOX_GATHER_BYTES = 64 * 1024   /* text of one event that was gathered */
};

struct outbox_event;

struct outbox {
    TAILQ_HEAD(outbox_events, outbox_event) events; /* in order of seq: kept, then waiting */
    struct outbox_event *next; /* the first that is not known to be in the log, or NULL */
    int64_t length;            /* the log's, as far as is known */
    int64_t last;              /* the highest seq given out */
    size_t waiting_bytes;      /* payload that is not known to be in the log */
    size_t kept_bytes;
    size_t untold; /* checkpoints whose on_logged is still to come */
    bool is_shown; /* a visible event was put since outbox_init, or since the last checkpoint that
                      says that nothing is half shown */
    bool has_checkpoint; /* one was put since outbox_init */
};

void outbox_init(struct outbox *o, int64_t length);
void outbox_release(struct outbox *o);

/* Putting. Text of the kind, part and node of the newest event joins it while that is open; so do
 * fragments of a tool call's arguments. */
void outbox_put_piece(struct outbox *o, const struct piece *piece);
void outbox_put_call(struct outbox *o, const struct call_piece *call);
/* A MAP event: the caller fills the fields between these two. */
struct mp_fields outbox_begin_map(struct outbox *o, enum event_kind kind, int64_t at_ms);
void outbox_end_map(struct outbox *o, struct mp_fields *fields);
/* With a checkpoint on it; copied. */
void outbox_end_kept(struct outbox *o, struct mp_fields *fields,
                     const struct run_checkpoint *checkpoint);

/* Sending. */
struct outbox_batch {
    struct span events[OUTBOX_BATCH_EVENTS]; /* borrowed until outbox_logged or outbox_release */
    size_t count;
    int64_t first;         /* seq of the first */
    bool is_first_visible; /* the first visible event since outbox_init, or since a checkpoint that
                              says that nothing is half shown, is among them */
    const struct run_checkpoint *checkpoint; /* of the one event; NULL: none. Borrowed likewise */
};
bool outbox_is_empty(const struct outbox *o);       /* everything put is known to be in the log */
bool outbox_has_checkpoint(const struct outbox *o); /* among what waits */
/* Seals what waits, as far as one batch holds it; an event with a checkpoint goes alone. */
void outbox_take(struct outbox *o, struct outbox_batch *out);
/* Redis says that the log has `length` events: those up to it are kept from `now_ms` on, those
 * behind it wait. False, and nothing changes, when that cannot be: an event behind it is no longer
 * kept, or it has more than were ever sealed. */
MUST_USE bool outbox_logged(struct outbox *o, int64_t length, int64_t now_ms);
/* A checkpoint that is newly in the log and wants to be told, each once, in order; false: no more.
 */
bool outbox_next_told(struct outbox *o, struct run_checkpoint *out);
/* Everything that is kept waits again, for a log whose tail may be lost. */
void outbox_doubt(struct outbox *o);
/* Forgets what went into the log before `before_ms`, and the oldest while more than `max_bytes` are
 * kept. */
void outbox_forget(struct outbox *o, int64_t before_ms, size_t max_bytes);
/* Drops everything; seqs go on from `length`. */
void outbox_reset(struct outbox *o, int64_t length);

#endif
