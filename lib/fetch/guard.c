/* The rules of hosts and networks, and what an address is. Pure. Invariant: what is not understood
 * is refused. */
#include "fetch/guard.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"

enum { GUARD_MAGIC = 0x67756172, PORT_ANY_WEB = 0, V6_BITS = 128, HOST_MAX = 253 };

/* IANA's special-purpose registries, and one address that a cloud has put among the public ones.
 * The first that fits names it. An IPv4 address written as IPv6 (::ffff:0:0/96) is the IPv4
 * address. */
static const struct {
    const char *network, *what;
} special[] = {
    {"127.0.0.0/8", "loopback"},
    {"10.0.0.0/8", "private"},
    {"172.16.0.0/12", "private"},
    {"192.168.0.0/16", "private"},
    {"169.254.0.0/16", "link-local"},
    {"100.64.0.0/10", "shared"}, /* carriers' NAT, and metadata of one cloud */
    {"168.63.129.16/32", "cloud-internal"},
    {"0.0.0.0/8", "unspecified"},
    {"192.0.0.0/24", "reserved"},
    {"192.0.2.0/24", "documentation"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"192.88.99.0/24", "6to4"},
    {"198.18.0.0/15", "benchmark"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"}, /* and broadcast */
    {"::1/128", "loopback"},
    {"::/128", "unspecified"},
    {"::/96", "IPv4-compatible"},
    {"64:ff9b::/96", "NAT64"},
    {"64:ff9b:1::/48", "NAT64"},
    {"fc00::/7", "private"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
    {"2001:db8::/32", "documentation"},
    {"3fff::/20", "documentation"},
    {"2001::/32", "Teredo"},
    {"2001::/23", "reserved"},
    {"2002::/16", "6to4"},
};
static const char GLOBAL_V6[] = "2000::/3"; /* all that was ever given out */

static bool is_in(const struct address *a, const char *text)
{
    struct network network;
    CHECK(network_parse(span_of(text), &network)); /* ours */
    return address_is_in(a, &network, 1);
}

const char *address_special(const struct address *a)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (is_in(a, special[i].network))
            return special[i].what;
    if (a->bits == 0)
        return "no internet";
    return a->bits == V6_BITS && !is_in(a, GLOBAL_V6) ? "reserved" : NULL;
}

/* One of the rules. */
struct rule {
    char *host; /* "crm.example", ".example.com" for what ends so, "" for all */
    unsigned port;
    struct fetch_place place;
};
struct fetch_guard {
    uint32_t magic;
    struct rule *rules;
    size_t rule_count;
    struct network *networks;
    size_t network_count;
};

/* "host:port" at its last colon, none in brackets; without a port PORT_ANY_WEB. */
static bool cut_port(struct span text, struct span *host, unsigned *port)
{
    uint64_t number;
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
        at--;
    *host = text;
    *port = PORT_ANY_WEB;
    if (at == 0 || text.ptr[at - 1] == ']')
        return true;
    *host = span_make(text.ptr, at - 1);
    if (num_parse_u64(span_make(text.ptr + at, text.len - at), &number) != 0 || number == 0 ||
        number > UINT16_MAX)
        return false;
    *port = (unsigned)number;
    return true;
}

static bool read_place(struct span text, struct fetch_place *place)
{
    struct span host;
    if (text.len >= sizeof place->text || !cut_port(text, &host, &place->port) ||
        place->port == PORT_ANY_WEB || !address_parse(text, &place->address))
        return false;
    memcpy(place->text, text.ptr, text.len);
    return true;
}

static bool read_rule(struct span text, struct rule *rule)
{
    struct span host, place = text, pattern = span_cut(&place, '=');
    if (!cut_port(pattern, &host, &rule->port) || host.len == 0)
        return false;
    if (place.ptr != NULL && (host.ptr[0] == '*' || !read_place(place, &rule->place)))
        return false;
    if (host.ptr[0] == '*')
        host = span_make(host.ptr + 1, host.len - 1);
    rule->host = span_dup(host);
    return true;
}

struct fetch_guard *fetch_guard_new(const struct fetch_rules *rules)
{
    struct fetch_guard *guard = MEM_NEW(struct fetch_guard);
    guard->magic = GUARD_MAGIC;
    guard->rules = mem_new_array(rules->host_count, sizeof *guard->rules);
    guard->networks = mem_new_array(rules->network_count, sizeof *guard->networks);
    for (size_t i = 0; i < rules->host_count; i++)
        if (read_rule(span_of(rules->hosts[i]), &guard->rules[guard->rule_count]))
            guard->rule_count++;
    for (size_t i = 0; i < rules->network_count; i++)
        if (network_parse(span_of(rules->networks[i]), &guard->networks[guard->network_count]))
            guard->network_count++;
    return guard;
}

void fetch_guard_free(struct fetch_guard *guard)
{
    if (guard == NULL)
        return;
    CHECK_MAGIC(guard, GUARD_MAGIC);
    for (size_t i = 0; i < guard->rule_count; i++)
        mem_free(guard->rules[i].host);
    mem_free(guard->rules);
    mem_free(guard->networks);
    guard->magic = 0;
    mem_free(guard);
}

static bool fits(const struct rule *rule, struct span host, unsigned port)
{
    if (rule->port == PORT_ANY_WEB ? port != 80 && port != 443 : port != rule->port)
        return false;
    size_t len = strlen(rule->host);
    if (len > 0 && rule->host[0] != '.')
        return span_is_nocase(host, rule->host);
    return host.len > len && span_is_nocase(span_make(host.ptr + host.len - len, len), rule->host);
}

/* A rule that says where its host is goes before one that only allows it. */
static const struct rule *find_rule(const struct fetch_guard *guard, struct span host,
                                    unsigned port)
{
    const struct rule *found = NULL;
    for (size_t i = 0; i < guard->rule_count; i++)
        if (fits(&guard->rules[i], host, port) &&
            (found == NULL || (found->place.port == 0 && guard->rules[i].place.port != 0)))
            found = &guard->rules[i];
    return found;
}

/* A name in letters that every resolver takes for what they are, or an address. */
static bool is_plain(struct span host)
{
    struct address a;
    if (host.len > 0 && host.ptr[0] == '[')
        return address_parse(host, &a);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return host.len > 0 && host.len <= HOST_MAX && host.ptr[0] != '.';
}

int guard_host(const struct fetch_guard *guard, struct span host, unsigned port,
               struct fetch_place *place, struct err *err)
{
    CHECK_MAGIC(guard, GUARD_MAGIC);
    if (host.len > 1 && host.ptr[host.len - 1] == '.') /* the root's dot: the same host */
        host.len--;
    if (!is_plain(host))
        return err_set(err, ERR_FORBIDDEN, "url",
                       "a host is written in a-z 0-9 . - _, or as an address");
    const struct rule *rule = find_rule(guard, host, port);
    if (rule == NULL)
        return err_set(err, ERR_FORBIDDEN, "url",
                       "the host %.*s, port %u, is not one of those that may be asked",
                       (int)(host.len < 100 ? host.len : 100), host.ptr, port);
    *place = rule->place;
    struct address a;
    if (place->port != 0 || !address_parse(host, &a))
        return 0; /* what its name leads to is looked at when it is connected to */
    const char *what = guard_refuses(guard, place, &a, port);
    if (what == NULL)
        return 0;
    return err_set(err, ERR_FORBIDDEN, "url", "%.*s is a %s address, which may not be asked",
                   SPAN_ARG(host), what);
}

const char *guard_refuses(const struct fetch_guard *guard, const struct fetch_place *place,
                          const struct address *a, unsigned port)
{
    CHECK_MAGIC(guard, GUARD_MAGIC);
    if (place->port != 0)
        return place->port == port && place->address.bits == a->bits &&
                       memcmp(place->address.bytes, a->bytes, sizeof a->bytes) == 0
                   ? NULL
                   : "wrong";
    if (address_is_in(a, guard->networks, guard->network_count))
        return NULL;
    return address_special(a);
}
