/* The run's insides, shared by its files only: run.c (life), appending.c (outbox to log),
 * finishing.c (the end that we say), closing.c (the end that others said). */
#ifndef SLUICE_WORKERS_COMMON_RUN_INNER_H
#define SLUICE_WORKERS_COMMON_RUN_INNER_H

#include "common/outbox.h"
#include "common/run.h"
#include "loop/loop.h"

enum { RUN_MAGIC = 0x72756e21 };

enum close_reason {
    CLOSE_STOPPED,  /* it is over by somebody's word */
    CLOSE_FENCED,   /* its log is gone from under us: stopped, or taken away */
    CLOSE_LOST,     /* our lease ran out and was not renewed */
    CLOSE_ABANDONED /* Redis answers what makes no sense: the lease will bring it back */
};

struct run {
    uint32_t magic;
    struct worker *worker;
    uint64_t serial; /* what renewals hold instead of a pointer */
    enum run_state state;
    struct claimed claimed;
    void *work;
    TAILQ_ENTRY(run) link;       /* all of the worker's */
    TAILQ_ENTRY(run) dirty_link; /* those to flush at the end of the turn */
    unsigned holds;              /* answers under way that name it */
    bool is_dirty;
    bool has_slot;
    bool is_watched; /* in the stop watch, and renewed */
    int64_t lease_until_ms;

    /* appending.c */
    struct outbox outbox;
    TAILQ_HEAD(run_waits, run_wait) waits; /* in order of seq */
    struct timer again;                    /* gathering, or waiting to try once more */
    bool is_gathering;                     /* `again` is only for more text to come */
    int64_t sent_ms;                       /* of the last append */
    int64_t full_ms;                       /* since when Redis takes nothing; 0: it does */
    size_t output_bytes, max_output_bytes; /* of a reload only later runs know */
    int64_t max_events;
    const char *limit;                    /* that was reached, in words; NULL: none */
    size_t checkpoints, checkpoint_bytes; /* that this claim put */
    unsigned odd_answers;                 /* in a row */
    bool is_appending, is_held, is_doubted;

    /* finishing.c */
    struct ending ending;
    int64_t release_ms; /* hand it back instead, after this; -1: no */
    char *note;         /* for the next claim; NULL: none */
    bool is_asked;      /* finish or release is under way */

    /* closing.c */
    enum close_reason why;
    bool is_asking_flag, is_reading_on;
    int64_t noticed_us; /* when the end was noticed */

    /* for the log */
    int64_t kept_ms; /* since when it is KEPT */
    size_t kept_bytes;
    int64_t claimed_ms, connecting_us, first_us, pieces;
};

/* run.c */
struct run *run_new(struct worker *worker, const struct claim *claim, int64_t lease_until_ms);
void run_free(struct run *run); /* at once; the teardown's */
void run_start(struct run *run);
void run_set_state(struct run *run, enum run_state next); /* the only one that changes it */
void run_unwatch(struct run *run);
void run_leave(struct run *run, enum run_state state,
               const char *end); /* KEPT or GONE, and a line in the log */
struct usage run_usage(const struct run *run);

/* appending.c */
void run_dirty(struct run *run); /* flush at the end of the turn */
void run_flush(struct run *run);
void run_doubt(struct run *run); /* Redis was restarted: proves that the log has its tail */
void on_run_again(void *arg);

/* finishing.c */
void run_fail(struct run *run, int code,
              const char *message); /* failed, or interrupted after text */
void run_break_off(struct run *run, int64_t length,
                   const char *message); /* the log cannot take it */
void run_conclude(struct run *run);      /* the outbox is empty: says the end */
void run_repeat(struct run *run);        /* a KEPT one: says it again */
void run_drain(struct run *run);         /* no more time */

/* closing.c */
void run_flagged(struct run *run); /* its chat's flag is set */
void run_close(struct run *run, enum close_reason why);
void run_read_no_more(struct run *run); /* no more time to learn the exact usage */

#endif
