/* What was tried of a generation so far, and what is tried next: the one rule of retry and
 * fallback. It goes over claims as a note in the record. Pure.
 *
 * A model is asked twice, then the next one, round and round, until the budget of requests is used
 * up. Before a model is asked again its back-off is waited: 500 ms, doubled with each of its
 * failures, 30 s at most, of which a random part of up to one half is taken off. A model that wants
 * to be left alone for longer than 5 s gives way to the one that is free first. */
#ifndef SLUICE_WORKERS_MODEL_ATTEMPTS_H
#define SLUICE_WORKERS_MODEL_ATTEMPTS_H

#include "base/buf.h"
#include "base/check.h"

enum { ATTEMPTS_MODELS = 16 }; /* the first and its fallbacks; more are not looked at */

struct attempts {
    int64_t made;     /* requests that failed */
    int64_t since_ms; /* wall clock, of the first failure or wait; 0: there was none */
    int64_t epoch;    /* of the claim that wrote the note; 0: there was none */
    int64_t lost_input, lost_output; /* tokens of requests that came to nothing, estimated */
    size_t count, at;                /* models, and the one whose turn it is */
    struct {
        char *name;
        int64_t failures;
    } models[ATTEMPTS_MODELS];
};

void attempts_init(struct attempts *t);
void attempts_release(struct attempts *t);
/* In order of preference; one that is there already, or too many, is passed by. */
void attempts_add(struct attempts *t, struct span name);
/* The note that an earlier claim left: counts for the models that were added. What is no note of
 * ours changes nothing. */
void attempts_read(struct attempts *t, struct span note);
/* `<attempt to come> <since> <epoch> <lost input> <lost output> <failures>:<model> ...`, the next
 * model first. */
void attempts_write(const struct attempts *t, struct buf *out);
void attempts_failed(struct attempts *t, int64_t now_wall_ms); /* the model whose turn it is */

/* What the next request waits for. `cooling_ms[i]`: how long model i wants to be left alone.
 * `random`: any 32 bits. `left_ms`: of the time that is there for all attempts. */
struct attempts_ask {
    const int64_t *cooling_ms;
    bool is_failed; /* the last request was; else this claim's first is on its way */
    uint32_t random;
    int64_t left_ms;
};
/* Ms to wait before t->models[t->at], which it chooses, is asked; -1: give up. */
int64_t attempts_next(struct attempts *t, const struct attempts_ask *ask);

#endif
