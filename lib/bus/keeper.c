/* Reap and tell the figures each second, sweep every 10 s. Owns the two timers; one call of each
 * kind at a time. */
#include "bus/queue.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "bus/bus_inner.h"
#include "bus/figures.h"

enum {
    KEEPER_MAGIC = 0x6b656570,
    FIRST_REAP_MS = 50, /* soon: the first look after a pause only gives everybody grace */
    REAP_MS = 1000,
    SWEEP_MS = 10 * 1000,
    CRASHES_MAX = 5,
    GAP_MS = 3000, /* nobody looked for so long: the owners get the chance to renew first */
    REAP_LIMIT = 100,
    SWEEP_LIMIT = 100,             /* a page: Redis does nothing else meanwhile, */
    SWEEP_PAUSE_MS = 20,           /* and gets to breathe before the next one */
    SWEEP_GAP_MS = SWEEP_MS - 500, /* one process sweeps for all */
    KEEP_DEAD_MS = 7 * 24 * 3600 * 1000,
};

struct keeper {
    uint32_t magic;
    struct bus *bus;
    struct timer reap_timer, sweep_timer;
    int64_t interactive_timeout_ms, batch_timeout_ms;
    struct figures_told told;
    int64_t swept; /* where the sweep that is under way goes on; 0: none is */
};

/* "<tenant>:<generation> <fate>", or "grace". */
static void note(struct span line)
{
    const char *space = memrchr(line.ptr == NULL ? "" : line.ptr, ' ', line.len);
    struct span fate =
        space == NULL ? line : span_make(space + 1, line.len - (size_t)(space + 1 - line.ptr));
    if (span_is(fate, "requeued"))
        metric_add(METRIC_REQUEUED, 1);
    log_event(LOG_DEBUG, "keeper.fate", "what=%.*s", SPAN_ARG(line));
}

static void answer_reap(struct call *call, int status, const struct reply *reply)
{
    struct keeper *keeper = call->arg;
    CHECK_MAGIC(keeper, KEEPER_MAGIC);
    for (size_t i = 0; status == 0 && i < reply_count(reply); i++)
        note(reply_str(reply_at(reply, i)));
    timer_start(&keeper->reap_timer, REAP_MS);
}

static void on_reap_timer(void *arg)
{
    struct keeper *keeper = arg;
    CHECK_MAGIC(keeper, KEEPER_MAGIC);
    const struct bus_options *options = &keeper->bus->options;
    figures_report(keeper->bus, &keeper->told);
    struct call *call = call_new(keeper->bus, SCRIPT_REAP, 1);
    call_key(call, key_plain("leases"));
    call_text(call, KEY_PREFIX);
    call_int(call, options->lease_ms);
    call_int(call, CRASHES_MAX);
    call_int(call, GAP_MS);
    call_int(call, REAP_LIMIT);
    call_int(call, options->keep_dead_ms == 0 ? KEEP_DEAD_MS : options->keep_dead_ms);
    call_send(call, answer_reap, NULL, keeper);
}

static void answer_sweep(struct call *call, int status, const struct reply *reply)
{
    struct keeper *keeper = call->arg;
    CHECK_MAGIC(keeper, KEEPER_MAGIC);
    keeper->swept = status == 0 ? reply_int(reply_at(reply, 0), 0) : 0;
    for (size_t i = 1; status == 0 && i < reply_count(reply); i++)
        note(reply_str(reply_at(reply, i)));
    timer_start(&keeper->sweep_timer, keeper->swept > 0 ? SWEEP_PAUSE_MS : SWEEP_MS);
}

static void on_sweep_timer(void *arg)
{
    struct keeper *keeper = arg;
    CHECK_MAGIC(keeper, KEEPER_MAGIC);
    struct call *call = call_new(keeper->bus, SCRIPT_SWEEP, 1);
    call_key(call, key_plain("open"));
    call_text(call, KEY_PREFIX);
    call_int(call, keeper->swept);
    call_int(call, SWEEP_LIMIT);
    call_int(call, keeper->interactive_timeout_ms);
    call_int(call, keeper->batch_timeout_ms);
    call_int(call, SWEEP_GAP_MS);
    call_send(call, answer_sweep, NULL, keeper);
}

struct keeper *keeper_new(struct bus *bus, struct loop *loop, int64_t queue_timeout_ms,
                          int64_t batch_timeout_ms)
{
    struct keeper *keeper = MEM_NEW(struct keeper);
    *keeper = (struct keeper){.magic = KEEPER_MAGIC, .bus = bus};
    keeper->interactive_timeout_ms = queue_timeout_ms;
    keeper->batch_timeout_ms = batch_timeout_ms;
    timer_init(&keeper->reap_timer, loop, on_reap_timer, keeper);
    timer_init(&keeper->sweep_timer, loop, on_sweep_timer, keeper);
    timer_start(&keeper->reap_timer, FIRST_REAP_MS);
    timer_start(&keeper->sweep_timer, SWEEP_MS);
    return keeper;
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    CHECK_MAGIC(keeper, KEEPER_MAGIC);
    calls_cancel(keeper->bus, keeper);
    timer_release(&keeper->reap_timer);
    timer_release(&keeper->sweep_timer);
    keeper->magic = 0;
    mem_free(keeper);
}
