/* Private to lib/bus: one subscriber link that knows whether it still hears. It always keeps a
 * channel of its own subscribed and publishes to it from the command link every 5 s; three that did
 * not come back, or a PUBLISH that reached nobody, and it is made anew. */
#ifndef SLUICE_BUS_PUBSUB_H
#define SLUICE_BUS_PUBSUB_H

#include "bus/bus_inner.h"

struct pubsub;

struct pubsub_hooks {
    void (*on_up)(void *arg); /* a new connection: nothing of what was subscribed before is */
    void (*on_down)(void *arg);
    void (*on_message)(enum sub_kind kind, struct span channel, struct span payload, void *arg);
    void *arg;
};

struct pubsub *pubsub_new(struct bus *bus, struct loop *loop, const struct pubsub_hooks *hooks);
void pubsub_free(struct pubsub *pubsub);
bool pubsub_is_up(const struct pubsub *pubsub); /* the own channel is confirmed */
/* Hands on at once what has come by now, before the loop comes to it. */
void pubsub_read(struct pubsub *pubsub);
/* See link_inner.h: one command at a time per channel, and never for an unknown one. */
void pubsub_subscribe(struct pubsub *pubsub, const char *channel);
void pubsub_unsubscribe(struct pubsub *pubsub, const char *channel);

#endif
