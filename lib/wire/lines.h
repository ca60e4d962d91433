/* A stream of lines (newline-delimited JSON and the like), cut anywhere: gives whole lines without
 * their end (LF or CRLF), empty ones left out. Bounded: a line over the limit is an error. */
#ifndef SLUICE_WIRE_LINES_H
#define SLUICE_WIRE_LINES_H

#include "base/buf.h"

/* Return 0 to go on; another value ends lines_feed and is returned by it. The span is valid during
 * the call. */
typedef int (*lines_on_line)(struct span line, void *arg);

struct line_reader {
    struct buf kept; /* of a line that is not whole yet */
    lines_on_line on_line;
    void *arg;
};

void lines_init(struct line_reader *r, size_t max_bytes, lines_on_line on_line, void *arg);
void lines_release(struct line_reader *r);
/* 0, -ERR_TOO_LARGE, or what on_line returned. After an error only lines_release is allowed. */
MUST_USE int lines_feed(struct line_reader *r, struct span bytes);
/* The stream is over: gives what stands behind the last line end, if anything does. */
MUST_USE int lines_end(struct line_reader *r);

#endif
