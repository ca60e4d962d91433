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

/* Looks at the server behind `link` (it must be up) and calls on_finding for each check, then
 * done(0), or done(-ERR_UNAVAILABLE) when the link broke. `lease_ms` is the configured lease. Texts
 * live during the callback. */
struct settings_hooks {
    void (*on_finding)(const struct finding *finding, void *arg);
    void (*done)(int status, void *arg);
    void *arg;
};
void settings_check(struct link *link, int64_t lease_ms, const struct settings_hooks *hooks);

/* Runs settings_check and logs what is not good: the loud warning of a daemon's start. */
void settings_warn(struct link *link, int64_t lease_ms);

#endif
