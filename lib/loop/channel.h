/* Private to lib/loop: a stream socket on the loop. Bytes that come are handed on as they come;
 * bytes that go wait, in order, while the other side does not read. Its end is not told: a child's
 * is told by its exit. */
#ifndef SLUICE_LOOP_CHANNEL_H
#define SLUICE_LOOP_CHANNEL_H

#include "base/span.h"
#include "loop/loop.h"

struct channel;

/* Takes `fd`, a connected stream socket, and makes it non-blocking. */
struct channel *channel_new(struct loop *loop, int fd,
                            void (*on_bytes)(struct span bytes, void *arg), void *arg);
/* Copies what cannot go at once. -ERR_TOO_LARGE: more than `CHANNEL_WAITING_MAX` would wait;
 * nothing of it was taken. What is sent to a side that has closed is lost. */
MUST_USE int channel_send(struct channel *channel, struct span bytes);
void channel_drain(struct channel *channel); /* hands on what has come by now */
void channel_free(struct channel *channel);  /* closes; NULL is a no-op */

enum { CHANNEL_WAITING_MAX = 32 * 1024 * 1024 };

#endif
