/* What each type of types.def takes, and how its values are written. Invariant: a value that may be
 * a secret never reaches a message. */
#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/rows.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

static bool is_text(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return span_is_utf8(s);
}

static bool is_name(struct span s)
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

static bool is_ability(struct span s)
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

static bool is_provider(struct span s)
{
    return provider_base_url(s) != NULL;
}

static bool is_role(struct span s)
{
    return is_one_of(s, (const char *const[]){"user", "admin", NULL});
}

static bool is_log_level(struct span s)
{
    return is_one_of(s, (const char *const[]){"error", "warn", "info", "debug", NULL});
}

static bool is_log_format(struct span s)
{
    return is_one_of(s, (const char *const[]){"text", "json", NULL});
}

static bool is_sha256(struct span s)
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

static bool is_address(struct span s)
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

static bool is_origin(struct span s)
{
    return is_host_maybe_port(behind_scheme(s));
}

static bool is_http_url(struct span s)
{
    struct span rest = behind_scheme(s);
    if (!is_url_text(rest))
        return false;
    return is_host_maybe_port(span_cut(&rest, '/'));
}

static bool is_webhook_url(struct span s)
{
    return s.len == 0 || is_http_url(s);
}

static bool is_redis_url(struct span s)
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

static bool is_network(struct span s)
{
    char address[64];
    struct in6_addr v6;
    struct in_addr v4;
    uint64_t bits = 128;
    struct span host = span_cut(&s, '/');
    if (host.len == 0 || host.len >= sizeof(address) ||
        (s.ptr != NULL && num_parse_u64(s, &bits) != 0))
        return false;
    memcpy(address, host.ptr, host.len);
    address[host.len] = '\0';
    if (inet_pton(AF_INET, address, &v4) == 1)
        return s.ptr == NULL || bits <= 32;
    return inet_pton(AF_INET6, address, &v6) == 1 && bits <= 128 &&
           (bits >= 96 || !IN6_IS_ADDR_V4MAPPED(&v6)); /* which stands for an IPv4 network */
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

static bool is_stop_key(struct span s)
{
    return s.len <= 128 && is_pattern(s, false);
}

static bool is_tenant_stop_key(struct span s)
{
    return s.len <= 128 && is_pattern(s, true);
}

static const struct {
    enum conf_kept kept;
    bool (*check)(struct span);
    const char *expected;
} types[] = {
#define T(type, kept, check, expected) {KEPT_##kept, check, expected},
#include "conf/types.def"
#undef T
};

enum conf_kept type_kept(enum conf_type type)
{
    return types[type].kept;
}

const char *type_expected(enum conf_type type)
{
    return types[type].expected;
}

bool type_is_secret(enum conf_type type)
{
    return type == TYPE_SECRET;
}

struct unit {
    const char *name;
    int64_t size;
};

void number_print(enum conf_type type, int64_t number, struct buf *out)
{
    static const struct unit durations[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    static const struct unit sizes[] = {
        {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
    static const struct unit plain[] = {{"", 1}};
    const struct unit *unit = type == TYPE_MS ? durations : type == TYPE_BYTES ? sizes : plain;
    if (type == TYPE_MS && number == INT64_MAX) {
        (void)buf_text(out, "forever"); /* whoever owns the buffer looks at it */
        return;
    }
    if (type == TYPE_MS && number == 0) {
        (void)buf_text(out, "0s");
        return;
    }
    bool is_day = type == TYPE_MS && number < 2 * durations[0].size; /* 24h is clearer than 1d */
    unit += is_day;
    while (unit->size > 1 && (number == 0 || number % unit->size != 0))
        unit++;
    (void)buf_printf(out, "%" PRId64 "%s", number / unit->size, unit->name);
}

void row_bounds(const struct conf_row *row, struct buf *out)
{
    if (type_kept(row->type) != KEPT_NUMBER)
        return;
    number_print(row->type, row->min, out);
    if (row->min == row->max)
        return;
    if (row->max == INT64_MAX && row->type != TYPE_MS) {
        (void)buf_text(out, " or more");
        return;
    }
    (void)buf_text(out, " to ");
    number_print(row->type, row->max, out);
}

/* "'8x' is not valid; expected a whole number, 1 to 10000" */
static int refuse(const struct conf_row *row, const char *text, char why[WHY_MAX])
{
    struct buf bounds;
    buf_init(&bounds, 128);
    if (type_kept(row->type) == KEPT_NUMBER)
        (void)buf_text(&bounds, ", ");
    row_bounds(row, &bounds);
    bool is_hidden = type_is_secret(row->type) || row->type == TYPE_REDIS_URL;
    if (is_hidden)
        (void)snprintf(why, WHY_MAX, "the value is not valid; expected %s",
                       types[row->type].expected);
    else
        (void)snprintf(why, WHY_MAX, "'%.60s' is not valid; expected %s%s", text,
                       types[row->type].expected, bounds.len == 0 ? "" : bounds.ptr);
    buf_release(&bounds);
    return -ERR_CONFIG;
}

static int set_number(const struct conf_row *row, int64_t *field, const char *text,
                      char why[WHY_MAX])
{
    struct span s = span_of(text);
    int64_t number = -1;
    uint64_t size;
    int result;
    if (row->type == TYPE_MS) {
        result = num_parse_ms(s, &number);
    } else if (row->type == TYPE_BYTES) {
        result = num_parse_bytes(s, &size);
        if (result == 0)
            number = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    } else {
        result = num_parse_i64(s, &number);
    }
    if (result != 0 || number < row->min || number > row->max)
        return refuse(row, text, why);
    *field = number;
    return 0;
}

static int set_text(const struct conf_row *row, char **field, const char *text, char why[WHY_MAX])
{
    char *resolved = NULL;
    bool can_refer = type_is_secret(row->type) || row->type == TYPE_REDIS_URL;
    if (can_refer && secret_is_reference(text)) {
        int result = secret_resolve(text, &resolved, why);
        if (result != 0)
            return result;
    } else if (type_is_secret(row->type) && *text != '\0') {
        return refuse(row, text, why);
    }
    const char *value = resolved == NULL ? text : resolved;
    int result = types[row->type].check(span_of(value)) ? 0 : refuse(row, text, why);
    if (result == 0) {
        mem_free(*field);
        *field = mem_strdup(value);
    }
    mem_free(resolved);
    return result;
}

int row_add_item(const struct conf_row *row, struct conf_list *list, const char *text,
                 char why[WHY_MAX])
{
    if (!types[row->type].check(span_of(text)))
        return refuse(row, text, why);
    list->items = mem_grow(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = mem_strdup(text);
    return 0;
}

int row_set_list(const struct conf_row *row, void *owner, struct conf_list list, char why[WHY_MAX])
{
    if (list.count == 0 && row->type == TYPE_ADDRESSES) {
        (void)snprintf(why, WHY_MAX, "the list must not be empty; expected %s",
                       types[row->type].expected);
        return -ERR_CONFIG;
    }
    row_release(row, owner);
    *(struct conf_list *)(void *)((char *)owner + row->offset) = list;
    return 0;
}

/* Items between commas; the empty text is the empty list. */
static int set_list(const struct conf_row *row, void *owner, const char *text, char why[WHY_MAX])
{
    struct conf_list fresh = {0};
    struct span rest = span_trim(span_of(text));
    int result = 0;
    while (rest.ptr != NULL && result == 0 && (rest.len > 0 || fresh.count > 0)) {
        char *item = span_dup(span_trim(span_cut(&rest, ',')));
        result = row_add_item(row, &fresh, item, why);
        mem_free(item);
    }
    if (result == 0)
        result = row_set_list(row, owner, fresh, why);
    if (result != 0)
        conf_list_release(&fresh);
    return result;
}

int row_set_text(const struct conf_row *row, void *owner, const char *text, char why[WHY_MAX])
{
    void *field = (char *)owner + row->offset;
    switch (type_kept(row->type)) {
    case KEPT_NUMBER:
        return set_number(row, field, text, why);
    case KEPT_LIST:
        return set_list(row, owner, text, why);
    case KEPT_TEXT:
    default:
        return set_text(row, field, text, why);
    }
}
