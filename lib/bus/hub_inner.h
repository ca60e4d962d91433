/* Private to lib/bus: the two halves of reading. hub.c owns subscriptions (a channel per
 * generation), feed.c the way of one reader. */
#ifndef SLUICE_BUS_HUB_INNER_H
#define SLUICE_BUS_HUB_INNER_H

#include "bus/feed.h"
#include "bus/pubsub.h"

struct channel;
struct flush;

struct hub {
    uint32_t magic;
    struct bus *bus;
    struct loop *loop;
    struct pubsub *pubsub;
    struct map *channels; /* by the channel's name */
    struct flush *flushes;
    struct timer tick;
    struct timer watch_timer; /* sends watch_call */
    struct call *watch_call;  /* leases to be pushed on, gathered in this turn; NULL: none */
    int64_t watch_grace_ms;
    size_t watch_count;
    size_t feed_count;
    bool is_freed;
};

/* One subscription, shared by all feeds of a generation. */
struct channel {
    uint32_t magic;
    struct hub *hub;
    int state; /* hub.c's */
    char tenant[ID_TENANT_MAX + 1];
    struct id generation;
    struct key name;
    struct feed *feeds; /* closed ones stay until the end of the turn */
    int64_t grace_ms;   /* of hub_watch; 0: nobody asked */
    struct timer watch;
};

/* For feed.c. */
struct channel *channel_join(struct hub *hub, const char *tenant,
                             const char *generation); /* then it adds the feed to `feeds` */
void channel_left(struct channel *channel); /* a feed was closed; it is still in `feeds` */
void channel_empty(
    struct channel *channel); /* the last feed was taken out of `feeds`; may free the channel */
bool channel_is_heard(const struct channel *channel);
void flush_part_done(struct flush *flush); /* NULL is a no-op */

/* For hub.c: a walk over a channel's feeds, closed ones left out. Hooks called on the way may open
 * and close feeds. */
struct feed *feed_next(const struct channel *channel,
                       const struct feed *after); /* NULL: the first; NULL at the end */
void feed_heard(struct feed *feed);               /* the subscription is confirmed */
void feed_lost(struct feed *feed);                /* it is gone */
void feed_message(struct feed *feed, struct span event, int64_t seq, bool is_terminal);
void feed_tick(struct feed *feed, int64_t now_ms);
bool feed_flush(struct feed *feed,
                struct flush *flush); /* sends a read for it, ended by flush_part_done; false when
                                         there is none to wait for */
void feed_cancel_paused(struct feed *feed);

#endif
