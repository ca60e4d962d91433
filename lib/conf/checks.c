/* What each type of types.def takes. Pure: a text is valid or not. */
#include "conf/checks.h"
#include "base/address.h"
#include "base/id.h"
#include "base/num.h"
#include "conf/rows.h"

bool is_text(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return span_is_utf8(s);
}

bool is_name(struct span s)
{
    return s.len > 0 && s.len <= 128 && is_text(s) && memchr(s.ptr, ' ', s.len) == NULL;
}

static bool is_one_of(struct span s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (span_is(s, *words))
            return true;
    return false;
}

bool is_ability(struct span s)
{
    return is_one_of(s, (const char *const[]){"tools", "image", "prefill", NULL});
}

static const struct {
    const char *name, *base_url;
} providers[] = {
    {"openai", "https://api.openai.com/v1"},
    {"anthropic", "https://api.anthropic.com"},
    {"ollama", "http://127.0.0.1:11434"},
};

const char *provider_base_url(struct span name)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        if (span_is(name, providers[i].name))
            return providers[i].base_url;
    return NULL;
}

bool is_provider(struct span s)
{
    return provider_base_url(s) != NULL;
}

bool is_role(struct span s)
{
    return is_one_of(s, (const char *const[]){"user", "admin", NULL});
}

bool is_log_level(struct span s)
{
    return is_one_of(s, (const char *const[]){"error", "warn", "info", "debug", NULL});
}

bool is_log_format(struct span s)
{
    return is_one_of(s, (const char *const[]){"text", "json", NULL});
}

bool is_sha256(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return s.len == 64;
}

static bool has_only(struct span s, const char *allowed)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\0' || strchr(allowed, s.ptr[i]) == NULL)
            return false;
    return s.len > 0;
}

/* Spaces and what would end or change a URL's path. */
static bool is_url_text(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f || strchr("@?#\\", s.ptr[i]) != NULL)
            return false;
    return s.len > 0;
}

#define HOST_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

static bool is_host(struct span s)
{
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        return has_only(span_make(s.ptr + 1, s.len - 2), "0123456789abcdefABCDEF:.");
    return has_only(s, HOST_LETTERS);
}

static bool is_port(struct span s)
{
    uint64_t port;
    return num_parse_u64(s, &port) == 0 && port <= UINT16_MAX;
}

/* Cuts "host:port" at the last colon; without a port `port` is SPAN_NONE. */
static struct span cut_port(struct span s, struct span *port)
{
    *port = SPAN_NONE;
    for (size_t i = s.len; i > 0 && s.ptr[i - 1] != ']'; i--)
        if (s.ptr[i - 1] == ':') {
            *port = span_make(s.ptr + i, s.len - i);
            return span_make(s.ptr, i - 1);
        }
    return s;
}

bool is_address(struct span s)
{
    struct span port;
    struct span host = cut_port(s, &port);
    return is_host(host) && port.ptr != NULL && is_port(port);
}

static bool is_host_maybe_port(struct span s)
{
    struct span port;
    struct span host = cut_port(s, &port);
    return is_host(host) && (port.ptr == NULL || is_port(port));
}

static struct span behind_scheme(struct span s)
{
    size_t skip = span_starts_with(s, "http://") ? 7 : span_starts_with(s, "https://") ? 8 : s.len;
    return span_make(s.ptr + skip, s.len - skip);
}

bool is_origin(struct span s)
{
    return is_host_maybe_port(behind_scheme(s));
}

bool is_http_url(struct span s)
{
    struct span rest = behind_scheme(s);
    if (!is_url_text(rest))
        return false;
    return is_host_maybe_port(span_cut(&rest, '/'));
}

bool is_webhook_url(struct span s)
{
    return s.len == 0 || is_http_url(s);
}

bool is_redis_url(struct span s)
{
    if (secret_is_reference(s.ptr) || !is_text(s) || memchr(s.ptr, ' ', s.len) != NULL)
        return false; /* a reference was resolved before */
    if (span_starts_with(s, "unix:///"))
        return s.len > 8;
    if (!span_starts_with(s, "redis://"))
        return false;
    struct span rest = span_make(s.ptr + 8, s.len - 8);
    const char *at = memrchr(rest.ptr, '@', rest.len);
    if (at != NULL)
        rest = span_make(at + 1, rest.len - (size_t)(at + 1 - rest.ptr));
    struct span host = span_cut(&rest, '/');
    uint64_t db;
    return is_address(host) && (rest.len == 0 || num_parse_u64(rest, &db) == 0);
}

bool is_network(struct span s)
{
    struct network network;
    return network_parse(s, &network);
}

/* What graph.hosts holds: "*", "*.name" or a name, perhaps a port, perhaps where that is. The guard
 * (fetch/guard.c) reads it by the same cuts. */
bool is_host_rule(struct span s)
{
    struct span place = s, pattern = span_cut(&place, '='), port;
    struct span host = cut_port(pattern, &port);
    bool is_wide = host.len > 0 && host.ptr[0] == '*';
    if (port.ptr != NULL && !is_port(port))
        return false;
    if (is_wide) {
        struct span name = span_make(host.ptr + 1, host.len - 1);
        return place.ptr == NULL &&
               (name.len == 0 || (name.len > 1 && name.ptr[0] == '.' &&
                                  is_host(span_make(name.ptr + 1, name.len - 1))));
    }
    struct address address;
    return is_host(host) &&
           (place.ptr == NULL || (is_address(place) && address_parse(place, &address)));
}

bool is_secret_name(struct span s)
{
    return s.len <= 64 &&
           has_only(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* A key's pattern: braces only around the names it knows. */
static bool is_pattern(struct span s, bool wants_tenant)
{
    bool has_chat = false;
    bool has_tenant = false;
    while (s.len > 0) {
        if (span_starts_with(s, "{chat_id}") && !has_chat) {
            has_chat = true;
            s = span_make(s.ptr + 9, s.len - 9);
        } else if (span_starts_with(s, "{tenant}") && wants_tenant && !has_tenant) {
            has_tenant = true;
            s = span_make(s.ptr + 8, s.len - 8);
        } else if ((unsigned char)*s.ptr <= ' ' || strchr("{}\x7f", *s.ptr) != NULL) {
            return false;
        } else {
            s = span_make(s.ptr + 1, s.len - 1);
        }
    }
    return has_chat && has_tenant == wants_tenant;
}

bool is_stop_key(struct span s)
{
    return s.len <= 128 && is_pattern(s, false);
}

bool is_tenant_stop_key(struct span s)
{
    return s.len <= 128 && is_pattern(s, true);
}
