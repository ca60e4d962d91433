/* Programs compiled by libjq and kept, since compiling one costs 16 ms in 1.6: the least recently
 * used go when there are too many. With watch.h the only code that knows libjq. */
#ifndef SLUICE_JQ_PROGRAMS_H
#define SLUICE_JQ_PROGRAMS_H

#include "base/buf.h"
#include "graphs/limits.h"
#include "jq/watch.h"

#include <jv.h>

enum {
    PROGRAMS_MAX = 1024,            /* of the usual ones, 50 KiB each */
    PROGRAMS_TEXT_MAX = 256 * 1024, /* of all together: long ones take 300 times their text */
    /* libjq 1.7 computes what is constant while it compiles, so that what runs away can do so here.
     * The longest expressions take a third of it with 1.6; valgrind is much slower. */
    COMPILE_MS = 2000
};

struct programs;
struct program;

/* What went wrong, for people: one line. */
struct fault {
    int line; /* 0: not known */
    char message[1024];
};
__attribute__((format(printf, 2, 3))) void fault_set(struct fault *fault, const char *format, ...);

struct programs *programs_new(size_t max_count);
void programs_free(struct programs *p);

size_t programs_compiled(const struct programs *p); /* how often one was */

/* The program, compiled or as it was kept; until the next call. -ERR_BAD_REQUEST: it is refused
 * (graphs/expr.h) or does not compile. */
MUST_USE int programs_get(struct programs *p, struct span text, const struct last_words *words,
                          struct program **out, struct fault *fault);
/* Runs it on `input` (kept) and puts the JSON text of its one value to `out`, as a msgpack text.
 * -ERR_BAD_REQUEST. */
MUST_USE int program_run(struct program *p, jv input, int64_t eval_ms,
                         const struct last_words *words, struct buf *out, struct fault *fault);

#endif
