/* Private to lib/bus: the bus from inside. */
#ifndef SLUICE_BUS_BUS_INNER_H
#define SLUICE_BUS_BUS_INNER_H

#include "bus/bus.h"
#include "bus/call.h"
#include "bus/link_inner.h"
#include "bus/settings.h"

enum { BUS_MAGIC = 0x62757321 };

struct bus {
    uint32_t magic;
    struct loop *loop;
    struct bus_options options; /* its strings are the three below */
    char *url, *stop_key, *tenant_stop_key;
    struct link *link;
    struct call *first_call, *last_call; /* all of them, oldest first */
    struct timer call_timer;             /* the oldest repeated call's deadline */
    int64_t calls_due_ms;                /* when it comes, unless this process is held up */
    uint64_t moves_seen;                 /* the link's, when it came last */
    struct settings *settings;           /* once they were looked at */
    struct gathering *gathering;         /* of appends; NULL: none */
    struct bus_cap {
        char tenant[ID_TENANT_MAX + 1];
        int64_t running;
    } * caps; /* queue_set_caps */
    size_t cap_count;
    bool is_freed;
};

/* What call.c does for the bus. */
void calls_send(struct bus *bus); /* the link is up: all that waited */
void calls_drop(struct bus *bus); /* silently */
void on_calls_due(void *arg);     /* call_timer's */
/* Silences every call that was sent with this `arg`: for an owner that goes before the bus. */
void calls_cancel(struct bus *bus, const void *arg);

void gathering_free(struct gathering *gathering); /* what was gathered is dropped silently */

struct key bus_flag(const struct bus *bus, const char *tenant, const char *chat);

#endif
