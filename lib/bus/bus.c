/* Owns: the command link and the account of what was said on it. Callbacks may free the bus: its
 * memory goes at the end of the turn. */
#include "bus/bus_inner.h"

#include "base/mem.h"
#include "bus/script.h"

enum { RETRY_MAX_MS = 24 * 3600 * 1000 };

static void on_link_state(struct link *link, enum link_state state, void *arg)
{
    struct bus *bus = arg;
    CHECK_MAGIC(bus, BUS_MAGIC);
    if (state != LINK_UP && state != LINK_BACKOFF)
        return;
    bool is_up = state == LINK_UP;
    if (is_up) {
        script_load_all(link); /* in front of what waits, so that the order of calls is the order of
                                  their effects */
        calls_send(bus);
        if (bus->options.warns_of_settings && bus->settings == NULL)
            bus->settings = settings_warn(link, bus->options.lease_ms);
    }
    void (*hook)(void *arg) = is_up ? bus->options.on_up : bus->options.on_down;
    if (hook != NULL)
        hook(bus->options.arg);
}

struct bus *bus_new(struct loop *loop, const struct bus_options *options)
{
    struct bus *bus = MEM_NEW(struct bus);
    bus->magic = BUS_MAGIC;
    bus->loop = loop;
    bus->options = *options;
    bus->options.redis_url = bus->url = mem_strdup(options->redis_url);
    bus->options.stop_key = bus->stop_key = mem_strdup(options->stop_key);
    bus->options.tenant_stop_key = bus->tenant_stop_key = mem_strdup(options->tenant_stop_key);
    if (bus->options.retry_ms > RETRY_MAX_MS)
        bus->options.retry_ms = RETRY_MAX_MS;
    script_setup();
    timer_init(&bus->call_timer, loop, on_calls_due, bus);
    bus->link = link_new(
        loop,
        &(struct link_options){.url = options->redis_url, .on_state = on_link_state, .arg = bus});
    return bus;
}

static void release(void *arg)
{
    struct bus *bus = arg;
    CHECK_MAGIC(bus, BUS_MAGIC);
    settings_free(bus->settings);
    mem_free(bus->caps);
    mem_free(bus->url);
    mem_free(bus->stop_key);
    mem_free(bus->tenant_stop_key);
    bus->magic = 0;
    mem_free(bus);
}

void bus_free(struct bus *bus)
{
    if (bus == NULL)
        return;
    CHECK_MAGIC(bus, BUS_MAGIC);
    CHECK(!bus->is_freed);
    bus->is_freed = true;
    link_free(bus->link);
    bus->link = NULL;
    calls_drop(bus);
    gathering_free(bus->gathering);
    bus->gathering = NULL;
    timer_release(&bus->call_timer);
    loop_defer(bus->loop, release, bus);
}

bool bus_is_up(const struct bus *bus)
{
    CHECK_MAGIC(bus, BUS_MAGIC);
    return bus->link != NULL && link_is_up(bus->link);
}

struct link *bus_link(struct bus *bus)
{
    CHECK_MAGIC(bus, BUS_MAGIC);
    return bus->link;
}

const char *bus_redis_url(const struct bus *bus)
{
    CHECK_MAGIC(bus, BUS_MAGIC);
    return bus->options.redis_url;
}

struct key bus_flag(const struct bus *bus, const char *tenant, const char *chat)
{
    return key_flag(bus->options.stop_key, bus->options.tenant_stop_key, tenant, chat);
}
