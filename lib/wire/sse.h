/* Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): a reader for
 * providers' streams and a writer for ours. The reader takes bytes cut anywhere, lines that end in
 * CRLF, LF or CR, and gives whole events. Bounded: a line or an event over the limit is an error.
 */
#ifndef SLUICE_WIRE_SSE_H
#define SLUICE_WIRE_SSE_H

#include "base/buf.h"

struct sse_event {
    struct span type; /* SPAN_NONE without an event: line, or with an empty one */
    struct span id;   /* the last one that the stream named, also in an earlier event; SPAN_NONE
                         before that */
    struct span data; /* data lines joined by \n; bytes as they came, UTF-8 or not */
};

/* Return 0 to go on; another value ends sse_feed and is returned by it. Spans are valid during the
 * call. */
typedef int (*sse_on_event)(const struct sse_event *event, void *arg);

struct sse_reader {
    struct buf line;
    struct buf data;
    struct buf type;
    struct buf id;
    bool after_cr;
    bool has_data;
    bool has_id;
    bool at_start; /* a byte order mark may stand here */
    sse_on_event on_event;
    void *arg;
};

void sse_init(struct sse_reader *r, size_t max_bytes, sse_on_event on_event, void *arg);
void sse_release(struct sse_reader *r);
/* 0, -ERR_TOO_LARGE, or what on_event returned. After an error only sse_release is allowed. */
MUST_USE int sse_feed(struct sse_reader *r, struct span bytes);
/* True when the stream, if it ends here, ends in the middle of a line or event. */
bool sse_is_mid_event(const struct sse_reader *r);

void sse_put_comment(struct buf *b, const char *text); /* without a line end in it */
void sse_put_retry(struct buf *b, int ms);
/* id may be SPAN_NONE; neither it nor type may hold a line end. A line end in data begins another
 * data line, as the format wants. */
void sse_put_event(struct buf *b, struct span id, const char *type, struct span data);

#endif
