/* Timers of their owners, one libevent timeout each. Invariant: `handle` is there from timer_init
 * to timer_release, and only then can a timeout come. */
#include "loop/loop.h"

#include <event2/event.h>
#include <stddef.h>

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct timer *t = arg;
    (void)fd, (void)what;
    CHECK(t->handle != NULL); /* what is embedded has no magic of its own */
    t->on_timer(t->arg);
}

void timer_init(struct timer *t, struct loop *loop, void (*on_timer)(void *arg), void *arg)
{
    *t = (struct timer){.on_timer = on_timer, .arg = arg};
    t->handle = evtimer_new(loop_base(loop), on_timeout, t);
    CHECK(t->handle != NULL);
}

void timer_start(struct timer *t, int64_t after_ms)
{
    CHECK(t->handle != NULL && after_ms >= 0);
    const struct timeval tv = {.tv_sec = after_ms / 1000, .tv_usec = (after_ms % 1000) * 1000};
    CHECK(evtimer_add(t->handle, &tv) == 0);
}

void timer_stop(struct timer *t)
{
    if (t->handle != NULL)
        (void)evtimer_del(t->handle); /* not pending is fine */
}

bool timer_is_on(const struct timer *t)
{
    return t->handle != NULL && evtimer_pending(t->handle, NULL) != 0;
}

void timer_release(struct timer *t)
{
    if (t->handle != NULL)
        event_free(t->handle);
    t->handle = NULL;
}
