/* The event loop and the skeleton of every process: one base, one thread; signals are events;
 * objects die at the end of a turn. Owns the event_base. Knows nothing of Redis, HTTP or models. */
#ifndef SLUICE_LOOP_LOOP_H
#define SLUICE_LOOP_LOOP_H

#include "base/check.h"
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

struct loop *loop_new(void); /* a base with the epoll changelist; aborts if it cannot be had */
/* Runs what is deferred first. Every timer must be released before. */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop; returns at the end of that turn */
void loop_stop(struct loop *loop);

/* Calls fn(arg) at the end of this turn (or of the next pass when called from a deferred call). For
 * frees that may not happen under a callback. */
void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);

/* One-shot timers, embedded in their owner. timer_start on a running one moves it. Silence after
 * timer_stop and timer_release. */
struct timer {
    void *handle; /* libevent's; NULL until timer_init */
    void (*on_timer)(void *arg);
    void *arg;
};
void timer_init(struct timer *t, struct loop *loop, void (*on_timer)(void *arg), void *arg);
void timer_start(struct timer *t, int64_t after_ms);
void timer_stop(struct timer *t);
bool timer_is_on(const struct timer *t);
void timer_release(struct timer *t); /* safe on one never initialised if zeroed */

#endif
