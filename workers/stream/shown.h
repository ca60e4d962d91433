/* What the log shows of a generation whose last claim broke off: the reply so far, put together
 * again from its events, and where it began. Pure. */
#ifndef SLUICE_WORKERS_STREAM_SHOWN_H
#define SLUICE_WORKERS_STREAM_SHOWN_H

#include "model/reply.h"

struct shown {
    struct reply *reply;   /* the caller's */
    int64_t seq;           /* of the last event read */
    int64_t first_visible; /* seq of the first visible event that counts; 0: none */
    int64_t parts;         /* numbers given so far: the highest and one */
    int64_t text_part;     /* of the last text; -1: none */
    size_t bytes;          /* of output */
    char *model;           /* configured name of the model that spoke last; NULL: none */
};

void shown_init(struct shown *s, struct reply *reply); /* an empty one */
void shown_release(struct shown *s);
/* The log's next event. -ERR_MALFORMED for what is none, or not the next. */
MUST_USE int shown_put(struct shown *s, struct span event);

#endif
