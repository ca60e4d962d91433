/* The drain: one tick closes its share of the streams that are left. */
#include "api/drain.h"

#include "api/audience.h"
#include "api/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/process.h"

enum { DRAIN_MAGIC = 0x44524149, DRAIN_SPREAD_MS = 3000, DRAIN_MOST_MS = 4000, DRAIN_TICK_MS = 50 };

static void on_tick(void *arg)
{
    struct drain *drain = arg;
    CHECK_MAGIC(drain, DRAIN_MAGIC);
    struct api *api = drain->api;
    int64_t spent_ms = clock_mono_ms() - drain->began_ms;
    int64_t ticks_left = (DRAIN_SPREAD_MS - spent_ms) / DRAIN_TICK_MS;
    size_t left = audience_close_some(api, 0);
    size_t share = ticks_left < 1 ? left : left / (size_t)ticks_left + 1;
    left = audience_close_some(api, share);
    size_t connections = http_server_connections(api->server);
    if ((left == 0 && connections == 0) || spent_ms >= DRAIN_MOST_MS) {
        log_event(LOG_INFO, "api.drained", "readers=%zu connections=%zu", left, connections);
        loop_stop(api->loop);
        return;
    }
    timer_start(&drain->timer, DRAIN_TICK_MS);
}

void drain_init(struct drain *drain, struct api *api)
{
    drain->magic = DRAIN_MAGIC;
    drain->api = api;
    timer_init(&drain->timer, api->loop, on_tick, drain);
}

void drain_start(struct drain *drain)
{
    struct api *api = drain->api;
    log_event(LOG_INFO, "api.drain", "connections=%zu", http_server_connections(api->server));
    api->is_draining = true;
    drain->began_ms = clock_mono_ms();
    process_stopping(DRAIN_MOST_MS);
    http_server_drain(api->server);
    board_drain(api->board);
    timer_start(&drain->timer, 0);
}

void drain_release(struct drain *drain)
{
    timer_release(&drain->timer);
}
