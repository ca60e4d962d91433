/* What goes between a process and its jq children over one socket pair, both ways alike: a frame is
 * its length (4 bytes, big-endian) and a msgpack array.
 *
 *   request  [number, "eval" | "compile", input JSON text, [program, ...]]
 *   answer   [number, 0, [JSON text, ...]]             of each program its one value
 *            [number, 1, program, line, message]       that one failed (the first is 0)
 *            [number, 2, program, line, message]       the same, and this child ends
 *
 * Before all else a child answers 0 with no values: it is ready. Each side mistrusts the other.
 * Pure. */
#ifndef SLUICE_GRAPHS_JQ_WIRE_H
#define SLUICE_GRAPHS_JQ_WIRE_H

#include "base/buf.h"

enum {
    JQ_FRAME_MAX = 8 * 1024 * 1024,
    JQ_FRAME_ROOM = JQ_FRAME_MAX + 4, /* for a buffer of one frame with its length */
    JQ_RESULT_MAX = 1024 * 1024,      /* one value's JSON text */
    JQ_PROGRAMS_MAX = 4096,           /* of one request */
    JQ_MESSAGE_MAX = 1024
};

struct mp_doc;
struct mp_value;

/* The frames in what comes, however it is cut. */
struct frames {
    struct buf bytes;
};
void frames_init(struct frames *f);
void frames_release(struct frames *f);
/* Calls on_frame for each whole frame (without its length; borrowed) until it returns other than 0,
 * which is returned. -ERR_TOO_LARGE: a frame says that it is larger than JQ_FRAME_MAX. After an
 * error nothing more may be fed. */
MUST_USE int frames_feed(struct frames *f, struct span bytes,
                         int (*on_frame)(struct span frame, void *arg), void *arg);

/* A buffer for one whole frame: `frame_begin` first, `frame_end` last, which returns -ERR_TOO_LARGE
 * when what was put between is too much. */
void frame_begin(struct buf *out);
MUST_USE int frame_end(struct buf *out);

struct jq_request {
    int64_t number; /* from 1 */
    bool is_eval;
    struct span input; /* not looked at: JSON or not */
    size_t count;
    const struct mp_value *programs;
    struct mp_doc *doc;
};
/* A whole frame, into an empty buffer. -ERR_TOO_LARGE. */
MUST_USE int jq_request_put(struct buf *out, int64_t number, bool is_eval, struct span input,
                            const struct span *programs, size_t count);
/* Borrows from `frame`; jq_request_close after it. -ERR_MALFORMED. */
MUST_USE int jq_request_read(struct span frame, struct jq_request *out);
struct span jq_request_program(const struct jq_request *r, size_t index);
void jq_request_close(struct jq_request *r);

enum jq_outcome { JQ_DONE, JQ_FAILED, JQ_ENDING, JQ_OUTCOMES };
struct jq_reply {
    int64_t number;
    enum jq_outcome outcome;
    size_t count; /* of a DONE */
    const struct mp_value *values;
    size_t failed; /* of the others */
    int line;      /* 0: not known */
    struct span message;
    struct mp_doc *doc;
};
/* Whole frames, into an empty buffer. A DONE: between frame_begin and frame_end the head, then each
 * value by mp_put_str. */
void jq_done_head(struct buf *out, int64_t number, size_t count);
MUST_USE int jq_failure_put(struct buf *out, const struct jq_reply *reply);
/* As jq_request_read. Numbers are not negative, texts are UTF-8 and within their limits. */
MUST_USE int jq_reply_read(struct span frame, struct jq_reply *out);
struct span jq_reply_value(const struct jq_reply *r, size_t index);
void jq_reply_close(struct jq_reply *r);

#endif
