/* Redis URLs, and the one place that resolves a name. */
#include "bus/url.h"

#include "base/mem.h"
#include "base/num.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { PORT = 6379, DB_MAX = 1 << 20, TEXT_MAX = 1024 };

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Owned text with %xx decoded; NULL when it is malformed or says NUL. */
static char *decode(struct span s)
{
    char *out = mem_new(s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++, n++) {
        int high = 0, low = 0;
        out[n] = s.ptr[i];
        if (s.ptr[i] != '%')
            continue;
        if (s.len - i < 3 || (high = hex_digit(s.ptr[i + 1])) < 0 ||
            (low = hex_digit(s.ptr[i + 2])) < 0 || high + low == 0) {
            mem_free(out);
            return NULL;
        }
        out[n] = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_CONFIG, "redis.url", "the Redis URL %s", what);
}

/* [user]:password@ in front of `rest` is taken off. */
static int take_login(struct span *rest, struct redis_url *url, struct err *err)
{
    const char *at = rest->len == 0 ? NULL : memrchr(rest->ptr, '@', rest->len);
    if (at == NULL)
        return 0;
    struct span login = span_make(rest->ptr, (size_t)(at - rest->ptr));
    struct span user = span_cut(&login, ':');
    *rest = span_make(at + 1, rest->len - (size_t)(at - rest->ptr) - 1);
    if (login.ptr == NULL)
        return bad(err, "has a user without a password");
    url->user = user.len == 0 ? NULL : decode(user);
    url->password = decode(login);
    if (url->password == NULL || (user.len > 0 && url->user == NULL))
        return bad(err, "has a malformed user or password");
    return 0;
}

static int take_db(struct span text, struct redis_url *url, struct err *err)
{
    if (text.len == 0)
        return 0;
    if (num_parse_i64(text, &url->db) != 0 || url->db < 0 || url->db > DB_MAX)
        return bad(err, "has a database that is not a number");
    return 0;
}

static int parse_unix(struct span rest, struct redis_url *url, struct err *err)
{
    int rc = take_login(&rest, url, err);
    struct span path = span_cut(&rest, '?');
    if (rc != 0)
        return rc;
    if (path.len == 0 || path.ptr[0] != '/')
        return bad(err, "needs an absolute path: unix:///path");
    if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return bad(err, "has a path that is too long for a socket");
    if (rest.ptr != NULL && !span_starts_with(rest, "db="))
        return bad(err, "has an unknown option: only ?db=<number> is known");
    url->path = span_dup(path);
    return rest.ptr == NULL ? 0 : take_db(span_make(rest.ptr + 3, rest.len - 3), url, err);
}

static int parse_port(struct span text, struct redis_url *url, struct err *err)
{
    int64_t port = PORT;
    if (text.len > 0 && (num_parse_i64(text, &port) != 0 || port < 1 || port > 65535))
        return bad(err, "has a port that is not between 1 and 65535");
    url->port = (int)port;
    return 0;
}

static int parse_tcp(struct span rest, struct redis_url *url, struct err *err)
{
    int rc = take_login(&rest, url, err);
    struct span place = span_cut(&rest, '/'), host;
    if (rc != 0)
        return rc;
    if (place.len > 0 && place.ptr[0] == '[') {
        host = span_cut(&place, ']');
        host = span_make(host.ptr + 1, host.len - 1);
        if (place.ptr == NULL || (place.len > 0 && place.ptr[0] != ':'))
            return bad(err, "has a malformed address");
        if (place.len > 0)
            place = span_make(place.ptr + 1, place.len - 1);
    } else {
        host = span_cut(&place, ':');
    }
    if (host.len == 0)
        return bad(err, "needs a host: redis://host:port");
    url->host = span_dup(host);
    rc = parse_port(place, url, err);
    return rc != 0 ? rc : take_db(rest, url, err);
}

int redis_url_parse(struct span text, struct redis_url *out, struct err *err)
{
    static const struct {
        const char *scheme;
        int (*parse)(struct span rest, struct redis_url *url, struct err *err);
    } schemes[] = {{"unix://", parse_unix}, {"redis://", parse_tcp}};
    struct redis_url url = {.user = NULL};
    int rc = bad(err, "must begin with unix:// or redis://");

    if (text.ptr == NULL)
        text = span_of("");
    if (text.len > TEXT_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return bad(err, "is too long or holds a NUL");
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (span_starts_with(text, schemes[i].scheme))
            rc = schemes[i].parse(span_make(text.ptr + len, text.len - len), &url, err);
    }
    if (rc == 0)
        *out = url;
    else
        redis_url_release(&url);
    return rc;
}

void redis_url_release(struct redis_url *url)
{
    mem_free(url->user);
    mem_free(url->password);
    mem_free(url->path);
    mem_free(url->host);
    *url = (struct redis_url){.user = NULL};
}

char *redis_url_resolve(const struct redis_url *url)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char text[NI_MAXHOST];
    if (getaddrinfo(url->host, NULL, &hints, &found) != 0)
        return NULL;
    int rc =
        getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return rc == 0 ? mem_strdup(text) : NULL;
}
