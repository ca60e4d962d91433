/* The answer's insides, shared by its two files: answer.c (the call and its ends) and asking.c
 * (what is asked, and of which model). */
#ifndef SLUICE_WORKERS_STREAM_ANSWER_INNER_H
#define SLUICE_WORKERS_STREAM_ANSWER_INNER_H

#include "common/run.h"
#include "common/worker.h"
#include "llm/llm.h"
#include "stream/places.h"
#include "stream/reply.h"

enum { ANSWER_MAGIC = 0x616e7377 };

struct answer {
    uint32_t magic;
    struct run *run;
    struct conf_model *conf_model; /* a copy: a reload may change the configuration's */
    struct llm_model model;        /* borrows from conf_model */
    struct place place;
    struct llm_call *call; /* NULL: none is open */
    struct reply reply;
    struct usage usage; /* when no call is open */
    bool was_asked;     /* a request went out to the provider */
    bool is_silent;     /* the run is over: only the usage is of interest */
};

struct answer *answer_of(void *arg);
struct span answer_model(const struct answer *a);  /* its configured name, or SPAN_NONE */
struct span answer_system(const struct answer *a); /* the effective one, or SPAN_NONE */

/* answer.c: ends. */
void answer_fail(struct answer *a, int code,
                 const char *message);                     /* failed, before anything came */
void answer_give_back(struct answer *a, int64_t delay_ms); /* to the queue; nothing was asked */
/* Starts the call. */
void answer_call(struct answer *a, const struct llm_request *request);

/* asking.c: chooses the model, waits for a place there, reads the history, then calls. */
void answer_ask(struct answer *a);

#endif
