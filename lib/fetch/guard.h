/* Where a request may go whose URL the operator's graph and a model's words make up: hosts by name,
 * before anything is resolved, and addresses at the moment of connecting, so that no name server
 * can lead inside. Special addresses (loopback, private, link-local, ...) are refused unless their
 * network is listed, or the rule itself says where the host is. Ours and the provider's own
 * requests have no guard. */
#ifndef SLUICE_FETCH_GUARD_H
#define SLUICE_FETCH_GUARD_H

#include "base/address.h"
#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

struct fetch_guard;

struct fetch_rules {
    /* `name[:port]`, `*.example.com[:port]`, `*[:port]`, `name[:port]=address:port`; without a port
     * 80 and 443 are meant. As the configuration has checked them: what else stands there allows
     * nothing. */
    char *const *hosts;
    size_t host_count;
    char *const *networks; /* that may be reached although they are special */
    size_t network_count;
};
struct fetch_guard *fetch_guard_new(const struct fetch_rules *rules); /* copies what it needs */
void fetch_guard_free(struct fetch_guard *guard); /* after its requests; NULL is a no-op */

/* For lib/fetch, and tests. */

/* What an address is that is no public one: "private", "loopback", ...; NULL: it is public. */
const char *address_special(const struct address *a);
/* Where a rule says that its host is. */
struct fetch_place {
    struct address address; /* bits 0: nowhere, it is resolved */
    unsigned port;
    char text[ADDRESS_TEXT + 8]; /* "10.0.0.7:8443", "[::1]:80" */
};
/* `host` as libcurl's parser gives it: decoded, IPv4 in its one form, IPv6 in brackets. 0, or
 * -ERR_FORBIDDEN. */
MUST_USE int guard_host(const struct fetch_guard *guard, struct span host, unsigned port,
                        struct fetch_place *place, struct err *err);
/* NULL: it may be connected to; else what it is. */
const char *guard_refuses(const struct fetch_guard *guard, const struct fetch_place *place,
                          const struct address *a, unsigned port);

#endif
