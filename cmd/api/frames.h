/* Events that readers get and no log has: they carry neither `id:` nor seq, so a cursor stays where
 * it is. Pure. */
#ifndef SLUICE_API_FRAMES_H
#define SLUICE_API_FRAMES_H

#include "base/buf.h"
#include <stdint.h>

struct frame {
    const char *generation;
    const char *chat; /* "" when there is none */
    int64_t at_ms;
};

/* Redis lost the log's tail: drop what is above `after`. */
void frame_put_rewound(struct buf *out, const struct frame *frame, int64_t after);
/* How many are before it in the queue now. */
void frame_put_position(struct buf *out, const struct frame *frame, int64_t position);

#endif
