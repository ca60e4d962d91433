/* The doorbell. Owns a link of its own, since BLPOP holds up whatever is behind it. Invariant: at
 * most one BLPOP is in flight, and only one that is wanted is sent. While the link is away, a timer
 * polls instead. */
#include "bus/queue.h"

#include "base/mem.h"
#include "bus/bus_inner.h"

#include <stdio.h>

enum { BELL_MAGIC = 0x62656c6c, POLL_MS = 1000, ANSWER_MS = 3000 };
#define POLL_SECONDS "1"

struct bell {
    uint32_t magic;
    struct link *link;
    struct key interactive, batch; /* the two lists */
    void (*on_bell)(void *arg);
    void *arg;
    struct timer poll; /* while the link is away */
    bool want, is_waiting;
};

static void listen_on(struct bell *bell);

static void on_pop(int status, const struct reply *reply, void *arg)
{
    struct bell *bell = arg;
    (void)reply; /* a ring, or its time is over: both are a reason to look */
    CHECK_MAGIC(bell, BELL_MAGIC);
    bell->is_waiting = false;
    if (!bell->want)
        return;
    if (status == 0)
        listen_on(bell);
    else
        timer_start(&bell->poll, POLL_MS);
    bell->on_bell(bell->arg); /* last: it may free the bell */
}

static void listen_on(struct bell *bell)
{
    if (bell->is_waiting || !bell->want || !link_is_up(bell->link))
        return;
    const struct span argv[] = {SPAN_LIT("BLPOP"), span_of(bell->interactive.text),
                                span_of(bell->batch.text), SPAN_LIT(POLL_SECONDS)};
    bell->is_waiting = true;
    timer_stop(&bell->poll);
    link_command(bell->link, 4, argv, ANSWER_MS, on_pop, bell);
}

static void on_poll(void *arg)
{
    struct bell *bell = arg;
    CHECK_MAGIC(bell, BELL_MAGIC);
    if (!bell->want)
        return;
    timer_start(&bell->poll, POLL_MS);
    listen_on(bell);
    bell->on_bell(bell->arg);
}

static void on_state(struct link *link, enum link_state state, void *arg)
{
    struct bell *bell = arg;
    (void)link;
    CHECK_MAGIC(bell, BELL_MAGIC);
    if (state == LINK_UP && bell->want) {
        listen_on(bell);
        bell->on_bell(bell->arg);
    }
}

struct bell *bell_new(struct bus *bus, struct loop *loop, const char *kind,
                      void (*on_bell)(void *arg), void *arg)
{
    struct bell *bell = MEM_NEW(struct bell);
    char name[64];
    *bell = (struct bell){.magic = BELL_MAGIC, .on_bell = on_bell, .arg = arg};
    CHECK(strlen(kind) < sizeof name / 2);
    (void)snprintf(name, sizeof name, "bell:%s.interactive", kind);
    bell->interactive = key_plain(name);
    (void)snprintf(name, sizeof name, "bell:%s.batch", kind);
    bell->batch = key_plain(name);
    timer_init(&bell->poll, loop, on_poll, bell);
    bell->link = link_new(
        loop, &(struct link_options){.url = bus_redis_url(bus), .on_state = on_state, .arg = bell});
    return bell;
}

void bell_listen(struct bell *bell, bool want)
{
    CHECK_MAGIC(bell, BELL_MAGIC);
    bell->want = want;
    if (!want)
        timer_stop(&bell->poll);
    else if (!bell->is_waiting && link_is_up(bell->link))
        listen_on(bell);
    else if (!bell->is_waiting && !timer_is_on(&bell->poll))
        timer_start(&bell->poll, POLL_MS);
}

void bell_free(struct bell *bell)
{
    if (bell == NULL)
        return;
    CHECK_MAGIC(bell, BELL_MAGIC);
    timer_release(&bell->poll);
    link_free(bell->link);
    bell->magic = 0;
    mem_free(bell);
}
