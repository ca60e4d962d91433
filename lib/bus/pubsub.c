/* Owns: a subscriber link and its heartbeat. Invariant: the own channel is subscribed first and
 * never left, so that the connection never unsubscribes to nothing, and the hooks hear of it only
 * once that is confirmed. */
#include "bus/pubsub.h"

#include "base/mem.h"

enum { PUBSUB_MAGIC = 0x70756273, BEAT_MS = 5000, MISSING_MAX = 3 };

struct pubsub {
    uint32_t magic;
    struct bus *bus;
    struct link *link;
    struct pubsub_hooks hooks;
    struct key own;
    struct timer beat;
    int missing; /* beats sent since the last that came back */
    bool is_up;
};

static void on_beat_sent(struct call *call, int status, const struct reply *reply)
{
    struct pubsub *pubsub = call->arg;
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    if (status != 0)
        return; /* the command link's trouble says nothing of this one */
    pubsub->missing++;
    if (pubsub->is_up && (reply_int(reply, 0) == 0 || pubsub->missing >= MISSING_MAX))
        link_break(pubsub->link, "deaf");
}

static void on_beat(void *arg)
{
    struct pubsub *pubsub = arg;
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    timer_start(&pubsub->beat, BEAT_MS);
    if (!pubsub->is_up || !bus_is_up(pubsub->bus))
        return;
    struct call *call = call_new_plain(pubsub->bus, "PUBLISH");
    call->is_repeated = false;
    call_key(call, pubsub->own);
    call_text(call, "1");
    call_send(call, on_beat_sent, NULL, pubsub);
}

static void on_state(struct link *link, enum link_state state, void *arg)
{
    struct pubsub *pubsub = arg;
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    if (state == LINK_UP)
        link_subscribe(link, pubsub->own.text);
    if (state != LINK_BACKOFF || !pubsub->is_up)
        return;
    pubsub->is_up = false;
    if (pubsub->hooks.on_down != NULL)
        pubsub->hooks.on_down(pubsub->hooks.arg);
}

static void on_message(enum sub_kind kind, struct span channel, struct span payload, void *arg)
{
    struct pubsub *pubsub = arg;
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    if (!span_is(channel, pubsub->own.text)) {
        pubsub->hooks.on_message(kind, channel, payload, pubsub->hooks.arg);
        return;
    }
    pubsub->missing = 0;
    if (kind == SUB_SUBSCRIBED && !pubsub->is_up) {
        pubsub->is_up = true;
        pubsub->hooks.on_up(pubsub->hooks.arg);
    }
}

struct pubsub *pubsub_new(struct bus *bus, struct loop *loop, const struct pubsub_hooks *hooks)
{
    struct pubsub *pubsub = MEM_NEW(struct pubsub);
    *pubsub = (struct pubsub){.magic = PUBSUB_MAGIC, .bus = bus, .hooks = *hooks};
    pubsub->own = key_plain(id_mint("beat:p").text);
    timer_init(&pubsub->beat, loop, on_beat, pubsub);
    timer_start(&pubsub->beat, BEAT_MS);
    pubsub->link = link_new(loop, &(struct link_options){.url = bus_redis_url(bus),
                                                         .is_subscriber = true,
                                                         .on_state = on_state,
                                                         .arg = pubsub});
    link_on_messages(pubsub->link, on_message, pubsub);
    return pubsub;
}

void pubsub_free(struct pubsub *pubsub)
{
    if (pubsub == NULL)
        return;
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    calls_cancel(pubsub->bus, pubsub);
    timer_release(&pubsub->beat);
    link_free(pubsub->link);
    pubsub->magic = 0;
    mem_free(pubsub);
}

bool pubsub_is_up(const struct pubsub *pubsub)
{
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    return pubsub->is_up;
}

void pubsub_read(struct pubsub *pubsub)
{
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    link_read(pubsub->link);
}

void pubsub_subscribe(struct pubsub *pubsub, const char *channel)
{
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    link_subscribe(pubsub->link, channel);
}

void pubsub_unsubscribe(struct pubsub *pubsub, const char *channel)
{
    CHECK_MAGIC(pubsub, PUBSUB_MAGIC);
    link_unsubscribe(pubsub->link, channel);
}
