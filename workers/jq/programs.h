/* Programs compiled by libjq and kept, since compiling one costs 16 ms in 1.6: the least recently
 * used go when there are too many. With watch.h the only code that knows libjq. */
#ifndef SLUICE_JQ_PROGRAMS_H
#define SLUICE_JQ_PROGRAMS_H

#include "base/buf.h"
#include "watch.h"

#include <jv.h>

enum {
    PROGRAMS_MAX = 512,
    PROGRAMS_TEXT_MAX = 1024 * 1024, /* of all together, but always one */
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

struct programs *programs_new(void);
void programs_free(struct programs *p);

/* The program, compiled or as it was kept; until the next call. -ERR_BAD_REQUEST. */
MUST_USE int programs_get(struct programs *p, struct span text, const struct last_words *words,
                          struct program **out, struct fault *fault);
/* Runs it on `input` (kept) and puts the JSON text of its one value to `out`, as a msgpack text.
 * -ERR_BAD_REQUEST. */
MUST_USE int program_run(struct program *p, jv input, int64_t eval_ms,
                         const struct last_words *words, struct buf *out, struct fault *fault);

#endif
