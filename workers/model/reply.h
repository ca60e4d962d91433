/* The reply as it grows, and the two forms in which it is kept at the end. Pure. Its size is
 * limited by what the run lets through. */
#ifndef SLUICE_WORKERS_MODEL_REPLY_H
#define SLUICE_WORKERS_MODEL_REPLY_H

#include "wire/event.h"
#include "wire/job.h"

struct reply_text {
    struct buf text;
    int64_t part; /* of its end; -1: nothing yet */
};

struct reply {
    struct reply_text content, reasoning, refusal;
    struct buf calls; /* items of a JSON array, commas between */
    bool has_calls;   /* a call was begun */
};

void reply_init(struct reply *r, size_t max_bytes);
void reply_release(struct reply *r);
void reply_reset(struct reply *r);           /* empty again */
bool reply_is_empty(const struct reply *r);  /* nothing came, not even the begin of a call */
int64_t reply_tokens(const struct reply *r); /* estimated */
/* Parts of a kind stand one after the other, an empty line between. */
void reply_put_piece(struct reply *r, const struct piece *piece);
void reply_put_call(struct reply *r, const struct call_piece *call);

/* What a committed message says of the turn; borrowed. */
struct reply_facts {
    struct span id, generation, model, finish_reason;
    struct span metadata; /* JSON text, or SPAN_NONE */
    int64_t created_at_ms;
    struct usage usage;
};
/* The committed message, msgpack. Its content is the text, or, where there is none, the refusal. */
void reply_put_message(struct buf *out, const struct reply *r, const struct reply_facts *facts);
/* {text, reasoning, tool_calls}, null for what there is none of. */
void reply_put_output(struct buf *out, const struct reply *r);

#endif
