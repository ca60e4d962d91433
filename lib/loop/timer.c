/* Timers of their owners, one libevent timeout each. A timer that is put off, as an idle timer is
 * at every token, leaves its timeout where it is: the timeout then comes early, and goes on to what
 * is due. Invariants: `handle` is there from timer_init to timer_release, and only then can a
 * timeout come; a timer that is on has a timeout no later than it is due. */
#include "loop/loop.h"

#include <event2/event.h>
#include <stddef.h>

#include <time.h>

/* The clock that libevent waits by, also where a test has set another for everything else. */
static int64_t real_us(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void arm(struct timer *t, int64_t now_us)
{
    int64_t us = t->due_us > now_us ? t->due_us - now_us : 0;
    const struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    CHECK(evtimer_add(t->handle, &tv) == 0);
    t->armed_us = t->due_us;
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct timer *t = arg;
    (void)fd, (void)what;
    CHECK(t->handle != NULL); /* what is embedded has no magic of its own */
    t->armed_us = TIMER_OFF;
    if (t->due_us == TIMER_OFF)
        return; /* stopped meanwhile */
    int64_t now_us = real_us();
    if (t->due_us > now_us) {
        arm(t, now_us);
        return;
    }
    t->due_us = TIMER_OFF;
    t->on_timer(t->arg);
}

void timer_init(struct timer *t, struct loop *loop, void (*on_timer)(void *arg), void *arg)
{
    *t = (struct timer){
        .on_timer = on_timer, .arg = arg, .due_us = TIMER_OFF, .armed_us = TIMER_OFF};
    t->handle = evtimer_new(loop_base(loop), on_timeout, t);
    CHECK(t->handle != NULL);
}

static void start(struct timer *t, int64_t due_us, int64_t now_us)
{
    CHECK(t->handle != NULL);
    t->due_us = due_us;
    if (t->armed_us == TIMER_OFF || due_us < t->armed_us)
        arm(t, now_us);
}

void timer_start(struct timer *t, int64_t after_ms)
{
    CHECK(after_ms >= 0);
    int64_t now_us = real_us();
    start(t, now_us + after_ms * 1000, now_us);
}

void timer_start_at(struct timer *t, int64_t mono_us)
{
    start(t, mono_us, real_us());
}

void timer_stop(struct timer *t)
{
    t->due_us = TIMER_OFF;
}

bool timer_is_on(const struct timer *t)
{
    return t->handle != NULL && t->due_us != TIMER_OFF;
}

void timer_release(struct timer *t)
{
    if (t->handle != NULL)
        event_free(t->handle);
    t->handle = NULL;
}
