/* The child's own clock: work that takes too much processor time is stopped where jq can be
 * stopped, and where it cannot (one primitive that runs away), or when memory is out, the process
 * says its last words and ends. The signal's handler needs a global; it is the file's. */
#ifndef SLUICE_JQ_WATCH_H
#define SLUICE_JQ_WATCH_H

#include "base/buf.h"

#include <jq.h>

/* How the process ends by itself. */
enum { WATCH_EXIT_LATE = 3, WATCH_EXIT_MEMORY = 4 };

void watch_init(int fd); /* the last words go there */

/* Borrowed until watch_end: whole frames, for too long and for too much memory. */
struct last_words {
    const struct buf *late, *memory;
};
/* `jq` is halted after `ms`; NULL, or one that is not yet at its end 25 ms later: the process ends.
 */
void watch_begin(int64_t ms, jq_state *jq, const struct last_words *words);
bool watch_end(void); /* whether jq was halted */
/* For jq_set_nomem_handler. */
void watch_no_memory(void *arg);

#endif
