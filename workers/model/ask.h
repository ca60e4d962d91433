/* One answer of a model: a place at it waited for, the request made, and, when it fails before its
 * first piece, made again or made to a fallback, by the one rule of attempts.h. What it says is the
 * owner's business, and so is the request, which is put together for the model that was chosen. The
 * stream worker's answer and the graph's llm and agent steps use it: an agent makes one ask for
 * each of its turns.
 *
 *     ask_start ─► choosing ─► (waiting) ─► a place ─► on_compose ─► ask_send ─► on_done
 *                     ▲                                                 │
 *                     └─────────── failed, and nothing was said ────────┴─► on_failed */
#ifndef SLUICE_WORKERS_MODEL_ASK_H
#define SLUICE_WORKERS_MODEL_ASK_H

#include "common/claimed.h"
#include "common/worker.h"
#include "llm/llm.h"

struct desk; /* what all answers of a process share: places, models that cool */
struct ask;

struct desk *desk_new(struct worker *worker);
void desk_free(struct desk *desk); /* after the last ask; before the bus */

/* The ask may be cancelled or freed in each of these. */
struct ask_hooks {
    /* Redis is asked for a place now: what is asked of the bus in here is answered behind it, and
     * so costs no round trip of its own. May be NULL; may come again, before each on_compose or
     * not. */
    void (*on_ahead)(void *arg);
    /* A place is held at `model` (ask_model). Call ask_send, at once or later; or ask_cancel. */
    void (*on_compose)(const struct conf_model *model, void *arg);
    /* The next request is to wait for so long: more than a second, which is waited without a word.
     * True: it is waited for in place, and the ask goes on. False: it is given up, silently; the
     * owner gives its work back, with ask_note. NULL: always true. */
    bool (*on_wait)(int64_t wait_ms, void *arg);
    void (*on_connected)(void *arg); /* the provider was asked; may be NULL; may come again */
    void (*on_piece)(const struct piece *piece, void *arg);
    void (*on_call)(const struct call_piece *call, void *arg);
    /* Exactly one of these, unless cancelled or given up; nothing comes after it. */
    void (*on_done)(const struct llm_result *result, void *arg);
    void (*on_failed)(const struct llm_failure *failure, void *arg);
    void *arg;
};

/* `note`: what ask_note said for an earlier claim, empty when none was left; SPAN_NONE when no
 * earlier claim can have asked, whatever its number. It and `claimed` are borrowed for the ask's
 * life. All attempts together have the queue timeout of the claim's lane, from the first failure.
 */
struct ask *ask_new(struct desk *desk, const struct claimed *claimed, struct span note,
                    const struct ask_hooks *hooks);
/* After its end or ask_cancel. Without them, in the teardown, what it waits for and holds is left
 * as it is: nobody shall be served then. NULL is a no-op. */
void ask_free(struct ask *ask);

struct ask_wants {
    struct span
        model; /* configured name (see request_model); SPAN_NONE: `default`, else the first */
    bool has_images, has_tools,
        has_prefill; /* a model that cannot do it is no fallback; for the
                        first one the API, or the graph's check, has looked */
    bool is_bound;   /* to this model alone: it goes on from its own text */
};
/* Once. 0: completes by the hooks, of which only on_ahead comes before it returns.
 * -ERR_PROVIDER_REFUSED: there is no such model, `err` says which. */
MUST_USE int ask_start(struct ask *ask, const struct ask_wants *wants, struct err *err);
/* The answer to on_compose; the request is read during the call only. Its params' max_tokens count
 * the prefill too: what goes out is less by that. True: it goes out. False: it
 * does not; on_compose comes again, since the model wants to be left alone now, or on_failed comes,
 * or came, for a request that cannot be made. */
MUST_USE bool ask_send(struct ask *ask, const struct llm_request *request);
/* Closes the provider connection, gives the place back; silence afterwards. Again does nothing. */
void ask_cancel(struct ask *ask);
/* The owner is over but wants the exact usage: of a call under way on_done or on_failed still
 * comes, and no other hook (true). False: there was none, and it is cancelled. */
MUST_USE bool ask_read_on(struct ask *ask);
void ask_hold(struct ask *ask, bool is_held); /* back-pressure, of requests to come as well */

const struct conf_model *ask_model(const struct ask *ask); /* chosen last; NULL: none yet */
int64_t
ask_attempt(const struct ask *ask); /* the request's, or the next one's; from 1, over claims:
                                       a claim that was lost without a note counts as one */
/* Used by all requests, those of earlier claims too: told by the provider, estimated where it told
 * nothing. Unknown while only an earlier claim, which told nothing, may have asked. */
struct usage ask_usage(const struct ask *ask);

/* For the next claim, when the work goes back to the queue (run_note). False: nothing was tried. */
MUST_USE bool ask_note(const struct ask *ask, struct buf *out);
bool ask_has_note(const struct ask *ask); /* the claim before this one left one */
/* An earlier claim that left no note has said `tokens`, as the log shows: they count, and for its
 * input what the next request costs is counted twice. Nothing when there is a note: it has it. */
void ask_lost(struct ask *ask, int64_t tokens);

#endif
