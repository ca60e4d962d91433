/* What several answers say of a chat in the same way. */
#ifndef SLUICE_API_CHAT_VIEW_H
#define SLUICE_API_CHAT_VIEW_H

#include "bus/turn.h"
#include "wire/json.h"

/* The members that every view of a chat begins with: chat_id, title, metadata, created_at. */
void chat_view_put_head(struct json_writer *w, const struct id *chat, const struct chat_view *view);
/* The id for `before`: the oldest message of the page when there are older ones, else "". */
struct id chat_view_next(const struct chat_view *view);

#endif
