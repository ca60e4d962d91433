/* Private to lib/bus: the insides of a link, shared by its three files: link.c (the connection),
 * link_commands.c (what is in flight on it) and link_subscriber.c. */
#ifndef SLUICE_BUS_LINK_STATE_H
#define SLUICE_BUS_LINK_STATE_H

#include "bus/conn.h"
#include "bus/link_inner.h"
#include "bus/pending.h"
#include "bus/url.h"

enum { LINK_MAGIC = 0x6c696e6b };

struct link {
    uint32_t magic;
    struct loop *loop;
    struct link_options options; /* url is not kept */
    struct redis_url url;
    char *address; /* numeric host, or socket; NULL until the name was resolved */
    enum link_state state;
    struct conn *conn;
    unsigned greeting_left; /* answers to come before it is up */
    int64_t backoff_ms;
    bool was_up, is_freed;
    bool is_doubted;     /* a deadline is over; broken when nothing moves until the next look */
    uint64_t moves_seen; /* at the last such look */
    uint64_t answers;
    struct ring sent, failed;
    struct timer state_timer;    /* the end of an attempt, or of a pause */
    struct timer deadline_timer; /* the earliest deadline among `sent`, or an earlier moment */
    struct timer failed_timer;
    int64_t deadline_at_ms;
    link_on_message on_message;
    void *message_arg;
};

/* link_commands.c */
/* Everything in flight fails; what ran out of time is told so. */
void link_fail_sent(struct link *link);
void link_deliver_reply(struct link *link, const struct reply *reply);
void link_on_failed_timer(void *arg);
void link_on_deadline_timer(void *arg);

/* link_subscriber.c */
void link_deliver_message(struct link *link, const struct reply *reply);

#endif
