/* What a model is shown: of a chat the newest whole turns that fit, and what is said to it now.
 * Pure.
 */
#ifndef SLUICE_WORKERS_MODEL_HISTORY_H
#define SLUICE_WORKERS_MODEL_HISTORY_H

#include "llm/llm.h"
#include "wire/mp.h"

struct history {
    struct llm_message *messages; /* oldest first */
    size_t count;
    struct mp_doc **docs; /* what the messages borrow from */
    size_t doc_count;
    struct buf *kept; /* attachments without their images */
    size_t kept_count;
    char *own; /* their texts, of history_own */
};

/* Reads committed messages (msgpack, oldest first; borrowed until history_release) and keeps the
 * newest turns of at most `max_bytes` of text and attachments. A turn begins with a user's message;
 * one that is cut at its front, or cannot be read, and all before it are left out. Calls of tools
 * are left out: the results that a provider wants to see behind them are not in a chat. */
void history_init(struct history *h, const struct span *messages, size_t count, size_t max_bytes);
/* Copies what it borrowed so far, so that it outlives the messages it was read from. At most once.
 */
void history_own(struct history *h);
/* One that begins with messages of another, whose texts it borrows. */
void history_share(struct history *h, const struct llm_message *messages, size_t count);
/* For a model that cannot see: images of the messages so far are left out. At most once. */
void history_hide_images(struct history *h);
/* What is said behind it; borrowed. */
void history_add(struct history *h, const struct llm_message *message);
void history_release(struct history *h);

#endif
