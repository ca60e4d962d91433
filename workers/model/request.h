/* What a generation's request means for the model that answers it, and what of its chat the model
 * is shown. */
#ifndef SLUICE_WORKERS_MODEL_REQUEST_H
#define SLUICE_WORKERS_MODEL_REQUEST_H

#include "bus/turn.h"
#include "common/claimed.h"
#include "common/worker.h"

/* The request's model; else the chat's last, while that is still configured; else SPAN_NONE: the
 * configuration's. Borrowed from `claimed`. */
struct span request_model(const struct conf *conf, const struct claimed *claimed);
/* The request's system prompt, else the chat's, or SPAN_NONE. */
struct span request_system(const struct claimed *claimed);
bool request_has_images(const struct job *job);
bool request_has_tools(const struct job *job);
/* How long a model is tried, over all attempts: the queue timeout of the lane. */
int64_t request_patience_ms(const struct conf *conf, const struct claimed *claimed);

/* The params of a request whose answer goes on from `prefill`: max_tokens is less by the tokens
 * that are there already, as estimated, but 1 at least. Owned; NULL: they stay as they are. */
char *request_params_behind(struct span params, struct span prefill);

/* The chat's newest messages, as turn_read_chat, without those that the turn is to replace and all
 * behind them; for history_init with limits.history_bytes. -ERR_MALFORMED when the request in the
 * record is damaged: nothing is read then. */
MUST_USE int request_read_chat(const struct worker *worker, const struct claimed *claimed,
                               on_chat done, void *arg);

#endif
