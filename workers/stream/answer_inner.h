/* The answer's insides, shared by its files: answer.c (life and ends), asking.c (what is asked),
 * calling.c (what is said), resuming.c (a claim of what was shown already). Which model is asked,
 * and when, is the ask's business.
 *
 *     a claim ─────────────────────► answer_try ─► on_ask_compose ─► pieces ─► answer_done
 *        └─ shown: answer_resume ───────┘                               └────► answer_break
 *                      └─► the end
 */
#ifndef SLUICE_WORKERS_STREAM_ANSWER_INNER_H
#define SLUICE_WORKERS_STREAM_ANSWER_INNER_H

#include "common/run.h"
#include "common/worker.h"
#include "model/ask.h"
#include "model/join.h"
#include "model/reply.h"
#include "stream/shown.h"

enum { ANSWER_MAGIC = 0x616e7377 };

struct answer {
    uint32_t magic;
    struct run *run;
    struct ask *ask;
    bool is_reading;   /* the history is on its way */
    bool is_composing; /* the request is wanted: a place is held */
    struct reply reply;
    struct join join;
    struct span seed; /* what the reply begins with, until it is put; SPAN_NONE: nothing */
    struct shown shown;
    bool goes_on;   /* from what an earlier claim has shown: with the same model only */
    bool is_silent; /* the run is over: only the usage is of interest */
};

struct answer *answer_of(void *arg);
struct span answer_model(const struct answer *a); /* its configured name, or SPAN_NONE */

/* answer.c: ends. All close what is open and say the run's last word. */
void answer_fail(struct answer *a, int code, const char *message); /* failed */
/* Failed, or interrupted where text was shown. */
void answer_break(struct answer *a, int code, const char *message, int provider_status);
void answer_done(struct answer *a, const char *finish_reason);
void answer_give_back(struct answer *a, int64_t delay_ms); /* to the queue */

/* asking.c: the request, as the ask wants it. */
void answer_try(struct answer *a); /* the claim's first */
void on_ask_ahead(void *arg);
void on_ask_compose(const struct conf_model *model, void *arg);
bool on_ask_wait(int64_t wait_ms, void *arg);

/* calling.c: the hooks of what is said. */
void on_ask_connected(void *arg);
void on_ask_piece(const struct piece *piece, void *arg);
void on_ask_call(const struct call_piece *call, void *arg);
void on_ask_done(const struct llm_result *result, void *arg);
void on_ask_failed(const struct llm_failure *failure, void *arg);

/* resuming.c: reads the log back, then tries, or ends it. */
void answer_resume(struct answer *a);

#endif
