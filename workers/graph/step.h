/* The seam between the engine (which step next, checkpoints, errors, retries, time) and the node
 * kinds, one file each: llm agent http set branch parallel map ask graph. A kind is handed a step;
 * it says one last word about it, or is stopped. It knows nothing of edges, checkpoints of steps,
 * on_error and retry. Every last word is taken at the end of the loop's turn: whatever a kind calls
 * here, it is not called back, stopped or released before it returns. */
#ifndef SLUICE_WORKERS_GRAPH_STEP_H
#define SLUICE_WORKERS_GRAPH_STEP_H

#include "common/run.h"
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
    struct shelf *shelf; /* shelf.h: the graphs that new generations take */
    struct jq *jq;
    struct desk *desk;
};

struct step; /* one run of one node; its children (of parallel and map) are steps too */

/* Per kind. What `begin` returned is handed to the others, which are not called after NULL. */
struct step_kind {
    /* Begins: all expressions of the node are evaluated, and none failed. May say its last word at
     * once. Called again, for a new life, when the step is tried again. */
    void *(*begin)(struct step *step);
    /* Closes everything at once, silently; `release` follows. May be NULL. */
    void (*stop)(void *kept);
    /* The generation was stopped, but its exact usage is wanted: as ask_read_on. True: a last word
     * will come, of which only step_used counts. May be NULL: it is stopped. */
    bool (*read_on)(void *kept);
    void (*hold)(void *kept, bool is_held); /* back-pressure; may be NULL */
    /* Frees, and closes what is still open; after its last word or stop, or, in the teardown of the
     * process, in the middle. */
    void (*release)(void *kept);
    /* Whether such a node can go on from text that an earlier claim showed of it (step_shown). May
     * be NULL: it cannot, and begins anew behind a `reset`. */
    bool (*can_go_on)(const struct graphs *graphs, const struct graph_node *node,
                      const struct claimed *claimed);
};
/* Yours is `const struct step_kind kind_<name>`, declared in kinds.h. */

/* What it is. */
const struct graph_node *step_node(const struct step *step);
struct graphs *step_graphs(const struct step *step);
const struct graph *step_graph(const struct step *step); /* a sub-graph's step: that one */
const struct claimed *step_claimed(const struct step *step);
/* "3", "3/0", "3/short/t1": unique within the generation, the same after a crash. */
const char *step_path(const struct step *step);
/* What the node's expressions gave, by index in the graph; borrowed until the step ends. */
const struct render *step_values(const struct step *step);
/* Evaluates further expressions on the step's state, with one more member when `name` is not NULL:
 * "args", JSON text. jq_cancel is the kind's when it is stopped. Answers are in the order of
 * `exprs`. */
MUST_USE struct jq_call *step_eval(struct step *step, const char *name, struct span value,
                                   const struct expr *const *exprs, size_t count, on_jq done,
                                   void *arg);
/* The chat's earlier turns as a model is shown them, oldest first; borrowed for the step's life. */
const struct llm_message *step_history(const struct step *step, size_t *count);
/* The present turn's attachments, JSON text, or SPAN_NONE. */
struct span step_attachments(const struct step *step);
/* Text that an earlier claim showed of this step and that this one goes on from (can_go_on said
 * that it can): its part 0. SPAN_NONE: it begins afresh. */
struct span step_shown(const struct step *step);
/* The configured secret of that name, or NULL: what step_values has in `secret`, for a render of
 * one's own (arg: the step). */
const char *step_secret(const char *name, void *step);

/* Its last word, exactly one. `result`: JSON text, copied. `next`: of a branch, the node that it
 * chose; else NULL. */
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
/* status: HTTP, of the provider or the request; 0: none. retry_after_ms: -1: not said. `message`:
 * for people, copied, cut at 250 bytes; NULL: the table's. Never with what a user, a model or a
 * server wrote as a whole, nor with a secret. */
void step_fail(struct step *step, enum step_error error, int status, int64_t retry_after_ms,
               const char *message);

/* Showing, of a visible node (a no-op for one that is not). Parts are numbered from 0 per step;
 * they get the reply's numbers, and the node's name. -ERR_OUTPUT_LIMIT: the reply is too large and
 * the generation ends: nothing more to do, the step is stopped at the end of the turn. */
MUST_USE int step_put_piece(struct step *step, const struct piece *piece);
/* Calls of tools and their results are events for readers whether the node is visible or not; a
 * call counts as shown only in a visible one. `result`: JSON text. */
MUST_USE int step_put_call(struct step *step, const struct call_piece *call);
/* `keep_as` (may be NULL) and `value`: the checkpoint that rides on it, as step_keep's. */
void step_put_tool_result(struct step *step, struct span call_id, struct span result, bool is_error,
                          const char *keep_as, struct span value);
bool step_is_visible(const struct step *step);
/* Tries in this claim before this one, of it and of the steps above it: what they used is counted
 * already. */
int64_t step_tries(const struct step *step);

/* Checkpoints of its own, within the step: `name` goes behind the path ("t1", "t1/c0/sent"). The
 * value is opaque, copied. It rides on a `step` event of status `progress`; `done` (may be NULL)
 * comes when it is in Redis, unless the step has ended or was stopped by then. */
void step_keep(struct step *step, const char *name, struct span value, void (*done)(void *arg),
               void *arg);
/* As run_await_log: what asks a model or a server waits for this first. */
void step_await_log(struct step *step, struct run_wait *wait);
/* What an earlier claim, or an earlier try in this one, kept under that name; SPAN_NONE: nothing.
 */
struct span step_kept(const struct step *step, const char *name);

/* What this try of the step used, all of it so far (what an earlier claim kept for it included):
 * replaces what was said before. The engine sums it over tries and steps. */
void step_used(struct step *step, struct usage usage);

/* Which model spoke, and why it ended: of a visible step the reply tells the last of each. Static
 * or configured texts, copied. NULL: unchanged. */
void step_spoke(struct step *step, const char *model, const char *finish_reason);

/* Children, for parallel and map. The parent's kind gets on_child for each that ended; result
 * SPAN_NONE: it failed, and `error` is JSON text {code, message, status?}; both borrowed, and the
 * child is gone behind it. One that an earlier claim finished ends the same way, without running.
 * Never before this returns. */
typedef void (*on_child)(size_t index, struct span result, struct span error, void *arg);
/* `key`: the branch's name or the index. item: JSON text of `.item`, or SPAN_NONE. */
struct step *step_child(struct step *parent, const struct graph_node *node, const char *key,
                        size_t index, struct span item, on_child done, void *arg);
void step_child_stop(struct step *child); /* silently; at once; it is gone */

#endif
