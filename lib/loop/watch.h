/* A descriptor that becomes readable, or a signal that comes, as a call: for programs that talk
 * with a terminal. Daemons have loop/process.h. */
#ifndef SLUICE_LOOP_WATCH_H
#define SLUICE_LOOP_WATCH_H

#include "loop/loop.h"

struct watch;

/* A terminal, pipe or socket; called again and again while there is something to read, or the end
 * of it: the call must take some of it. */
struct watch *watch_readable(struct loop *loop, int fd, void (*on_ready)(void *arg), void *arg);
/* One watch for each number. Its default no longer happens. */
struct watch *watch_signal(struct loop *loop, int number, void (*on_ready)(void *arg), void *arg);
/* Silence afterwards; safe in its own call. The signal has its default again. NULL is a no-op. */
void watch_free(struct watch *watch);

#endif
