/* Private to lib/bus: where Redis is. unix://[user:password@]/path[?db=n] or
 * redis://[user:password@]host[:port][/n]; user and password percent-encoded, an IPv6 address in
 * brackets. */
#ifndef SLUICE_BUS_URL_H
#define SLUICE_BUS_URL_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"
#include <stdint.h>

struct redis_url { /* all owned; NULL where the URL says nothing */
    char *user;
    char *password;
    char *path; /* of a unix socket */
    char *host;
    int port;
    int64_t db;
};

/* 0 or -ERR_CONFIG with detail; nothing to release then. */
MUST_USE int redis_url_parse(struct span text, struct redis_url *out, struct err *err);
void redis_url_release(struct redis_url *url);
/* The host as a numeric address (owned), or NULL when it cannot be resolved now. May block: for
 * start-up. */
char *redis_url_resolve(const struct redis_url *url);

#endif
