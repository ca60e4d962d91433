/* Owns: the event base, the deferred calls of the turn, the timers. Invariant: deferred calls run
 * when no other callback is on the stack. */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <event2/event.h>
#include <stddef.h>
#include <time.h>

enum {
    LOOP_MAGIC = 0x6c6f6f70,
    /* of the moderation: a window, the part of it that begins and ends it, how long it waits */
    WINDOW_US = 50 * 1000,
    BUSY_PERCENT = 35,
    IDLE_PERCENT = 22,
    NAP_US = 300
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    uint32_t magic;
    struct event_base *base;
    struct event *turn_end; /* made active when something is deferred: runs after the callbacks that
                               are active now */
    struct deferred *first, **last;
    TAILQ_HEAD(last_calls, last_call) last_calls;
    struct moderation {
        bool is_wanted, is_on;
        int64_t began_us, spent_us; /* of this window: when, and the processor time until then */
    } moderation;
    bool is_running_deferred;
    bool is_stopping;
};

/* Runs what was deferred before; what these calls defer waits for the next pass. */
static void run_deferred(struct loop *loop)
{
    struct deferred *d = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->is_running_deferred = true;
    while (d != NULL) {
        struct deferred *next = d->next;
        d->fn(d->arg);
        mem_free(d);
        d = next;
    }
    loop->is_running_deferred = false;
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    (void)fd, (void)what;
    CHECK_MAGIC(loop, LOOP_MAGIC);
    run_deferred(loop);
}

struct loop *loop_new(void)
{
    struct loop *loop = MEM_NEW(struct loop);
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
                                            EVENT_BASE_FLAG_PRECISE_TIMER);
    loop->magic = LOOP_MAGIC;
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(loop->base != NULL);
    loop->turn_end = evtimer_new(loop->base, on_turn_end, loop);
    CHECK(loop->turn_end != NULL);
    loop->last = &loop->first;
    TAILQ_INIT(&loop->last_calls);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    CHECK_MAGIC(loop, LOOP_MAGIC);
    while (loop->first != NULL)
        run_deferred(loop);
    event_free(loop->turn_end);
    event_base_free(loop->base);
    loop->magic = 0;
    mem_free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    CHECK_MAGIC(loop, LOOP_MAGIC);
    return loop->base;
}

/* `end` marks what is due in this turn: a flush may start others, and release any. */
static void run_last_calls(struct loop *loop)
{
    struct last_call end = {.is_due = true}, *f;
    TAILQ_INSERT_TAIL(&loop->last_calls, &end, link);
    while ((f = TAILQ_FIRST(&loop->last_calls)) != &end) {
        last_call_release(f);
        f->on_last_call(f->arg);
    }
    TAILQ_REMOVE(&loop->last_calls, &end, link);
}

void loop_moderate(struct loop *loop)
{
    CHECK_MAGIC(loop, LOOP_MAGIC);
    loop->moderation.is_wanted = true;
}

/* Processor time of this thread. */
static int64_t spent_us(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A busy window begins it, an idle one ends it. */
static void moderate(struct moderation *m)
{
    static const struct timespec nap = {.tv_nsec = NAP_US * 1000};
    int64_t now_us = clock_mono_us(), window_us = now_us - m->began_us;
    if (window_us >= WINDOW_US) {
        int64_t spent = spent_us();
        m->is_on =
            (spent - m->spent_us) * 100 >= window_us * (m->is_on ? IDLE_PERCENT : BUSY_PERCENT);
        m->spent_us = spent;
        m->began_us = now_us;
    }
    if (m->is_on)
        (void)nanosleep(&nap, NULL); /* a signal may cut it short */
}

void loop_run(struct loop *loop)
{
    CHECK_MAGIC(loop, LOOP_MAGIC);
    while (!loop->is_stopping) { /* one turn each */
        if (loop->moderation.is_wanted)
            moderate(&loop->moderation);
        int wait = TAILQ_EMPTY(&loop->last_calls) ? EVLOOP_ONCE : EVLOOP_NONBLOCK;
        CHECK(event_base_loop(loop->base, wait | EVLOOP_NO_EXIT_ON_EMPTY) == 0);
        run_last_calls(loop);
    }
    loop->is_stopping = false;
}

void loop_stop(struct loop *loop)
{
    CHECK_MAGIC(loop, LOOP_MAGIC);
    loop->is_stopping = true;
}

/* An event made active runs in this turn; a timer of no time in the next pass, behind the sockets
 * and timers that are due by then: a chain of deferred calls starves nobody. */
static void wake_turn_end(struct loop *loop)
{
    static const struct timeval no_time = {0, 0};
    if (loop->is_running_deferred)
        CHECK(evtimer_add(loop->turn_end, &no_time) == 0);
    else
        event_active(loop->turn_end, EV_TIMEOUT, 0);
}

void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    CHECK_MAGIC(loop, LOOP_MAGIC);
    struct deferred *d = MEM_NEW(struct deferred);
    *d = (struct deferred){NULL, fn, arg};
    if (loop->first == NULL)
        wake_turn_end(loop);
    *loop->last = d;
    loop->last = &d->next;
}

void last_call_init(struct last_call *f, struct loop *loop, void (*on_last_call)(void *arg),
                    void *arg)
{
    *f = (struct last_call){.loop = loop, .on_last_call = on_last_call, .arg = arg};
}

void last_call_start(struct last_call *f)
{
    if (f->is_due)
        return;
    f->is_due = true;
    TAILQ_INSERT_TAIL(&f->loop->last_calls, f, link);
}

void last_call_release(struct last_call *f)
{
    if (f->is_due)
        TAILQ_REMOVE(&f->loop->last_calls, f, link);
    f->is_due = false;
}
