/* The timers of one call. Knows nothing of providers. Invariant: on_due is called once for each
 * start that was not stopped or started anew. */
#include "llm/waits.h"
#include "base/clock.h"
#include <stddef.h>

enum { WAIT_MAGIC = 0x77616974 };

static bool stands_still(const struct waits *waits, enum wait_kind kind)
{
    return waits->is_held && (kind == WAIT_FIRST_TOKEN || kind == WAIT_IDLE);
}

static void on_timer(void *arg)
{
    struct wait *wait = arg;
    CHECK_MAGIC(wait, WAIT_MAGIC);
    struct waits *waits = wait->waits;
    wait->is_on = false;
    waits->on_due((enum wait_kind)(wait - waits->each), waits->arg);
}

void waits_init(struct waits *waits, struct loop *loop,
                void (*on_due)(enum wait_kind kind, void *arg), void *arg)
{
    *waits = (struct waits){.on_due = on_due, .arg = arg};
    for (enum wait_kind kind = 0; kind < WAIT_COUNT; kind++) {
        waits->each[kind].magic = WAIT_MAGIC;
        waits->each[kind].waits = waits;
        timer_init(&waits->each[kind].timer, loop, on_timer, &waits->each[kind]);
    }
}

void waits_release(struct waits *waits)
{
    for (enum wait_kind kind = 0; kind < WAIT_COUNT; kind++)
        timer_release(&waits->each[kind].timer);
}

void waits_start(struct waits *waits, enum wait_kind kind, int64_t ms)
{
    struct wait *wait = &waits->each[kind];
    if (ms <= 0)
        return;
    wait->is_on = true;
    wait->left_ms = ms;
    if (stands_still(waits, kind))
        return;
    wait->due_ms = clock_mono_ms() + ms;
    timer_start(&wait->timer, ms);
}

void waits_stop(struct waits *waits, enum wait_kind kind)
{
    waits->each[kind].is_on = false;
    timer_stop(&waits->each[kind].timer);
}

void waits_stop_all(struct waits *waits)
{
    for (enum wait_kind kind = 0; kind < WAIT_COUNT; kind++)
        waits_stop(waits, kind);
}

void waits_hold(struct waits *waits)
{
    waits->is_held = true;
    for (enum wait_kind kind = 0; kind < WAIT_COUNT; kind++) {
        struct wait *wait = &waits->each[kind];
        if (!wait->is_on || !stands_still(waits, kind))
            continue;
        int64_t left = wait->due_ms - clock_mono_ms();
        wait->left_ms = left > 0 ? left : 1;
        timer_stop(&wait->timer);
    }
}

void waits_go_on(struct waits *waits)
{
    waits->is_held = false;
    static const enum wait_kind stood[] = {WAIT_FIRST_TOKEN, WAIT_IDLE};
    for (size_t i = 0; i < sizeof(stood) / sizeof(stood[0]); i++)
        if (waits->each[stood[i]].is_on)
            waits_start(waits, stood[i], waits->each[stood[i]].left_ms);
}
