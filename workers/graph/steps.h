/* The insides of lines and steps, shared by the engine's files only: inner.h says which. */
#ifndef SLUICE_WORKERS_GRAPH_STEPS_H
#define SLUICE_WORKERS_GRAPH_STEPS_H

#include "common/run.h"
#include "graph/failing.h"
#include "graph/kept.h"
#include "graph/state.h"
#include "graph/step.h"
#include "graph/step_rows.h"
#include "graph/used.h"
#include <sys/queue.h>

enum { LINE_MAGIC = 0x6c696e65, STEP_MAGIC = 0x73746570 };
enum { STEP_EVENTS = 2 /* of each, at least: that it began, and its end */ };

struct walk;
TAILQ_HEAD(step_list, step);

/* Which steps are run one after the other: the generation's own, or a sub-graph's. */
struct line {
    uint32_t magic;
    struct walk *walk;
    struct step *owner; /* of a sub-graph; NULL: the main line */
    const struct graph *graph;
    struct state state;
    struct step *step; /* the one under way, or NULL */
    int64_t number;    /* its number, from 1 */
    char *last;        /* node of the last one that was over; NULL: none */
    /* Of a sub-graph; `failing` NULL: it is done. */
    void (*on_end)(struct span result, const struct failing *failing, void *arg);
    void *arg;
};

/*   NEW ─► EVALUATING ─► RUNNING ─► SAID ─► OVER      SAID: its last word waits for the turn's end
 *    │          └─────────────────────▲ │
 *    └─ kept by an earlier claim ─────┘ └─► WAITING ─► RUNNING     a back-off, then once more
 *   READING: the generation was stopped, its model is read on for the usage ─► OVER */
enum step_life {
    LIFE_NEW,
    LIFE_EVALUATING,
    LIFE_RUNNING,
    LIFE_WAITING,
    LIFE_SAID,
    LIFE_READING,
    LIFE_OVER,
    LIFE_STATES
};

struct step {
    uint32_t magic;
    struct walk *walk;
    struct line *line;
    struct step *parent; /* of a child of parallel or map, else NULL */
    const struct graph_node *node;
    char *path, *label; /* "3/s1", and what readers see: "deep/look" */
    enum step_life life;
    TAILQ_ENTRY(step) link;      /* all that are alive */
    TAILQ_ENTRY(step) said_link; /* those whose last word waits */
    size_t children;             /* steps, or a line, that hang on it */

    struct jq_call *eval;
    char *value_text; /* what `values` borrow from */
    struct span *values;
    struct render render;
    void *kept;         /* the kind's */
    struct kept own;    /* what it keeps, for a further try of it alone in this claim */
    struct timer timer; /* of a try, or of a back-off */
    int64_t begun_ms, tried;

    /* its last word */
    bool has_failed;
    char *result; /* JSON text; NULL: it failed */
    size_t result_len;
    char *next; /* of a branch, or kept by an earlier claim; NULL: the node's. Then, what follows */
    struct failing failing;
    bool was_kept, is_damaged; /* by an earlier claim */
    bool is_queued, is_held;

    /* what it shows */
    bool is_visible;
    bool has_shown;   /* it, or a step below it */
    bool is_half;     /* has parts that no checkpoint names yet */
    int64_t *numbers; /* the reply's parts, by its own; -1: not begun */
    size_t number_count;
    int64_t *more_parts; /* of steps below it that were stopped */
    size_t more_count;
    int64_t goes_on_part; /* from what an earlier claim showed; -1: no */
    char *model, *finish_reason;

    struct used lost; /* by tries that came to nothing */
    struct usage now; /* by the present one */

    /* a child */
    char *item; /* JSON text of `.item`, or NULL */
    size_t index;
    on_child on_child;
    void *child_arg;
};

/* A checkpoint whose kind wants to know when it is in Redis. */
struct keep {
    uint32_t magic;
    TAILQ_ENTRY(keep) link;
    struct step *step; /* NULL: it ended meanwhile */
    struct walk *walk;
    void (*done)(void *arg);
    void *arg;
};

/* line.c. A line is made without a state: its maker's to initialise. */
struct line *line_new(struct walk *w, struct step *owner, const struct graph *graph);
void line_stop(struct line *line);
void line_free(struct line *line);                 /* stops what is under way; NULL is a no-op */
void line_go(struct line *line, const char *node); /* "end": its end */
void line_step_over(struct line *line, struct step *step);
void line_fail_whole(struct line *line, enum step_error error); /* no node catches it */

/* step.c */
void step_set_life(struct step *step, enum step_life next); /* the only one that changes it */
/* Of the line, or a child of `parent` with that key. */
struct step *step_new(struct line *line, struct step *parent, const struct graph_node *node,
                      const char *key);
void step_start(struct step *step);
void step_begin(struct step *step); /* all is evaluated, or a back-off is over */
void step_free(struct step *step);  /* stops it; NULL is a no-op */
void step_conclude(struct step *step);
void step_reject(struct step *step, enum step_error error); /* a failure instead of its result */
void step_hold(struct step *step);                          /* as the walk is held */
bool step_read_on(struct step *step);
struct usage step_usage(const struct step *step);

/* evaluating.c: then the step begins, or fails. */
void step_evaluate(struct step *step);

/* children.c */
void step_child_over(struct step *child);

/* showing.c */
struct step *step_above(const struct step *step); /* that it hangs on; NULL: of the main line */
void step_tell(struct step *step, const char *status); /* "started", "retrying" */
/* "finished" or "failed", with its checkpoint where it is needed. */
void step_tell_end(struct step *step);
void step_take_shown(struct step *step);  /* what an earlier claim showed of it is its own */
void step_leave_parts(struct step *step); /* to the step above it: it left no checkpoint */
void walk_put_row(struct walk *w,
                  const struct step_row *row); /* the event of an earlier claim again */
struct mp_fields step_begin_row(const struct step *step, const char *status);

/* keeping.c */
/* What an earlier claim, or an earlier try of a step above it, ended it with; SPAN_NONE: it runs.
 */
struct span step_outcome(const struct step *step);
void step_remember(const struct step *step, struct span outcome);
void walk_drop_keeps(struct walk *w, const struct step *step); /* NULL: all */
struct tool_result {
    struct span node, call_id, result; /* result: JSON text */
    bool is_error;
};
struct mp_fields walk_begin_result(struct walk *w, const struct tool_result *told);
/* Ends the event, with a checkpoint that may be refused: the generation ends then. */
void walk_keep(struct walk *w, struct mp_fields *f, const struct run_checkpoint *checkpoint);

#endif
