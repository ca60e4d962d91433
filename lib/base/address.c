/* Internet addresses and networks. Invariant: two texts of one address are equal as structs. */
#include "base/address.h"

#include "base/num.h"
#include <arpa/inet.h>
#include <stdio.h>

enum { V4_BITS = 32, V6_BITS = 128, V4_AT = 12, CLIENT_BITS = 64 };

static struct address v4(const void *bytes)
{
    struct address a = {.bits = V4_BITS};
    memcpy(a.bytes, bytes, 4);
    return a;
}

static struct address v6(const struct in6_addr *in)
{
    struct address a = {.bits = V6_BITS};
    if (IN6_IS_ADDR_V4MAPPED(in))
        return v4(in->s6_addr + V4_AT);
    memcpy(a.bytes, in->s6_addr, sizeof a.bytes);
    return a;
}

struct address address_of_socket(const struct sockaddr *socket)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (socket->sa_family == AF_INET) {
        memcpy(&in4, socket, sizeof in4);
        return v4(&in4.sin_addr);
    }
    if (socket->sa_family == AF_INET6) {
        memcpy(&in6, socket, sizeof in6);
        return v6(&in6.sin6_addr);
    }
    return (struct address){.bits = 0};
}

unsigned address_port(const struct sockaddr *socket)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (socket->sa_family == AF_INET) {
        memcpy(&in4, socket, sizeof in4);
        return ntohs(in4.sin_port);
    }
    if (socket->sa_family == AF_INET6) {
        memcpy(&in6, socket, sizeof in6);
        return ntohs(in6.sin6_port);
    }
    return 0;
}

static bool parse_bare(struct span text, struct address *out)
{
    char copy[ADDRESS_TEXT];
    struct in_addr in4;
    struct in6_addr in6;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &in4) == 1)
        *out = v4(&in4);
    else if (inet_pton(AF_INET6, copy, &in6) == 1)
        *out = v6(&in6);
    else
        return false;
    return true;
}

static bool is_port(struct span port)
{
    uint64_t number;
    return num_parse_u64(port, &number) == 0 && number <= UINT16_MAX;
}

bool address_parse(struct span text, struct address *out)
{
    struct span rest = text;
    struct address a;
    if (text.len > 0 && text.ptr[0] == '[') {
        rest = span_make(text.ptr + 1, text.len - 1);
        struct span inside = span_cut(&rest, ']');
        if (rest.ptr == NULL || memchr(inside.ptr, ':', inside.len) == NULL ||
            !parse_bare(inside, &a) || (rest.len > 0 && rest.ptr[0] != ':') ||
            (rest.len > 0 && !is_port(span_make(rest.ptr + 1, rest.len - 1))))
            return false;
        *out = a;
        return true;
    }
    struct span host = span_cut(&rest, ':');
    if (rest.ptr == NULL || memchr(rest.ptr, ':', rest.len) != NULL)
        return parse_bare(text, out);
    return is_port(rest) && parse_bare(host, out);
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t one[16] = {[15] = 1};
    return a->bits == V4_BITS   ? a->bytes[0] == 127
           : a->bits == V6_BITS ? memcmp(a->bytes, one, sizeof one) == 0
                                : true;
}

bool address_host_is_loopback(struct span host)
{
    struct span port = host, name = span_cut(&port, ':');
    struct address a;
    bool is_v6 = host.len > 0 && host.ptr[0] == '[';
    if (span_is_nocase(name, "localhost"))
        return true;
    return address_parse(host, &a) && address_is_loopback(&a) && (a.bits == V6_BITS) == is_v6;
}

bool network_parse(struct span text, struct network *out)
{
    struct span bits = text, host = span_cut(&bits, '/');
    struct network n;
    uint64_t count = 0;
    if (!parse_bare(host, &n.base) || (bits.ptr != NULL && num_parse_u64(bits, &count) != 0))
        return false;
    bool is_mapped = n.base.bits == V4_BITS && memchr(host.ptr, ':', host.len) != NULL;
    if (is_mapped && bits.ptr != NULL) { /* ::ffff:10.0.0.0/104 is 10.0.0.0/8 */
        if (count < V6_BITS - V4_BITS)
            return false;
        count -= V6_BITS - V4_BITS;
    }
    n.bits = bits.ptr == NULL ? n.base.bits : (unsigned)count;
    if (count > n.base.bits)
        return false;
    *out = n;
    return true;
}

static bool is_within(const struct address *a, const struct network *n)
{
    if (a->bits != n->base.bits || memcmp(a->bytes, n->base.bytes, n->bits / 8) != 0)
        return false;
    unsigned left = n->bits % 8, at = n->bits / 8;
    return left == 0 || (a->bytes[at] ^ n->base.bytes[at]) >> (8 - left) == 0;
}

bool address_is_in(const struct address *a, const struct network *networks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_within(a, &networks[i]))
            return true;
    return false;
}

void address_put_name(const struct address *a, char name[ADDRESS_TEXT])
{
    struct address owned = *a;
    if (a->bits == 0) {
        (void)snprintf(name, ADDRESS_TEXT, "unix");
        return;
    }
    if (a->bits == V6_BITS)
        memset(owned.bytes + CLIENT_BITS / 8, 0, (V6_BITS - CLIENT_BITS) / 8);
    (void)inet_ntop(a->bits == V4_BITS ? AF_INET : AF_INET6, owned.bytes, name,
                    ADDRESS_TEXT); /* fits */
}

bool address_walk(struct address *client, struct span forwarded, const struct network *networks,
                  size_t count)
{
    struct span left = forwarded;
    while (address_is_in(client, networks, count)) {
        if (left.ptr == NULL)
            return true;
        const char *comma = left.len == 0 ? NULL : memrchr(left.ptr, ',', left.len);
        size_t at = comma == NULL ? 0 : (size_t)(comma - left.ptr) + 1;
        if (!address_parse(span_trim(span_make(left.ptr + at, left.len - at)), client))
            return false;
        left = comma == NULL ? SPAN_NONE : span_make(left.ptr, at - 1);
    }
    return false;
}
