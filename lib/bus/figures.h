/* Figures for operators: what all processes count together, in slots of FIGURES_SLOT_MS that Redis
 * keeps for FIGURES_SLOTS of them. Scripts count how generations end; each process tells, once a
 * second, what it has counted besides. Nothing hangs on them: what cannot be told is left out. */
#ifndef SLUICE_BUS_FIGURES_H
#define SLUICE_BUS_FIGURES_H

#include "base/metric.h"
#include "bus/bus.h"
#include "bus/link.h"

enum {
    FIGURES_SLOT_MS = 5000, /* as in common.lua */
    FIGURES_SLOTS = 180,
    FIGURES_RECENT_MS = 60 * 1000,
    FIGURES_RECENT_SLOTS = FIGURES_RECENT_MS / FIGURES_SLOT_MS + 1,
    FIGURES_CODES = 24
};

enum figures_end {
    FIGURES_DONE,
    FIGURES_STOPPED,
    FIGURES_FAILED,
    FIGURES_INTERRUPTED,
    FIGURES_ENDS
};
extern const char *const FIGURES_END_NAMES[FIGURES_ENDS];

/* Of durations: how many, and below what half and all but a twentieth of them were; within an
 * eighth. */
struct figures_spread {
    int64_t count, p50_us, p95_us;
};

struct figures {
    int64_t at_ms;                     /* begin of the slot; since 1970 */
    int64_t tokens;                    /* output received from providers, estimated */
    struct figures_spread first_token; /* from the provider request to the first piece */
    struct figures_spread stop;        /* to answer a stop */
    int64_t ended[FIGURES_ENDS];
    struct {
        struct span code;
        int64_t count;
    } codes[FIGURES_CODES]; /* of the failed and the interrupted */
    size_t code_count;
};

struct figures_view {
    struct figures *slots; /* oldest first; those in which anything was counted */
    size_t count;
    struct figures recent; /* the last FIGURES_RECENT_MS */
    double tokens_per_second;
};

/* What a process has told. Zeroed at first. */
struct figures_told {
    int64_t tokens, first_token[METRIC_BUCKETS], stop[METRIC_BUCKETS];
};
void figures_report(struct bus *bus, struct figures_told *told);

/* Decodes what look.lua says of them: 0 or -ERR_INTERNAL. Spans point into the reply;
 * figures_release afterwards. */
int figures_read(const struct reply *reply, struct figures_view *out);
void figures_release(struct figures_view *view);

#endif
