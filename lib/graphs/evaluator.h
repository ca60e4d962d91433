/* Private to lib/graphs: one jq child, asked one thing at a time, and started again whenever it is
 * gone. Knows nothing of the line of calls before it. */
#ifndef SLUICE_GRAPHS_EVALUATOR_H
#define SLUICE_GRAPHS_EVALUATOR_H

#include "graphs/jq.h"

struct evaluator;

struct evaluator_hooks {
    void (*on_free)(void *arg); /* it can be asked */
    /* No child could be had; tried again after a time. */
    void (*on_trouble)(const char *why, void *arg);
    void *arg;
};
/* Starts the first child. `argv` is borrowed. The hooks are not called before it returns. */
struct evaluator *evaluator_new(struct loop *loop, const char *const *argv,
                                const struct evaluator_hooks *hooks);
void evaluator_free(struct evaluator *e); /* silently; not from a hook or a callback of its own */

bool evaluator_is_free(const struct evaluator *e);
bool evaluator_is_up(const struct evaluator *e); /* free, or asked something */

/* A request that was put into a frame: its number, its programs, how many values they give. Only of
 * one that is free. `done` as of jq_eval; -ERR_UNAVAILABLE: what was asked is not to blame, the
 * child was killed from outside, or it, or this process, stood still. */
struct question {
    int64_t number;
    size_t programs, values;
    struct span frame;
};
void evaluator_ask(struct evaluator *e, const struct question *question, on_jq done, void *arg);
void evaluator_forget(struct evaluator *e); /* silence for what it was asked */

#endif
