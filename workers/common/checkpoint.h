/* What rides on an event of a run: it reaches Redis in one step with it, behind the fence. */
#ifndef SLUICE_WORKERS_COMMON_CHECKPOINT_H
#define SLUICE_WORKERS_COMMON_CHECKPOINT_H

#include "base/span.h"
#include <stdbool.h>

struct run_checkpoint {
    const char *field; /* of the generation's steps, at most LIMIT_CHECKPOINT_FIELD bytes */
    struct span value; /* at most LIMIT_CHECKPOINT bytes */
    bool is_shown;     /* text of a step that is not over yet is in the log */
    void (*on_logged)(void *arg); /* once it is there; may be NULL */
    void *arg;
};

#endif
