/* Private to lib/bus: what only this room may say to a link. */
#ifndef SLUICE_BUS_LINK_INNER_H
#define SLUICE_BUS_LINK_INNER_H

#include "bus/link.h"

/* As link_command, of a command that is in its final form. */
void link_send(struct link *link, struct span command, int64_t timeout_ms, link_on_reply on_reply,
               void *arg);
/* Gives up the connection: everything in flight completes with -ERR_UNAVAILABLE, a new one is made.
 * Nothing when there is none. */
void link_break(struct link *link, const char *reason);

/* Another number than before when the server took or answered something meanwhile: it is alive. */
uint64_t link_moves(const struct link *link);

/* Subscriber links. hiredis takes an answer for a channel that it does not know for the one before
 * it, so: one command in flight per channel, each UNSUBSCRIBE names one channel whose SUBSCRIBE was
 * confirmed, and the last channel is never left. */
enum sub_kind { SUB_SUBSCRIBED, SUB_UNSUBSCRIBED, SUB_MESSAGE };
typedef void (*link_on_message)(enum sub_kind kind, struct span channel, struct span payload,
                                void *arg);
void link_on_messages(struct link *link, link_on_message on_message, void *arg);
/* Hands on at once the messages that have come by now. */
void link_read(struct link *link);
/* Do nothing while the link is not up. */
void link_subscribe(struct link *link, const char *channel);
void link_unsubscribe(struct link *link, const char *channel);

#endif
