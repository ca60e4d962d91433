/* What a graph is given: `.input` and `.history` as JSON text. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_INPUT_H
#define SLUICE_WORKERS_GRAPH_INPUT_H

#include "common/claimed.h"
#include "model/history.h"

/* {message, attachments, metadata, chat_id, generation_id, user}. The data of attachments stays
 * out: a model is given it, an expression has no use for it. */
void input_write(const struct claimed *claimed, struct span message, struct buf *out);
/* The attachments as they stand there; [] for SPAN_NONE. */
void input_write_attachments(struct span attachments, struct buf *out);
/* [{role, content}, ...] */
void input_write_history(const struct llm_message *messages, size_t count, struct buf *out);

/* A stateless request's messages, JSON text that the API has checked: the text of the user's last
 * one, owned; what stands before it makes `history`, owned too. */
char *input_take_messages(struct span messages, struct history *history);

#endif
