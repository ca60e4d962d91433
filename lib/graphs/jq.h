/* Expressions, evaluated by children (`sluice-jq`): the only ones that know libjq. A child keeps
 * compiled programs, has a cleared environment and limits of memory and processor time, and is
 * ended and started again when an evaluation takes longer than it may. Two children by default, and
 * each is sent one call at a time: what waits behind one that runs away goes to the other. */
#ifndef SLUICE_GRAPHS_JQ_H
#define SLUICE_GRAPHS_JQ_H

#include "base/err.h"
#include "base/span.h"
#include "loop/loop.h"

struct jq; /* the children and the line before them; one per process */
struct jq_call;

struct jq_options {
    const char *program; /* path of sluice-jq; NULL: beside this executable */
    int children;        /* 0: two */
    int64_t eval_ms;     /* 0: 50; of processor time, per program; compiling one may take 2 s */
    size_t memory_bytes; /* 0: 256 MiB */
};
/* Starts the children; what is called before they are ready waits. One that cannot be started is
 * tried again; calls fail when there was none for 5 s. `options` may be NULL; copied. */
struct jq *jq_new(struct loop *loop, const struct jq_options *options);
void jq_free(struct jq *jq); /* cancels all, silently; not from a callback of its own */

struct jq_answer {
    const struct span *values; /* JSON text of each program's one value; NULL when it failed */
    size_t count;
    size_t failed; /* which program; 0 also when that is not known */
    int line;      /* within it; 0: not known */
    const char
        *message; /* for people: what jq said, "took longer than 50 ms", "gave no value", ... */
};
/* status: 0, -ERR_BAD_REQUEST (a program or its evaluation failed), -ERR_UNAVAILABLE (no child, or
 * two in a row that were killed from outside or stood still: after the first it is asked again).
 * Never before it returns; exactly once unless cancelled. The answer is borrowed, the call is gone.
 */
typedef void (*on_jq)(int status, const struct jq_answer *answer, void *arg);
/* Each program on `input`, JSON text; both copied. Values have passed json_check. */
struct jq_call *jq_eval(struct jq *jq, struct span input, const struct span *programs, size_t count,
                        on_jq done, void *arg);
/* Only whether they compile. */
struct jq_call *jq_compile(struct jq *jq, const struct span *programs, size_t count, on_jq done,
                           void *arg);
void jq_cancel(struct jq_call *call); /* silence; NULL is a no-op */

#endif
