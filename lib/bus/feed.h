/* A feed brings one generation's events to one reader: every event once, in order. It subscribes
 * first, waits for the confirmation, reads the log from the cursor, then delivers what comes live;
 * on any jump, reconnect, or 10 s of silence while running it reads again. A process has one hub
 * (one subscriber link that never unsubscribes to nothing) and any number of feeds on it.
 *
 *     OPENING ─► REPLAYING ─► LIVE ─► ENDED          LIVE ─► REPLAYING (jump, pause, reconnect)
 *
 * Flow control: a reader that cannot take more calls feed_pause; nothing is buffered for it,
 * feed_resume reads on from the log. */
#ifndef SLUICE_BUS_FEED_H
#define SLUICE_BUS_FEED_H

#include "bus/bus.h"

struct hub;
struct feed;

struct hub *hub_new(struct bus *bus, struct loop *loop);
void hub_free(
    struct hub *hub); /* every feed must be closed before; flushes under way are dropped silently */
bool hub_is_up(const struct hub *hub);

struct feed_hooks {
    /* One event's bytes (wire/event.h). Several may come in one loop pass: write once at the end of
     * it. */
    void (*on_event)(struct span event, int64_t seq, bool is_terminal, void *arg);
    /* Redis lost the log's tail: drop what is above `after`, which is 0, since what is left may be
     * of another run; events go on from there. Of an ended generation the terminal event always
     * follows. */
    void (*on_rewound)(int64_t after, void *arg);
    /* Nothing more comes: 0 after the terminal event was delivered; -ERR_GONE: the log is no longer
     * kept; -ERR_NOT_FOUND: no such generation. Redis being away is not an end: the feed waits and
     * goes on. */
    void (*on_end)(int status, void *arg);
    /* Once, when state and chat are known and before the first event: "queued", "running" or an
     * ended state. `length` is the log's. May be NULL. */
    void (*on_open)(struct span state, struct span chat, int64_t length, void *arg);
    void *arg;
};

struct feed *feed_open(struct hub *hub, const char *tenant, const char *generation, int64_t after,
                       const struct feed_hooks *hooks);
void feed_close(struct feed *feed); /* silence afterwards; may be called from its own hooks */
void feed_pause(struct feed *feed);
void feed_resume(struct feed *feed);
int64_t feed_seq(const struct feed *feed); /* last delivered */

/* Brings every local feed of this generation (of this chat's active one: the caller names the
 * generation from its own readers) up to the end of the log: sends the reads at once, so that
 * called right after stop_request they ride in the same round trip and contain the terminal event.
 * `done` is called when all of them are there, or broke. Feeds that are paused are closed with
 * on_end(-ERR_CANCELLED). */
void hub_flush(struct hub *hub, const char *tenant, const char *generation, void (*done)(void *arg),
               void *arg);

/* "Somebody reads this" is a lease too (generations that stop when their reader leaves). The hub
 * pushes it on by the grace now, every grace/2 while a feed of the generation is open, and once
 * more when the last one closes. Without an open feed it does nothing. */
void hub_watch(struct hub *hub, const char *tenant, const char *generation, int64_t grace_ms);

#endif
