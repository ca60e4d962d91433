/* Expressions, evaluated by children (`sluice-jq`): the only ones that know libjq. A child keeps
 * compiled programs, has a cleared environment and limits of memory and processor time, and is
 * ended and started again when an evaluation takes longer than it may; what waited behind that one
 * goes to the next child. Two children by default, so that a runaway delays nobody for long.
 *
 * Wire, both ways over one socket pair: a frame is its length (4 bytes, big-endian, at most
 * JQ_FRAME_MAX) and a msgpack array. Request [number, "eval" | "compile", input JSON text,
 * [program, ...]]; answer [number, 0, [JSON text, ...]] or [number, 1, index of the program, line,
 * message]. */
#ifndef SLUICE_GRAPHS_JQ_H
#define SLUICE_GRAPHS_JQ_H

#include "base/err.h"
#include "base/span.h"
#include "loop/loop.h"

enum { JQ_FRAME_MAX = 8 * 1024 * 1024, JQ_RESULT_MAX = 1024 * 1024 };

struct jq; /* the children and the line before them; one per process */
struct jq_call;

struct jq_options {
    const char *program; /* path of sluice-jq; NULL: beside this executable */
    int children;        /* 0: two */
    int64_t eval_ms;     /* 0: 50: per program; a compile may take 2 s */
    size_t memory_bytes; /* 0: 256 MiB */
};
/* A child that cannot be started is tried again while calls wait; they fail after 5 s of it. */
struct jq *jq_new(struct loop *loop, const struct jq_options *options);
void jq_free(struct jq *jq); /* cancels all, silently */

struct jq_answer {
    const struct span *values; /* JSON text of each program's one value; NULL when it failed */
    size_t count;
    size_t failed; /* which program */
    int line;      /* within it; 0: not known */
    const char
        *message; /* for people: what jq said, "took longer than 50 ms", "gave no value", ... */
};
/* status: 0, -ERR_BAD_REQUEST (a program or its evaluation failed), -ERR_UNAVAILABLE (no child).
 * Never before it returns; exactly once unless cancelled. */
typedef void (*on_jq)(int status, const struct jq_answer *answer, void *arg);
/* Each program on `input`, JSON text; both copied. */
struct jq_call *jq_eval(struct jq *jq, struct span input, const struct span *programs, size_t count,
                        on_jq done, void *arg);
/* Only whether they compile. */
struct jq_call *jq_compile(struct jq *jq, const struct span *programs, size_t count, on_jq done,
                           void *arg);
void jq_cancel(struct jq_call *call); /* silence; NULL is a no-op */

#endif
