/* The ask's insides, shared by its files: ask.c (life, what it used), choosing.c (which model, and
 * when), calling.c (the call). Invariant: at most one of a wait, a place in line and a call is
 * under way; none after its end. */
#ifndef SLUICE_WORKERS_MODEL_ASK_INNER_H
#define SLUICE_WORKERS_MODEL_ASK_INNER_H

#include "loop/loop.h"
#include "model/ask.h"
#include "model/attempts.h"
#include "model/cooling.h"
#include "model/places.h"
#include "model/spending.h"

enum { ASK_MAGIC = 0x61736b21, ASK_HOLDER_BYTES = 128 };

struct desk {
    struct worker *worker;
    struct places *places;
    struct cooling *cooling;
    uint64_t serials; /* makes holders of one claim differ */
};

struct ask {
    uint32_t magic;
    struct desk *desk;
    const struct claimed *claimed;
    struct span note;
    struct ask_hooks hooks;
    struct attempts attempts;
    struct spending spending;
    struct conf_model *conf_model; /* a copy: a reload may change the configuration's */
    struct llm_model model;        /* borrows from conf_model */
    char holder[ASK_HOLDER_BYTES];
    struct place place;
    struct timer wait;          /* for the next request */
    struct llm_call *call;      /* NULL: none is open */
    struct llm_failure failure; /* the last one; code 0: none */
    bool has_said;              /* a piece: nothing is tried again */
    bool is_silent;             /* only its end is of interest */
    bool is_held;
};

struct ask *ask_of(void *arg);

/* choosing.c */
void on_ask_due(void *arg);
void ask_look_again(struct ask *ask); /* nothing failed, but the model may cool now */
void ask_failed(struct ask *ask);     /* ask->failure, of a request that is over */
void ask_fail(struct ask *ask, int code, const char *message); /* its end: no request was made */

#endif
