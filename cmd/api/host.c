/* Host and Origin. The invariant: whatever is not known to be ours is foreign. */
#include "api/host.h"

#include "base/address.h"

#include <string.h>

/* Splits "name:port", "[v6]:port" or a bare name; the port is SPAN_NONE when it is not there. */
static struct span split_port(struct span address, struct span *port)
{
    const char *colon = address.len == 0 ? NULL : memrchr(address.ptr, ':', address.len);
    const char *bracket = address.len == 0 ? NULL : memrchr(address.ptr, ']', address.len);
    *port = SPAN_NONE;
    if (colon == NULL || (bracket != NULL && bracket > colon)) {
        return address;
    }
    size_t at = (size_t)(colon - address.ptr);
    *port = span_make(colon + 1, address.len - at - 1);
    return span_make(address.ptr, at);
}

bool host_is_loopback(struct span address)
{
    return address_host_is_loopback(address);
}

bool host_is_listed(struct span origin, const struct conf_list *origins)
{
    for (size_t i = 0; i < origins->count; i++) {
        if (span_is(origin, origins->items[i])) {
            return true;
        }
    }
    return false;
}

/* A page of this very server: a loopback name with the port that the request came to. */
static bool is_own(struct span origin, struct span host)
{
    struct span host_port, origin_port;
    if (!span_starts_with(origin, "http://")) {
        return false;
    }
    struct span rest = span_make(origin.ptr + 7, origin.len - 7);
    (void)split_port(rest, &origin_port);
    (void)split_port(host, &host_port);
    struct span http = SPAN_LIT("80");
    return address_host_is_loopback(rest) &&
           span_equal(origin_port.ptr == NULL ? http : origin_port,
                      host_port.ptr == NULL ? http : host_port);
}

int host_check(struct span host, struct span origin, const struct conf_list *origins,
               struct err *err)
{
    if (!host_is_loopback(host)) {
        return err_set(err, ERR_FORBIDDEN, "Host",
                       "without API keys only a loopback host name is served");
    }
    if (origin.ptr != NULL && !host_is_listed(origin, origins) && !is_own(origin, host)) {
        return err_set(err, ERR_FORBIDDEN, "Origin", "pages of that origin may not call this API");
    }
    return 0;
}
