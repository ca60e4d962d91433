/* What the model is shown of a chat: the newest whole turns that fit. Pure. */
#ifndef SLUICE_WORKERS_STREAM_HISTORY_H
#define SLUICE_WORKERS_STREAM_HISTORY_H

#include "llm/llm.h"
#include "wire/mp.h"

struct history {
    struct llm_message *messages; /* oldest first, with room for one more behind them */
    size_t count;
    struct mp_doc **docs; /* what the messages borrow from */
    size_t doc_count;
    struct buf *kept; /* attachments without their images */
    size_t kept_count;
};

/* Reads committed messages (msgpack, oldest first; borrowed until history_release) and keeps the
 * newest turns of at most `max_bytes` of text and attachments. A turn begins with a user's message;
 * one that is cut at its front, or cannot be read, and all before it are left out. Calls of tools
 * are left out: the results that a provider wants to see behind them are not in a chat. */
void history_init(struct history *h, const struct span *messages, size_t count, size_t max_bytes);
/* For a model that cannot see: images of earlier turns are left out. Before history_add. */
void history_hide_images(struct history *h);
void history_release(struct history *h);
/* The user's newest; at most once. */
void history_add(struct history *h, struct span message, struct span attachments);

#endif
