/* One generation under our claim, from the claim to the last word about it.
 *
 *   CLAIMED ─► CONNECTING ─► PREFILL ─► STREAMING ─► FINISHING ─► KEPT ─► GONE
 *      │            │           │           │          │ │ ▲       │
 *      │            │           │           │          │ │ └───────┘ Redis forgot that it was over
 *      │            │           │           │          │ └─► GONE    handed back to the queue
 *      └────────────┴───────────┴───────────┴──────────┴─► CLOSING ─► GONE    stopped, fenced, late
 *
 * Up to STREAMING the work is at it and everything it puts goes into the log behind the fence. In
 * FINISHING the work is over, what it put goes into the log, then its end is said. In CLOSING
 * nothing goes into the log any more; the provider is closed (or read to its end, silently) and the
 * usage settled. A KEPT run is over and has given its slot back; it lies there for the seconds in
 * which Redis may lose what it acknowledged. Late: its lease ran out. */
#ifndef SLUICE_WORKERS_COMMON_RUN_H
#define SLUICE_WORKERS_COMMON_RUN_H

#include "common/checkpoint.h"
#include "common/claimed.h"
#include "common/ending.h"
#include "common/work.h"
#include "wire/event.h"
#include <sys/queue.h>

enum run_state {
    RUN_CLAIMED,
    RUN_CONNECTING,
    RUN_PREFILL,
    RUN_STREAMING,
    RUN_FINISHING,
    RUN_CLOSING,
    RUN_KEPT,
    RUN_GONE,
    RUN_STATES
};

/* Who waits for the log. */
struct run_wait {
    TAILQ_ENTRY(run_wait) link;
    struct run *run; /* NULL: it does not wait */
    int64_t seq;
    void (*on_logged)(void *arg);
    void *arg;
};

/* For the work. */
struct worker *run_worker(const struct run *run);
const struct claimed *run_claimed(const struct run *run);
bool run_is_over(const struct run *run); /* for the work: say no more */
/* CONNECTING, PREFILL or STREAMING, by way of those before it; an earlier one changes nothing. */
void run_enter(struct run *run, enum run_state state);

/* Events. 0, or -ERR_OUTPUT_LIMIT when the reply has become larger than the limits allow: nothing
 * was put then, and the work ends the run as failed. Ignored once the run is over. */
MUST_USE int run_put_piece(struct run *run, const struct piece *piece);
MUST_USE int run_put_call(struct run *run, const struct call_piece *call);
/* A MAP event, of which a work puts few. Between the two calls nothing else may be put. */
struct mp_fields run_begin_event(struct run *run, enum event_kind kind);
void run_end_event(struct run *run, struct mp_fields *fields);
/* The same, with a checkpoint (copied). Its on_logged comes once it is in Redis, never before this
 * returns, and not when the run is over by then. 0, or -ERR_OUTPUT_LIMIT when it is too large or
 * there are too many (limits.h): the event went without it, and the work ends the run as failed. */
MUST_USE int run_end_event_kept(struct run *run, struct mp_fields *fields,
                                const struct run_checkpoint *checkpoint);
/* on_logged comes once everything that was put so far is in the log and no flag is asked about,
 * maybe before this returns; not when the run is over by then. What reaches out of the house waits
 * for it, so that nothing begins behind a stop. The caller's memory, zeroed but for its hook;
 * stopped before it goes. */
void run_await_log(struct run *run, struct run_wait *wait);
void run_wait_stop(struct run_wait *wait);
/* Whether so many more events have room in the log beside the terminal one: limits.events. */
MUST_USE bool run_has_room(struct run *run, int64_t events);
/* Which limit it was, in words for people, after a false or an -ERR_OUTPUT_LIMIT; else NULL. */
const char *run_limit(const struct run *run);
/* Bytes of output that an earlier claim put and that this one goes on from: the limit counts them.
 */
void run_count_output(struct run *run, size_t bytes);
/* A visible event was put, now or in an earlier epoch, behind which no checkpoint says that nothing
 * is half shown. */
bool run_has_shown(const struct run *run);

/* The work's last word: exactly one of these. Everything put before goes into the log first. */
void run_finish(struct run *run, const struct run_end *end);
void run_release(struct run *run, int64_t delay_ms); /* back to the queue; its policy may forbid it
                                                        once text was shown */
void run_closed(struct run *run);                    /* what work_stop with `read_on` promised */

/* What the next claim is told when this run goes back to the queue, by run_release or because the
 * process ends (struct claimed: attempt). */
void run_note(struct run *run, struct span note);

/* Keeps the run's memory, the work's too, while an answer that names it is under way. */
void run_hold(struct run *run);
void run_let_go(struct run *run);

#endif
