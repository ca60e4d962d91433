/* What a turn is made of before it goes to the bus: pure functions from a checked body to the bytes
 * that are kept. */
#ifndef SLUICE_API_COMPOSE_H
#define SLUICE_API_COMPOSE_H

#include "api/body.h"

enum { COMPOSE_TITLE_CHARS = 80 };

/* JSON text {message, attachments, metadata}: what a stop gives back. */
void compose_restore(struct buf *out, const struct body *body);
/* The user's message as the chat keeps it (msgpack). */
void compose_user_message(struct buf *out, const struct body *body, const char *message_id,
                          const char *generation_id, int64_t created_at_ms);
/* The job (msgpack). `prefill`: what the reply begins with, or SPAN_NONE. */
void compose_job(struct buf *out, const struct body *body, bool is_stateless, struct span prefill);
/* The first 80 characters of the message; borrows. */
struct span compose_title(struct span message);

#endif
