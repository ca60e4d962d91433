/* The bus: everything a process says to Redis, in the design's words. One command link, scripts by
 * digest (NOSCRIPT: load and retry), append by FCALL, keys spelled in keys.c. Every call completes
 * exactly once through its callback, never before it returns.
 *
 * Retrying: what scripts.def marks (all but append, reap and sweep) is sent again with the same
 * arguments when the link broke or is not up, until `retry_ms` are over: each is safe to repeat.
 * The caller sees one answer, or -ERR_UNAVAILABLE, also when a frozen Redis does not answer for so
 * long. -ERR_UNAVAILABLE is answered at once when Redis takes no writes (memory or disk full).
 * Answers that make no sense are -ERR_INTERNAL. */
#ifndef SLUICE_BUS_BUS_H
#define SLUICE_BUS_BUS_H

#include "base/err.h"
#include "base/id.h"
#include "base/span.h"
#include "bus/link.h"
#include "loop/loop.h"

struct bus;

struct bus_options {
    const char *redis_url;
    const char *stop_key;        /* "chat_stop:{chat_id}" */
    const char *tenant_stop_key; /* "chat_stop@{tenant}:{chat_id}" */
    int64_t retry_ms;            /* API: short (800), workers: long */
    int64_t lease_ms;
    int64_t keep_log_ms, keep_record_ms; /* INT64_MAX: for ever */
    int64_t keep_dead_ms;                /* 0: 7 days */
    int64_t keep_chat_ms;                /* after the last commit; 0 or INT64_MAX: for ever */
    bool warns_of_settings;   /* looks at Redis's settings when it is first up, and logs what is not
                                 good */
    void (*on_up)(void *arg); /* the link came up (again); may be NULL */
    void (*on_down)(void *arg);
    void *arg;
};

struct bus *bus_new(struct loop *loop, const struct bus_options *options);
/* Silence afterwards; may be called from a callback. What was built on the bus (keeper, bell,
 * stop_watch, hub) goes before it. */
void bus_free(struct bus *bus);
bool bus_is_up(const struct bus *bus);
struct link *
bus_link(struct bus *bus); /* for plain reads (PING, INFO, LLEN): queue depths, doctor */
const char *bus_redis_url(const struct bus *bus);

#endif
