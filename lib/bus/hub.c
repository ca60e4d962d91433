/* Owns: the subscriber link, one channel per generation that is read here, the flushes. Invariant:
 * per channel at most one SUBSCRIBE or UNSUBSCRIBE is in flight, and a message goes to whom its own
 * name says.
 *
 *     WANTED ─► JOINING ─► HEARD ─► LEAVING ─► gone, or JOINING again
 *     link down: any ─► WANTED, without feeds ─► gone
 */
#include "bus/hub_inner.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/event.h"

enum {
    HUB_MAGIC = 0x68756221,
    CHANNEL_MAGIC = 0x6368616e,
    FLUSH_MAGIC = 0x666c7573,
    TICK_MS = 1000,
    WATCH_MAX = 256,    /* leases in one call */
    WATCH_MOMENTS = 16, /* in a grace, when leases are pushed on */
};

enum channel_state { CHANNEL_WANTED, CHANNEL_JOINING, CHANNEL_HEARD, CHANNEL_LEAVING };

struct flush {
    uint32_t magic;
    struct flush *next;
    struct hub *hub;
    struct key channel;
    size_t parts;
    struct timer timer; /* runs when the last part is done: never inside hub_flush or feed_close */
    void (*done)(void *arg);
    void *arg;
};

static void channel_free(struct channel *channel)
{
    (void)map_remove(channel->hub->channels, channel->name.text); /* it is what is there */
    timer_release(&channel->watch);
    channel->magic = 0;
    mem_free(channel);
}

static void join(struct channel *channel)
{
    channel->state = CHANNEL_WANTED;
    if (!pubsub_is_up(channel->hub->pubsub))
        return;
    channel->state = CHANNEL_JOINING;
    pubsub_subscribe(channel->hub->pubsub, channel->name.text);
}

/* "Somebody reads": the lease is pushed on, never cut, so another process's reader is not in its
 * way. The leases of many go in one call: those of one grace are due at the same moments. */

static void send_watch(struct hub *hub)
{
    timer_stop(&hub->watch_timer);
    if (hub->watch_call != NULL)
        call_send(hub->watch_call, NULL, NULL, hub);
    hub->watch_call = NULL;
}

static void on_watch_gathered(void *arg)
{
    struct hub *hub = arg;
    CHECK_MAGIC(hub, HUB_MAGIC);
    send_watch(hub);
}

static void push_watch(struct channel *channel)
{
    struct hub *hub = channel->hub;
    if (hub->watch_call != NULL &&
        (hub->watch_grace_ms != channel->grace_ms || hub->watch_count == WATCH_MAX))
        send_watch(hub);
    if (hub->watch_call == NULL) {
        hub->watch_call = call_new(hub->bus, SCRIPT_WATCH, 1);
        hub->watch_grace_ms = channel->grace_ms;
        hub->watch_count = 0;
        call_key(hub->watch_call, key_plain("watch"));
        call_text(hub->watch_call, "on");
        call_int(hub->watch_call, channel->grace_ms);
        timer_start(&hub->watch_timer, 0);
    }
    char *member = mem_printf("%s:%s", channel->tenant, channel->generation.text);
    call_text(hub->watch_call, member);
    hub->watch_count++;
    mem_free(member);
}

/* Half a grace from now at most, at a moment that others share. */
static int64_t next_watch_ms(int64_t grace_ms)
{
    int64_t now = clock_mono_ms(), at = now + grace_ms / 2, step = grace_ms / WATCH_MOMENTS;
    return (step > 0 ? at - at % step : at) - now;
}

static void on_watch_timer(void *arg)
{
    struct channel *channel = arg;
    CHECK_MAGIC(channel, CHANNEL_MAGIC);
    push_watch(channel);
    timer_start(&channel->watch, next_watch_ms(channel->grace_ms));
}

struct channel *channel_join(struct hub *hub, const char *tenant, const char *generation)
{
    CHECK_MAGIC(hub, HUB_MAGIC);
    struct key name = key_events(tenant, generation);
    struct channel *channel = map_get(hub->channels, name.text);
    hub->feed_count++;
    if (channel != NULL)
        return channel;
    channel = MEM_NEW(struct channel);
    *channel = (struct channel){.magic = CHANNEL_MAGIC,
                                .hub = hub,
                                .name = name,
                                .generation = id_from(span_of(generation))};
    CHECK(id_is_tenant(span_of(tenant)));
    memcpy(channel->tenant, tenant, strlen(tenant));
    timer_init(&channel->watch, hub->loop, on_watch_timer, channel);
    (void)map_put(hub->channels, name.text, channel); /* there was none */
    join(channel);
    return channel;
}

void channel_left(struct channel *channel)
{
    CHECK_MAGIC(channel, CHANNEL_MAGIC);
    channel->hub->feed_count--;
    if (channel->grace_ms == 0 || feed_next(channel, NULL) != NULL)
        return;
    push_watch(channel); /* the grace begins now */
    timer_stop(&channel->watch);
    channel->grace_ms = 0;
}

void channel_empty(struct channel *channel)
{
    CHECK_MAGIC(channel, CHANNEL_MAGIC);
    if (channel->state == CHANNEL_WANTED) {
        channel_free(channel);
    } else if (channel->state == CHANNEL_HEARD) {
        channel->state = CHANNEL_LEAVING;
        pubsub_unsubscribe(channel->hub->pubsub, channel->name.text);
    }
}

bool channel_is_heard(const struct channel *channel)
{
    CHECK_MAGIC(channel, CHANNEL_MAGIC);
    return channel->state == CHANNEL_HEARD;
}

static void on_confirmed(struct channel *channel)
{
    if (channel->state != CHANNEL_JOINING)
        return;
    channel->state = CHANNEL_HEARD;
    if (channel->feeds == NULL)
        channel_empty(channel);
    for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
         feed = feed_next(channel, feed))
        feed_heard(feed);
}

static void on_event_message(struct channel *channel, struct span event)
{
    int64_t seq;
    enum event_kind kind;
    if (event_peek(event, &seq, &kind) != 0)
        return; /* whoever publishes there is not one of us */
    for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
         feed = feed_next(channel, feed))
        feed_message(feed, event, seq, event_is_terminal(kind));
}

static void on_message(enum sub_kind kind, struct span name, struct span payload, void *arg)
{
    struct hub *hub = arg;
    struct key key;
    CHECK_MAGIC(hub, HUB_MAGIC);
    if (name.len == 0 || name.len >= sizeof key.text)
        return;
    memcpy(key.text, name.ptr, name.len);
    key.text[name.len] = '\0';
    struct channel *channel = map_get(hub->channels, key.text);
    if (channel == NULL)
        return;
    if (kind == SUB_MESSAGE) {
        on_event_message(channel, payload);
    } else if (kind == SUB_SUBSCRIBED) {
        on_confirmed(channel);
    } else if (channel->state == CHANNEL_LEAVING) {
        channel->state = CHANNEL_WANTED;
        if (channel->feeds == NULL)
            channel_free(channel);
        else
            join(channel);
    }
}

static void rejoin_one(const char *name, void *value, void *arg)
{
    struct channel *channel = value;
    (void)name, (void)arg;
    join(channel);
}

static void on_pubsub_up(void *arg)
{
    struct hub *hub = arg;
    CHECK_MAGIC(hub, HUB_MAGIC);
    map_each(hub->channels, rejoin_one, NULL);
}

static void lose_one(const char *name, void *value, void *arg)
{
    struct channel *channel = value;
    (void)name, (void)arg;
    channel->state = CHANNEL_WANTED;
    for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
         feed = feed_next(channel, feed))
        feed_lost(feed);
    if (channel->feeds == NULL)
        channel_free(channel);
}

static void on_pubsub_down(void *arg)
{
    struct hub *hub = arg;
    CHECK_MAGIC(hub, HUB_MAGIC);
    map_each(hub->channels, lose_one, NULL);
}

static void tick_one(const char *name, void *value, void *arg)
{
    const struct channel *channel = value;
    const int64_t *now_ms = arg;
    (void)name;
    for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
         feed = feed_next(channel, feed))
        feed_tick(feed, *now_ms);
}

static void on_tick(void *arg)
{
    struct hub *hub = arg;
    int64_t now_ms = clock_mono_ms();
    CHECK_MAGIC(hub, HUB_MAGIC);
    timer_start(&hub->tick, TICK_MS);
    if (bus_is_up(hub->bus))
        map_each(hub->channels, tick_one, &now_ms);
}

struct hub *hub_new(struct bus *bus, struct loop *loop)
{
    struct hub *hub = MEM_NEW(struct hub);
    *hub = (struct hub){.magic = HUB_MAGIC, .bus = bus, .loop = loop, .channels = map_new()};
    timer_init(&hub->watch_timer, loop, on_watch_gathered, hub);
    timer_init(&hub->tick, loop, on_tick, hub);
    timer_start(&hub->tick, TICK_MS);
    hub->pubsub = pubsub_new(bus, loop,
                             &(struct pubsub_hooks){on_pubsub_up, on_pubsub_down, on_message, hub});
    return hub;
}

static void free_one(const char *name, void *value, void *arg)
{
    struct channel *channel = value;
    (void)name, (void)arg;
    CHECK(channel->feeds == NULL);
    channel_free(channel);
}

/* After the feeds that were closed in this turn. */
static void release(void *arg)
{
    struct hub *hub = arg;
    CHECK_MAGIC(hub, HUB_MAGIC);
    while (hub->flushes != NULL) {
        struct flush *flush = hub->flushes;
        hub->flushes = flush->next;
        mem_free(flush);
    }
    map_each(hub->channels, free_one, NULL);
    map_free(hub->channels);
    pubsub_free(hub->pubsub);
    hub->magic = 0;
    mem_free(hub);
}

void hub_free(struct hub *hub)
{
    if (hub == NULL)
        return;
    CHECK_MAGIC(hub, HUB_MAGIC);
    CHECK(hub->feed_count == 0);
    calls_cancel(hub->bus, hub);
    timer_release(&hub->tick);
    timer_release(&hub->watch_timer);
    if (hub->watch_call != NULL)
        call_drop(hub->watch_call);
    hub->watch_call = NULL;
    hub->is_freed = true;
    for (struct flush *flush = hub->flushes; flush != NULL; flush = flush->next) {
        timer_release(&flush->timer);
        flush->parts = SIZE_MAX; /* a feed's hook may be what frees the hub: its part comes still */
    }
    loop_defer(hub->loop, release, hub);
}

bool hub_is_up(const struct hub *hub)
{
    CHECK_MAGIC(hub, HUB_MAGIC);
    return pubsub_is_up(hub->pubsub);
}

void flush_part_done(struct flush *flush)
{
    if (flush != NULL && --flush->parts == 0)
        timer_start(&flush->timer, 0);
}

static void on_flush_timer(void *arg)
{
    struct flush *flush = arg;
    CHECK_MAGIC(flush, FLUSH_MAGIC);
    struct hub *hub = flush->hub;
    struct channel *channel = map_get(hub->channels, flush->channel.text);
    struct flush **at = &hub->flushes;
    while (*at != flush)
        at = &(*at)->next;
    *at = flush->next;
    if (channel != NULL)
        for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
             feed = feed_next(channel, feed))
            feed_cancel_paused(feed);
    timer_release(&flush->timer);
    if (!hub->is_freed)
        flush->done(flush->arg);
    mem_free(flush);
}

void hub_flush(struct hub *hub, const char *tenant, const char *generation, void (*done)(void *arg),
               void *arg)
{
    CHECK_MAGIC(hub, HUB_MAGIC);
    struct flush *flush = MEM_NEW(struct flush);
    *flush = (struct flush){.magic = FLUSH_MAGIC,
                            .next = hub->flushes,
                            .hub = hub,
                            .done = done,
                            .arg = arg,
                            .parts = 1};
    hub->flushes = flush;
    flush->channel = key_events(tenant, generation);
    timer_init(&flush->timer, hub->loop, on_flush_timer, flush);
    struct channel *channel = map_get(hub->channels, flush->channel.text);
    if (channel != NULL)
        for (struct feed *feed = feed_next(channel, NULL); feed != NULL;
             feed = feed_next(channel, feed))
            flush->parts += feed_flush(feed, flush) ? 1 : 0;
    flush_part_done(flush);
}

void hub_watch(struct hub *hub, const char *tenant, const char *generation, int64_t grace_ms)
{
    CHECK_MAGIC(hub, HUB_MAGIC);
    struct channel *channel = map_get(hub->channels, key_events(tenant, generation).text);
    if (channel == NULL || feed_next(channel, NULL) == NULL || grace_ms <= 0)
        return;
    channel->grace_ms = grace_ms;
    on_watch_timer(channel);
}
