/* What the promises need from Redis, looked at: at the start of every daemon and by `sluice
 * doctor`. One table of checks; each finding says what to do. */
#ifndef SLUICE_BUS_SETTINGS_H
#define SLUICE_BUS_SETTINGS_H

#include "bus/link.h"

enum finding_level { FINDING_GOOD, FINDING_NOTE, FINDING_WARNING, FINDING_FAILURE };

struct finding {
    enum finding_level level;
    const char *check;  /* "persistence" */
    const char *found;  /* "appendonly no" */
    const char *advice; /* what it costs and what to do; "" when good */
};

struct settings;

struct settings_hooks {
    void (*on_finding)(const struct finding *finding, void *arg); /* texts live during the call */
    void (*done)(int status, void *arg); /* 0, or -ERR_UNAVAILABLE: the link broke meanwhile */
    void *arg;
};

/* Looks at the server behind `link` (it must be up): on_finding for each check, then done, once.
 * `lease_ms` is the configured lease. The result is the caller's to free, after the link. */
struct settings *settings_check(struct link *link, int64_t lease_ms,
                                const struct settings_hooks *hooks);
void settings_free(struct settings *settings);

/* The same for a daemon's start: what is not good is logged, loudly; and the number of shards is
 * stored where none is. */
struct settings *settings_warn(struct link *link, int64_t lease_ms);

#endif
