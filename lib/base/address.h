/* Internet addresses: where a client is, and which network may speak for others. Pure functions. */
#ifndef SLUICE_BASE_ADDRESS_H
#define SLUICE_BASE_ADDRESS_H

#include "base/span.h"
#include <stdint.h>

enum { ADDRESS_TEXT = 48 }; /* room for the text of one, NUL included */

struct sockaddr;

/* An IPv6 form of an IPv4 address (::ffff:1.2.3.4) is the IPv4 address. */
struct address {
    unsigned bits; /* 32, 128, or 0: none (a unix socket) */
    uint8_t bytes[16];
};

struct network {
    struct address base;
    unsigned bits; /* of the base that count */
};

struct address address_of_socket(const struct sockaddr *socket);
unsigned address_port(const struct sockaddr *socket);      /* 0: it has none */
bool address_parse(struct span text, struct address *out); /* also "[v6]", "v4:port", "[v6]:port" */
bool address_is_loopback(const struct address *a);
/* Whether "host", "host:port" or "[v6]:port", of a Host field or to listen on, is a loopback name:
 * a page that its own name server led here says another. */
bool address_host_is_loopback(struct span host);
bool network_parse(struct span text, struct network *out); /* "10.0.0.0/8", "::1" */
bool address_is_in(const struct address *a, const struct network *networks, size_t count);
/* What connections are counted by: the address, or the /64 that an IPv6 client owns whole. */
void address_put_name(const struct address *a, char name[ADDRESS_TEXT]);
/* Whom a request comes from that proxies passed on, each adding to X-Forwarded-For where it had it
 * from: goes from `client`, who is nearest, leftwards through one field's value while it stands on
 * a trusted proxy. True when it still does: then the field before counts. What stands left of a
 * word that is no address is not believed. */
bool address_walk(struct address *client, struct span forwarded, const struct network *networks,
                  size_t count);

#endif
