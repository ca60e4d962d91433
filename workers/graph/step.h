/* The seam between the engine (walk.c: which step next, checkpoints, errors, retries, time) and the
 * node kinds, one file each: llm agent http set branch parallel map ask graph. A kind is handed a
 * step; it says one last word about it, and is cancelled when the graph is stopped. It knows
 * nothing of edges, checkpoints of steps, on_error and retry. */
#ifndef SLUICE_WORKERS_GRAPH_STEP_H
#define SLUICE_WORKERS_GRAPH_STEP_H

#include "common/worker.h"
#include "graphs/graph.h"
#include "graphs/jq.h"
#include "graphs/render.h"
#include "model/ask.h"
#include "wire/event.h"
#include "wire/json.h"

/* What all graphs of the process share. */
struct graphs {
    struct worker *worker;
    struct library *library; /* what the folder holds, and versions that were fetched */
    struct jq *jq;
    struct desk *desk;
};

struct step; /* one run of one node; its children (of parallel, map, graph) are steps too */

struct step_kind {
    /* Begins; all expressions of the node are evaluated, and none failed. May say its last word at
     * once. Returns what it keeps, or NULL. */
    void *(*begin)(struct step *step);
    void (*stop)(void *kept);               /* closes everything at once, silently; may be NULL */
    bool (*read_on)(void *kept);            /* as ask_read_on; may be NULL: stop */
    void (*hold)(void *kept, bool is_held); /* back-pressure; may be NULL */
    void (*release)(void *kept);            /* frees; after its last word or stop */
};
extern const struct step_kind step_kinds[GRAPH_KINDS];

/* What it is. */
const struct graph_node *step_node(const struct step *step);
struct graphs *step_graphs(const struct step *step);
const struct claimed *step_claimed(const struct step *step);
/* "3", "3/0", "3/short/t1": unique within the generation, the same after a crash. */
const char *step_path(const struct step *step);
/* What the node's expressions gave, by index in the graph; borrowed until the step ends. */
const struct render *step_values(const struct step *step);
/* JSON text of the state that the step sees: {input, history, out, error, item?, index?}. */
struct span step_state(const struct step *step);
/* Evaluates further programs on the step's state with one more member (`.args`); SPAN_NONE name:
 * none. */
struct jq_call *step_eval(struct step *step, const char *name, struct span value,
                          const struct expr *const *exprs, size_t count, on_jq done, void *arg);

/* Its last word, exactly one. `result`: JSON text. `next`: of a branch, the node that it chose;
 * else NULL. */
void step_done(struct step *step, struct span result, const char *next);
enum step_error {
    STEP_TIMEOUT,
    STEP_CONNECT,
    STEP_HTTP_STATUS,
    STEP_TOO_LARGE,
    STEP_BAD_JSON,
    STEP_BAD_EXPRESSION,
    STEP_MODEL,
    STEP_TOOL_LIMIT,
    STEP_EFFECT_UNKNOWN,
    STEP_DENIED_HOST,
    STEP_LIMIT_STEPS,
    STEP_LIMIT_SECONDS,
    STEP_LIMIT_STATE,
    STEP_ERRORS
};
const char *step_error_name(enum step_error error); /* "timeout" */
/* status: HTTP, of the provider or the request; 0: none. retry_after_ms: -1: not said. */
void step_fail(struct step *step, enum step_error error, int status, int64_t retry_after_ms,
               const char *message);

/* Showing, of a visible node (a no-op for one that is not). Parts are numbered from 0 per step;
 * they get the reply's numbers. -ERR_OUTPUT_LIMIT: the generation ends. */
MUST_USE int step_put_piece(struct step *step, const struct piece *piece);
/* Calls of tools and their results are events for readers whether the node is visible or not; a
 * call counts as shown only in a visible one. */
MUST_USE int step_put_call(struct step *step, const struct call_piece *call);
void step_put_tool_result(struct step *step, struct span call_id, struct span result, bool is_error,
                          const char *keep_as, struct span value);

/* Checkpoints of its own, within the step: `name` goes behind the path ("t1", "t1/c0"). */
/* Rides on the next event; `done` (may be NULL) when it is in Redis. */
void step_keep(struct step *step, const char *name, struct span value, void (*done)(void *arg),
               void *arg);
/* What an earlier claim kept; SPAN_NONE: nothing. */
struct span step_kept(const struct step *step, const char *name);

/* What the step used, so far: the engine sums it and keeps it with the step. */
void step_used(struct step *step, struct usage usage);

/* Children. The parent's kind gets on_child for each that ended; result SPAN_NONE: it failed,
 * `error` is JSON text. A child that an earlier claim finished ends the same way, without running.
 */
typedef void (*on_child)(struct step *child, size_t index, struct span result, struct span error,
                         void *arg);
/* `key`: the branch's name or the index. item: JSON text of `.item`, or SPAN_NONE. */
struct step *step_child(struct step *parent, const struct graph_node *node, const char *key,
                        size_t index, struct span item, on_child done, void *arg);
/* A sub-graph run to its end as a child: its own state, the same budget of steps and seconds.
 * `input`: JSON text. */
struct step *step_subgraph(struct step *parent, const struct graph *graph, struct span input,
                           on_child done, void *arg);
void step_child_stop(struct step *child); /* silently; at once */

#endif
