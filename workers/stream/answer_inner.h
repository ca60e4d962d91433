/* The answer's insides, shared by its files: answer.c (life and ends), trying.c (which model next,
 * and when), asking.c (what is asked), calling.c (the call and its pieces), resuming.c (a claim of
 * what was shown already).
 *
 *     a claim ─────────────────────► answer_try ─► answer_ask ─► answer_call ─► done
 *        └─ shown: answer_resume ───────┘ ▲                           │
 *                      └─► the end        └─ nothing was put ─ answer_failed ─► the end
 */
#ifndef SLUICE_WORKERS_STREAM_ANSWER_INNER_H
#define SLUICE_WORKERS_STREAM_ANSWER_INNER_H

#include "common/run.h"
#include "common/worker.h"
#include "llm/llm.h"
#include "stream/attempts.h"
#include "stream/cooling.h"
#include "stream/join.h"
#include "stream/places.h"
#include "stream/reply.h"
#include "stream/shown.h"
#include "stream/spending.h"

enum { ANSWER_MAGIC = 0x616e7377 };

/* What all answers of the process share. */
struct answers {
    struct places *places;
    struct cooling *cooling;
};

struct answer {
    uint32_t magic;
    struct run *run;
    struct attempts attempts;
    struct conf_model *conf_model; /* a copy: a reload may change the configuration's */
    struct llm_model model;        /* borrows from conf_model */
    struct place place;
    bool is_reading;       /* the history is on its way */
    struct timer wait;     /* for the next request */
    struct llm_call *call; /* NULL: none is open */
    struct reply reply;
    struct join join;
    struct span seed; /* what the reply begins with, until it is put; SPAN_NONE: nothing */
    struct shown shown;
    struct spending spending;
    struct llm_failure failure; /* the last one; code 0: none */
    bool has_output;            /* this claim has put some */
    bool goes_on;               /* from what an earlier claim has shown: with the same model only */
    bool is_silent;             /* the run is over: only the usage is of interest */
};

struct answer *answer_of(void *arg);
struct answers *answers_of(const struct answer *a);
struct span answer_model(const struct answer *a);  /* its configured name, or SPAN_NONE */
struct span answer_system(const struct answer *a); /* the effective one, or SPAN_NONE */
struct usage answer_usage_now(const struct answer *a);

/* answer.c: ends. All say the run's last word. */
void answer_fail(struct answer *a, int code, const char *message); /* failed; no call is open */
/* Failed, or interrupted where text was shown; no call is open. */
void answer_break(struct answer *a, int code, const char *message, int provider_status);
void answer_done(struct answer *a, const char *finish_reason);
void answer_give_back(struct answer *a, int64_t delay_ms); /* to the queue */

/* trying.c */
void answer_try(struct answer *a);        /* the claim's first request */
void answer_look_again(struct answer *a); /* nothing failed, but the model may cool now */
void answer_failed(struct answer *a);     /* a->failure, of a request that is over */
void answer_note(struct answer *a);       /* what was tried, for the next claim */
void on_answer_wait(void *arg);

/* asking.c: waits for a place at the chosen model, reads the history, then calls. */
void answer_ask(struct answer *a);

/* calling.c */
void answer_call(struct answer *a, const struct llm_request *request);
void answer_cancel(struct answer *a); /* closes it at once; none is no harm */

/* resuming.c: reads the log back, then tries, or ends it. */
void answer_resume(struct answer *a);

#endif
