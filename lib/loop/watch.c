/* Owns: one event of libevent each. */
#include "loop/watch.h"

#include "base/mem.h"

#include <event2/event.h>

enum { WATCH_MAGIC = 0x77617463 };

struct watch {
    uint32_t magic;
    struct event *event;
    void (*on_ready)(void *arg);
    void *arg;
};

static void on_event(evutil_socket_t number, short what, void *arg)
{
    struct watch *w = arg;
    (void)number, (void)what;
    CHECK_MAGIC(w, WATCH_MAGIC);
    w->on_ready(w->arg);
}

static struct watch *watch_new(struct loop *loop, int number, short what,
                               void (*on_ready)(void *arg), void *arg)
{
    struct watch *w = MEM_NEW(struct watch);
    *w = (struct watch){.magic = WATCH_MAGIC, .on_ready = on_ready, .arg = arg};
    w->event = event_new(loop_base(loop), number, (short)(what | EV_PERSIST), on_event, w);
    CHECK(w->event != NULL && event_add(w->event, NULL) == 0);
    return w;
}

struct watch *watch_readable(struct loop *loop, int fd, void (*on_ready)(void *arg), void *arg)
{
    return watch_new(loop, fd, EV_READ, on_ready, arg);
}

struct watch *watch_signal(struct loop *loop, int number, void (*on_ready)(void *arg), void *arg)
{
    return watch_new(loop, number, EV_SIGNAL, on_ready, arg);
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    CHECK_MAGIC(w, WATCH_MAGIC);
    event_free(w->event);
    w->magic = 0;
    mem_free(w);
}
