/* One answer of a model: a place at it waited for, the request made, and, when it fails before its
 * first piece, made again or made to a fallback, by the one rule of attempts.h. What it says is the
 * owner's business, and so is the request, which is put together for the model that was chosen. The
 * stream worker's answer and the graph's llm and agent steps use it.
 *
 *     CHOOSING ─► (WAITING) ─► PLACING ─► COMPOSING ─► CALLING ─► done
 *        ▲                                               │
 *        └────────────── failed, nothing was said ───────┘ ─► failed */
#ifndef SLUICE_WORKERS_MODEL_ASK_H
#define SLUICE_WORKERS_MODEL_ASK_H

#include "common/worker.h"
#include "llm/llm.h"
#include "model/attempts.h"

struct desk; /* what all answers of a process share: places, cooling */
struct ask;

struct desk *desk_new(struct worker *worker);
void desk_free(struct desk *desk); /* after the last ask */

struct ask_wants {
    struct span model; /* configured name; SPAN_NONE: `default`, else the first */
    bool has_images, has_tools, has_prefill; /* a model that cannot do it is no fallback; for the
                                                first one the API has looked */
    bool no_fallback;                        /* this model only: it goes on from its own text */
    const char
        *holder; /* unique among all processes for as long as it lasts: of the place; copied */
    const char *log_name; /* the generation, for the log; copied */
    struct span note;     /* what an earlier claim's ask_note wrote, or SPAN_NONE */
    int64_t epoch;        /* of the claim */
    int64_t patience_ms;  /* for all attempts together, from the first failure */
};

struct ask_hooks {
    /* A place is held at `model` (owned by the ask, until the next hook). Call ask_send, at once or
     * later; or ask_cancel. */
    void (*on_compose)(const struct conf_model *model, void *arg);
    /* It would wait so long, in its place. False: the owner has given the work back, and the ask is
     * silent. May be NULL: it waits. */
    bool (*on_wait)(int64_t wait_ms, void *arg);
    void (*on_connected)(void *arg); /* the provider was asked; may be NULL */
    void (*on_piece)(const struct piece *piece, void *arg);
    void (*on_call)(const struct call_piece *call, void *arg);
    /* Exactly one of these, unless cancelled; nothing comes after it. */
    void (*on_done)(const struct llm_result *result, void *arg);
    void (*on_failed)(const struct llm_failure *failure, void *arg);
    void *arg;
};

/* Never calls back before it returns. */
struct ask *ask_new(struct desk *desk, const struct ask_wants *wants,
                    const struct ask_hooks *hooks);
void ask_free(struct ask *ask); /* cancels; NULL is a no-op */
void ask_start(struct ask *ask);
void ask_send(struct ask *ask, const struct llm_request *request); /* answer to on_compose */
/* Closes the provider connection, gives the place back; silence afterwards. ask_free is still due.
 */
void ask_cancel(struct ask *ask);
/* The owner is over but wants the exact usage: waits are given up; of a call under way on_done or
 * on_failed still comes, and no other hook. False: no call was under way, and it is cancelled. */
MUST_USE bool ask_read_on(struct ask *ask);
void ask_hold(struct ask *ask, bool is_held); /* back-pressure */

const struct conf_model *ask_model(const struct ask *ask); /* the one chosen last; NULL: none yet */
int64_t ask_attempt(const struct ask *ask);                /* counts from 1, over claims */
/* What was used by all requests of this ask, the one under way too: told by the provider, estimated
 * where it told nothing. `output` are the tokens, estimated, of what was said since the present
 * request began. */
struct usage ask_usage(const struct ask *ask);
/* For the next claim, when the work goes back to the queue; false: nothing was tried. */
bool ask_note(struct ask *ask, struct buf *out);

#endif
