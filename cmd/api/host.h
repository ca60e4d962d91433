/* Without keys the API trusts the machine that it runs on, and nobody else: it listens on loopback
 * addresses only, and a request must name a loopback host and come from no foreign page. So a web
 * page cannot drive a developer's local server, by a form or by DNS rebinding. */
#ifndef SLUICE_API_HOST_H
#define SLUICE_API_HOST_H

#include "base/span.h"
#include "conf/conf.h"

/* True when "host:port" or "[v6]:port" can be reached from this machine only. */
bool host_is_loopback(struct span address);
bool host_is_listed(struct span origin, const struct conf_list *origins);
/* Whether a request with these headers may be served (SPAN_NONE: absent). 0, or -ERR_FORBIDDEN with
 * detail. */
MUST_USE int host_check(struct span host, struct span origin, const struct conf_list *origins,
                        struct err *err);

#endif
