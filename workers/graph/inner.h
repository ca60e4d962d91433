/* The engine's insides, shared by its files only (lines and steps: steps.h). A walk is one
 * generation; it has a main line of steps, and each sub-graph under way is a line of its own, whose
 * owner is the step that runs it.
 *
 *   graph_work.c  a walk's life: start, stop, hold, usage
 *   ends.c        the ends that it says itself
 *   reading.c     what a claim reads before its first step: checkpoints, graph, log, history
 *   resuming.c    what was read made the present: parts, what was half-shown
 *   line.c        which step next
 *   step.c        a step's life: its kind, time, tries, its last word
 *   evaluating.c  a step's expressions
 *   showing.c     what a step puts: pieces, events, the checkpoint of its end
 *   keeping.c     checkpoints within a step
 *   children.c    steps of a step
 *
 * kind_ask.c and kind_graph.c reach into it too: the one ends a walk, the other owns a line. */
#ifndef SLUICE_WORKERS_GRAPH_INNER_H
#define SLUICE_WORKERS_GRAPH_INNER_H

#include "common/run.h"
#include "graph/bound.h"
#include "graph/kept.h"
#include "graph/past.h"
#include "graph/reply_parts.h"
#include "graph/shelf.h"
#include "graph/step_rows.h"
#include "graph/steps.h"
#include "model/history.h"
#include <sys/queue.h>

enum { WALK_MAGIC = 0x77616c6b };

struct walk {
    uint32_t magic;
    struct run *run;
    struct graphs *graphs;
    struct shelf_wait wait;
    struct edition *edition; /* held; NULL until it is there */
    struct bound bound;
    struct graph **fetched; /* versions that the shelf does not have */
    size_t fetched_count;
    const struct graph *graph;

    /* reading.c */
    struct kept kept;
    struct kept again; /* below a step that may be tried again, until the main line's is over */
    struct past past;
    size_t reading_at; /* which of the bound graphs is looked for */
    char *history_bytes;
    struct history history;
    struct buf history_json;
    char *message; /* of a stateless one: the last of its messages; else NULL */

    struct line *line; /* the main one; NULL until it begins */
    struct step_list steps, said;
    struct last_call turn; /* takes what was said */
    struct timer limit;    /* limits.seconds */
    TAILQ_HEAD(keep_list, keep) keeps;
    int64_t taken;             /* steps, of all lines and children, over claims */
    int64_t spent_ms, from_ms; /* by earlier claims; since when this one runs */
    size_t half_shown;         /* steps that are half-shown */
    size_t reading;            /* models that are read on */
    struct usage stopped;      /* what it was then */
    bool is_silent, is_stopped, is_held, is_torn;
    const char *overflow; /* the limit that ends it at the end of this turn, in words; NULL: none */

    struct reply_parts parts;
    struct step_rows rows;
    struct used used;            /* by steps that are gone */
    char *model, *finish_reason; /* of what was shown last */
    char *go_on_node;            /* whose half-shown part is gone on from; NULL: none */
    int64_t go_on_part;
};

struct walk *walk_of(void *arg);

/* graph_work.c */
void walk_turn(struct walk *w); /* something was said: looks at the end of this turn */
/* Too much was shown or kept: the generation ends at the end of this turn. */
void walk_overflow(struct walk *w, const char *limit);
int64_t walk_spent_ms(const struct walk *w);
const struct graph *walk_graph(const struct walk *w, const char *name); /* of the bound versions */
void walk_spoke(struct walk *w, struct span model, struct span finish_reason);
struct usage walk_used(const struct walk *w); /* by all steps, so far */
void walk_close(struct walk *w);              /* what is under way is closed, silently */

/* ends.c: what is still under way is stopped, and the run's last word said. */
void walk_done(struct walk *w);
void walk_asked(struct walk *w, const struct graph_node *node);
void walk_fail(struct walk *w, int code, const char *message);
void walk_step_failed(struct walk *w, const char *node, const struct failing *failing);
void walk_give_back(struct walk *w); /* Redis is away */

/* reading.c */
void walk_read(struct walk *w);
/* resuming.c: all is read. */
void walk_begin(struct walk *w);

#endif
