/* The event loop and the skeleton of every process: one base, one thread; signals are events;
 * objects die at the end of a turn. Owns the event_base. Knows nothing of Redis, HTTP or models. */
#ifndef SLUICE_LOOP_LOOP_H
#define SLUICE_LOOP_LOOP_H

#include "base/check.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct loop;

struct loop *loop_new(void); /* a base with the epoll changelist; aborts if it cannot be had */
/* Runs what is deferred first. Every timer must be released before. */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop; returns at the end of that turn */
void loop_stop(struct loop *loop);
/* As network cards do with their interrupts: a loop that is busy for more than a third of the time
 * waits 0.3 ms before it looks again, so that more comes together. Tokens cost a quarter less then,
 * and come 0.3 ms later; below that load nothing changes. */
void loop_moderate(struct loop *loop);

/* Calls fn(arg) at the end of this turn (or of the next pass when called from a deferred call). For
 * frees that may not happen under a callback. */
void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);

/* A call at the very end of a turn, behind what was deferred to it: for sending at once what the
 * turn has written. Embedded in its owner; silent after last_call_release. */
struct last_call {
    TAILQ_ENTRY(last_call) link;
    struct loop *loop;
    void (*on_last_call)(void *arg);
    void *arg;
    bool is_due;
};
void last_call_init(struct last_call *c, struct loop *loop, void (*on_last_call)(void *arg),
                    void *arg);
void last_call_start(
    struct last_call *c); /* once in this turn, or in the next one when called from one */
void last_call_release(struct last_call *c);

/* One-shot timers, embedded in their owner. timer_start on a running one moves it. Silence after
 * timer_stop and timer_release. */
enum { TIMER_OFF = -1 };
struct timer {
    void *handle;             /* libevent's; NULL until timer_init */
    int64_t due_us, armed_us; /* when it is, when libevent's timeout comes; TIMER_OFF */
    void (*on_timer)(void *arg);
    void *arg;
};
void timer_init(struct timer *t, struct loop *loop, void (*on_timer)(void *arg), void *arg);
void timer_start(struct timer *t, int64_t after_ms);
void timer_start_at(struct timer *t, int64_t mono_us); /* at once when that has passed */
void timer_stop(struct timer *t);
bool timer_is_on(const struct timer *t);
void timer_release(struct timer *t); /* safe on one never initialised if zeroed */

#endif
