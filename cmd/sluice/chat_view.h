/* What `sluice chat` shows. On a terminal: the reply with a little light, reasoning dim, and dim
 * lines about what happens. Else: the reply's text alone on standard output, and what goes wrong on
 * standard error. */
#ifndef SLUICE_CMD_CHAT_VIEW_H
#define SLUICE_CMD_CHAT_VIEW_H

#include "wire/json.h"
#include "wire/sse.h"

struct chat_view;

struct chat_view *chat_view_new(bool is_terminal);
void chat_view_free(struct chat_view *view); /* NULL is a no-op */

/* A reply: chat_view_event for each of its events, the terminal one too, or chat_view_cut when
 * nothing more of it is wanted. */
void chat_view_begin(struct chat_view *view);
void chat_view_event(struct chat_view *view, const struct sse_event *event,
                     const struct json *data);
void chat_view_cut(struct chat_view *view);

/* The reply of an earlier turn, or the message. */
void chat_view_reply(struct chat_view *view, struct span text);
void chat_view_message(struct chat_view *view, struct span text);

/* Lines beside; each begins one. Notes are for terminals only. */
__attribute__((format(printf, 2, 3))) void chat_view_note(struct chat_view *view,
                                                          const char *format, ...);
__attribute__((format(printf, 2, 3))) void chat_view_error(struct chat_view *view,
                                                           const char *format, ...);
void chat_view_usage(struct chat_view *view, const struct json *usage);
void chat_view_gap(struct chat_view *view); /* an empty line; for terminals only */

/* Whether what was written has arrived so far: a pipe may be closed. */
bool chat_view_is_read(struct chat_view *view);

/* The prompt of the edit line. */
const char *chat_view_prompt(const struct chat_view *view);

#endif
