/* Owns: the listeners and the list of connections, and how many there may be. */
#include "http/inner.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BACKLOG = 4096, SPARE_FILES = 1024, ACCEPT_AGAIN_MS = 100 };

/* How many. */

static size_t connections_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return SPARE_FILES / 2;
    if (limit.rlim_cur <= 2 * SPARE_FILES) /* few: half is kept for Redis and the rest */
        return (size_t)limit.rlim_cur / 2;
    return (size_t)limit.rlim_cur - SPARE_FILES;
}

static void pause_accepting(struct http_server *s, bool pause)
{
    if (s->is_paused == pause || s->is_draining)
        return;
    s->is_paused = pause;
    for (size_t i = 0; i < s->listener_count; i++)
        (void)(pause ? evconnlistener_disable(s->listeners[i])
                     : evconnlistener_enable(s->listeners[i])); /* tried again by the timer */
}

static void accept_again(void *arg)
{
    struct http_server *s = arg;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    if (s->conn_count < s->options.max_connections)
        pause_accepting(s, false);
}

/* A loopback address is this machine's owner, or a proxy that is not declared and stands for
 * everybody: only the cap of all holds. */
struct tally *server_take_address(struct http_server *s, const struct address *a)
{
    char name[ADDRESS_TEXT];
    bool is_capped = s->caps_loopback || !address_is_loopback(a);
    address_put_name(a, name);
    return tally_take(s->addresses, name, is_capped ? s->options.max_per_address : TALLY_FREE);
}

void server_connection_over(struct http_server *s)
{
    s->conn_count--;
    metric_add(METRIC_HTTP_CONNECTIONS, -1);
    if (s->is_paused && !timer_is_on(&s->accept_again))
        timer_start(&s->accept_again, 0);
}

/* Accepting. */

/* One write, no waiting: whoever holds that many is owed a reason, not a connection. */
static void turn_away(int fd)
{
#define BODY                                                                                       \
    "{\"error\":{\"code\":\"rate_limited\",\"message\":\"too many connections of one address\","   \
    "\"retryable\":true}}"
    _Static_assert(sizeof BODY - 1 == 98, "as Content-Length says");
    static const char ANSWER[] =
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
        "Connection: close\r\nContent-Length: 98\r\n\r\n" BODY;
#undef BODY
    metric_add(METRIC_HTTP_REJECTED, 1);
    (void)send(fd, ANSWER, sizeof ANSWER - 1,
               MSG_NOSIGNAL | MSG_DONTWAIT); /* it is closed anyway */
    (void)close(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    struct http_server *s = arg;
    struct address from = address_of_socket(address);
    struct tally *tally = NULL;
    (void)listener, (void)len;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    if (!address_is_in(&from, s->trusted, s->options.trusted_proxy_count)) {
        tally = server_take_address(s, &from);
        if (tally == NULL) {
            turn_away((int)fd);
            return;
        }
    }
    (void)setsockopt((int)fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
                     sizeof(int)); /* not a TCP socket: fine */
    (void)setsockopt((int)fd, SOL_SOCKET, SO_SNDBUF, &(int){LIMIT_SOCKET_BUFFER},
                     sizeof(int)); /* else what the kernel grows it to */
    conn_accept(s, (int)fd, &from, tally);
    if (s->conn_count >= s->options.max_connections)
        pause_accepting(s, true);
}

/* Out of files or memory: without a pause the listener would report it again and again. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http_server *s = arg;
    (void)listener;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    log_event(LOG_DEBUG, "http.accept", "error=%s", strerror(errno));
    pause_accepting(s, true);
    timer_start(&s->accept_again, ACCEPT_AGAIN_MS);
}

static int listen_on(struct http_server *s, int fd)
{
    if (s->listener_count == HTTP_LISTENERS_MAX || evutil_make_socket_nonblocking(fd) != 0)
        return -ERR_SYSTEM;
    struct evconnlistener *listener =
        evconnlistener_new(loop_base(s->loop), on_accept, s,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (listener == NULL)
        return -ERR_SYSTEM;
    evconnlistener_set_error_cb(listener, on_accept_error);
    s->listeners[s->listener_count++] = listener;
    return 0;
}

/* "host:port" or "[v6]:port" cut in two, into copies owned by the caller. */
static bool cut_address(const char *address, char **host, char **port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0')
        return false;
    struct span h = span_make(address, (size_t)(colon - address));
    if (h.ptr[0] == '[' && h.ptr[h.len - 1] == ']')
        h = span_make(h.ptr + 1, h.len - 2);
    *host = span_dup(h);
    *port = mem_strdup(colon + 1);
    return true;
}

static void tell_bound(int fd, char *bound, size_t size)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[48] = "", port[8] = "";
    if (bound == NULL || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    (void)getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV); /* "" then */
    (void)snprintf(bound, size, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static int bind_to(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    info->ai_protocol);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)); /* bind tells */
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)); /* bind tells */
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0)
        return fd;
    int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

int http_listen(struct http_server *s, const char *address, char *bound, size_t bound_size,
                struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    char *host = NULL, *port = NULL;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    int rc = -1;
    if (!cut_address(address, &host, &port))
        return err_set(err, ERR_SYSTEM, NULL, "%s is not host:port", address);
    int resolved = getaddrinfo(host, port, &hints, &info); /* at start-up only */
    if (resolved != 0) {
        rc = err_set(err, ERR_SYSTEM, NULL, "cannot listen on %s: %s", address,
                     gai_strerror(resolved));
    } else {
        int fd = bind_to(info);
        rc = fd < 0 ? -1 : listen_on(s, fd);
        if (rc != 0)
            rc =
                err_set(err, ERR_SYSTEM, NULL, "cannot listen on %s: %s", address, strerror(errno));
        else
            tell_bound(fd, bound, bound_size);
        freeaddrinfo(info);
    }
    mem_free(host);
    mem_free(port);
    return rc;
}

/* Life. */

static void set_defaults(struct http_options *o)
{
    o->max_body_bytes = o->max_body_bytes > 0 ? o->max_body_bytes : LIMIT_BODY;
    o->max_bodies_bytes = o->max_bodies_bytes > 0 ? o->max_bodies_bytes : LIMIT_BODIES;
    o->max_output_bytes = o->max_output_bytes > 0 ? o->max_output_bytes : LIMIT_OUTPUTS;
    o->max_connections = o->max_connections > 0 ? o->max_connections : connections_allowed();
    o->max_per_address =
        o->max_per_address > 0 ? o->max_per_address : LIMIT_CONNECTIONS_PER_ADDRESS;
    o->pace_ms = o->pace_ms > 0 ? o->pace_ms : LIMIT_PACE_MS;
    o->header_ms = o->header_ms > 0 ? o->header_ms : LIMIT_HEADER_MS;
    o->body_ms = o->body_ms > 0 ? o->body_ms : LIMIT_BODY_MS;
    o->keepalive_ms = o->keepalive_ms > 0 ? o->keepalive_ms : LIMIT_KEEPALIVE_MS;
    o->stall_ms = o->stall_ms > 0 ? o->stall_ms : LIMIT_SSE_STALL_MS;
}

static void copy_trusted(struct http_server *s)
{
    size_t count = s->options.trusted_proxy_count;
    s->trusted = count == 0 ? NULL : mem_grow(NULL, count, sizeof *s->trusted);
    for (size_t i = 0; i < count; i++)
        CHECK(network_parse(span_of(s->options.trusted_proxies[i]), &s->trusted[i]));
    s->options.trusted_proxies = NULL;
}

struct http_server *http_server_new(struct loop *loop, const struct http_options *options)
{
    struct http_server *s = MEM_NEW(struct http_server);
    s->magic = HTTP_SERVER_MAGIC;
    s->loop = loop;
    s->options = *options;
    s->caps_loopback = options->max_per_address > 0;
    set_defaults(&s->options);
    copy_trusted(s);
    s->addresses = map_new();
    s->keys = map_new();
    LIST_INIT(&s->conns);
    LIST_INIT(&s->dirty);
    timer_init(&s->accept_again, loop, accept_again, s);
    return s;
}

static void free_server(void *arg)
{
    struct http_server *s = arg;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    CHECK(map_count(s->addresses) + map_count(s->keys) == 0);
    map_free(s->addresses);
    map_free(s->keys);
    mem_free(s->trusted);
    s->magic = 0;
    mem_free(s);
}

static void close_listeners(struct http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        evconnlistener_free(s->listeners[i]);
    s->listener_count = 0;
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    s->is_draining = true;
    close_listeners(s);
    while (!LIST_EMPTY(&s->conns))
        conn_kill(LIST_FIRST(&s->conns), "server closed");
    timer_release(&s->accept_again);
    loop_defer(s->loop, free_server,
               s); /* after its connections, which are freed at the end of this turn too */
}

void http_server_drain(struct http_server *s)
{
    CHECK_MAGIC(s, HTTP_SERVER_MAGIC);
    struct conn *next;
    s->is_draining = true;
    timer_stop(&s->accept_again);
    close_listeners(s);
    for (struct conn *c = LIST_FIRST(&s->conns); c != NULL; c = next) {
        next = LIST_NEXT(c, link);
        if (c->state == CONN_READING && parser_is_idle(c->parser))
            conn_kill(c, "drained");
        else if (c->state == CONN_READING)
            reading_hurry(c);
    }
}

size_t http_server_connections(const struct http_server *s)
{
    return s->conn_count;
}
