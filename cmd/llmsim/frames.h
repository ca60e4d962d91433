/* OpenAI's chat completion chunks (wire format: `data: {json}` frames, `[DONE]` at the end).
 * Appended to a buffer. Pure. */
#ifndef SLUICE_LLMSIM_FRAMES_H
#define SLUICE_LLMSIM_FRAMES_H

#include "base/buf.h"

struct frame {
    const char *id; /* of the answer: chatcmpl-... */
    struct span model;
    int64_t created_s;
    bool has_usage_member; /* every chunk says "usage":null when usage was asked for */
};

void frame_role(struct buf *b, const struct frame *f);
void frame_text(struct buf *b, const struct frame *f, struct span text);
void frame_tool_begin(struct buf *b, const struct frame *f, const char *call_id, const char *name);
void frame_tool_arguments(struct buf *b, const struct frame *f, struct span fragment);
void frame_finish(struct buf *b, const struct frame *f, const char *finish_reason);
void frame_usage(struct buf *b, const struct frame *f, int64_t input, int64_t output);
void frame_error(struct buf *b);
void frame_garbage(struct buf *b);
void frame_huge(struct buf *b, const struct frame *f);
void frame_done(struct buf *b);

/* The body of an answer with a status from 400; param NULL or "": null. */
void frame_failure(struct buf *b, int status, const char *message, const char *param);

/* The whole answer of a request without stream. tool "" for a text. */
void frame_whole(struct buf *b, const struct frame *f, struct span text, const char *tool,
                 const char *finish_reason, int64_t input, int64_t output);

#endif
