/* The guard, from outside: no URL, name or redirect brings a connection about that the rules do not
 * allow. Every connect of the process is counted, the resolver is the test's own. */
#include "fetch/fetch_fixture.h"
#include "fetch/ssrf_urls.h"
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

static atomic_int dials; /* connects of TCP sockets, wherever to */
static atomic_int asked; /* names that were resolved */

/* Stands before the C library's, for libcurl too. */
int counting_connect(int fd, const struct sockaddr *to, socklen_t len) __asm__("connect");

int counting_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (to->sa_family != AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
        type == SOCK_STREAM)
        dials++;
    int (*next)(int, const struct sockaddr *, socklen_t);
    *(void **)(void *)&next = dlsym(RTLD_NEXT, "connect");
    return next(fd, to, len);
}

/* What the test's name server says; `flips` another thing each time it is asked. */
static const struct {
    const char *name, *addresses;
} names[] = {
    {"rebind.test", "127.0.0.1"},
    {"127.0.0.1.rebind.test", "127.0.0.1"},
    {"private.test", "10.0.0.1"},
    {"metadata.test", "169.254.169.254"},
    {"loop6.test", "::1"},
    {"mapped.test", "::ffff:127.0.0.1"},
    {"ula.test", "fd00::1"},
    {"nat64.test", "64:ff9b::7f00:1"},
    {"sixtofour.test", "2002:7f00:1::"},
    {"any.test", "0.0.0.0"},
    {"many.test", "127.0.0.1 ::1 10.0.0.1 169.254.169.254 fe80::1 127.0.0.2"},
    {"half.test", "10.0.0.1 127.0.0.1"},
};

static int resolve_one(const char *address, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)(void *)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    return next(address, service, strcmp(address, "localhost") == 0 ? hints : &numeric, out);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    const char *addresses = name;
    size_t len = strlen(name);
    len -= len > 0 && name[len - 1] == '.';
    int count = asked++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_is_nocase(span_make(name, len), names[i].name))
            addresses = names[i].addresses;
    if (span_is_nocase(span_make(name, len), "flips.test"))
        addresses = count % 2 == 0 ? "127.0.0.1" : "::1";
    struct span rest = span_of(addresses);
    struct addrinfo **end = out;
    int result = EAI_NONAME;
    while (rest.ptr != NULL) {
        char *address = span_dup(span_cut(&rest, ' '));
        result = resolve_one(address, service, hints, end);
        mem_free(address);
        while (result == 0 && *end != NULL)
            end = &(*end)->ai_next;
    }
    return result;
}

static struct fetch_guard *guard_of(char *const *hosts, size_t count, const char *network)
{
    char *copy = mem_strdup(network == NULL ? "" : network);
    struct fetch_rules rules = {
        .hosts = hosts, .host_count = count, .networks = &copy, .network_count = network != NULL};
    struct fetch_guard *guard = fetch_guard_new(&rules);
    mem_free(copy);
    return guard;
}

/* Rules as texts, `%d` being the listener's port. */
static struct fetch_guard *guard_with(const char *const *rules, size_t count, const char *network)
{
    char *hosts[8];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(rules[i], "%d");
        hosts[i] = at == NULL ? mem_strdup(rules[i])
                              : mem_printf("%.*s%d%s", (int)(at - rules[i]), rules[i], server->port,
                                           at + 2);
    }
    struct fetch_guard *guard = guard_of(hosts, count, network);
    for (size_t i = 0; i < count; i++)
        mem_free(hosts[i]);
    return guard;
}

/* "%d" is the port, "%%" is %. */
static char *url_of(const char *pattern)
{
    struct buf out;
    size_t len;
    buf_init(&out, 1024);
    for (const char *c = pattern; *c != '\0'; c++)
        if (c[0] == '%' && c[1] == 'd' && c++ != NULL)
            assert_int_equal(buf_printf(&out, "%d", server->port), 0);
        else if (c[0] == '%' && c[1] == '%' && c++ != NULL)
            assert_int_equal(buf_byte(&out, '%'), 0);
        else
            assert_int_equal(buf_byte(&out, *c), 0);
    return buf_take(&out, &len);
}

/* How it ended; what was refused before it began is an end, too. */
static int fetch_of(const char *pattern, const struct fetch_guard *guard)
{
    char *url = url_of(pattern);
    seen_release(&one);
    seen_init(&one);
    const struct fetch_request request = {
        .method = "GET", .url = url, .connect_ms = 2000, .total_ms = 5000, .guard = guard};
    int result = try_start(&one, &request);
    if (result == 0) {
        run();
        result = one.status;
    }
    mem_free(url);
    return result;
}

static void no_url_gets_behind_it(void **state)
{
    (void)state;
    static const char *const all[] = {"*", "*:%d"};
    struct fetch_guard *guard = guard_with(all, 2, NULL);
    size_t count = sizeof ssrf_urls / sizeof *ssrf_urls;
    server->script = hello;
    for (size_t i = 0; i < count; i++) {
        int result = fetch_of(ssrf_urls[i], guard);
        if (result != -ERR_FORBIDDEN && result != -ERR_BAD_REQUEST && result != -ERR_PROVIDER_ERROR)
            fail_msg("%s: %s", ssrf_urls[i], err_name(result));
        if (dials != 0 || server->accepted != 0)
            fail_msg("%s: connected", ssrf_urls[i]);
    }
    print_message("%zu URLs, %d names resolved, %d connects\n", count, (int)asked, (int)dials);
    assert_true(count >= 120);
    assert_true(asked >= 15);
    fetch_guard_free(guard);
}

static void a_name_must_be_listed(void **state)
{
    (void)state;
    struct fetch_guard *guard = guard_with(listed, 3, NULL);
    int before = asked;
    for (size_t i = 0; i < sizeof unlisted_urls / sizeof *unlisted_urls; i++) {
        int result = fetch_of(unlisted_urls[i], guard);
        if (result != -ERR_FORBIDDEN && result != -ERR_BAD_REQUEST)
            fail_msg("%s: %s", unlisted_urls[i], err_name(result));
    }
    assert_int_equal(asked, before); /* it is not even looked up */
    assert_int_equal(dials, 0);
    fetch_guard_free(guard);
}

static void nothing_is_allowed_without_a_rule(void **state)
{
    (void)state;
    struct fetch_guard *guard = guard_with(listed, 0, "0.0.0.0/0");
    assert_int_equal(fetch_of("http://127.0.0.1:%d/", guard), -ERR_FORBIDDEN);
    assert_int_equal(fetch_of("http://crm.example/", guard), -ERR_FORBIDDEN);
    fetch_guard_free(guard);
    guard = guard_with((const char *const[]){"http://x", "a=b", "a:0", "*=127.0.0.1:%d"}, 4, NULL);
    assert_int_equal(fetch_of("http://a/", guard), -ERR_FORBIDDEN); /* nor by a broken one */
    fetch_guard_free(guard);
    assert_int_equal(dials, 0);
}

/* The controls: what is allowed does connect, else the tests above show nothing. */
static void what_is_listed_is_reached(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *network, *url;
    } rows[] = {
        {"127.0.0.1:%d", "127.0.0.0/8", "http://127.0.0.1:%d/"},
        {"*:%d", "127.0.0.1", "http://2130706433:%d/"},
        {"localhost:%d", "127.0.0.0/8", "http://LOCALHOST:%d/"},
        {"rebind.test:%d", "127.0.0.0/8", "http://rebind.test.:%d/"},
        {"*.rebind.test:%d", "127.0.0.0/8", "http://127.0.0.1.rebind.test:%d/"},
        {"tools.test=127.0.0.1:%d", NULL, "http://tools.test/"},
        {"tools.test:8443=127.0.0.1:%d", NULL, "http://tools.test:8443/x"},
        {"half.test:%d", "127.0.0.0/8", "http://half.test:%d/"},
    };
    server->script = hello;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fetch_guard *guard = guard_with(&rows[i].rule, 1, rows[i].network);
        int before = server->requests;
        int result = fetch_of(rows[i].url, guard);
        if (result != 0 || server->requests != before + 1)
            fail_msg("%s: %s: %s", rows[i].url, err_name(result), one.detail);
        fetch_guard_free(guard);
    }
    assert_non_null(strstr(server->request.ptr, "\r\nHost: half.test:"));
    assert_true(dials > 0);
}

static void a_rule_that_says_where_goes_first(void **state)
{
    (void)state;
    server->script = hello;
    struct fetch_guard *guard =
        guard_with((const char *const[]){"*", "tools.test=127.0.0.1:%d"}, 2, NULL);
    assert_int_equal(fetch_of("http://tools.test/", guard), 0);
    assert_non_null(strstr(server->request.ptr, "\r\nHost: tools.test\r\n"));
    int before = dials;
    assert_int_equal(fetch_of("http://rebind.test/", guard), -ERR_FORBIDDEN);
    assert_non_null(strstr(one.detail, "a loopback address"));
    assert_int_equal(dials, before);
    fetch_guard_free(guard);
}

static void a_redirect_leads_nowhere(void **state)
{
    (void)state;
    static const struct step script[] = {
        {STEP_SEND,
         "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", 0,
         0},
        {0}};
    static const char *const rules[] = {"*", "tools.test=127.0.0.1:%d"};
    struct fetch_guard *guard = guard_with(rules, 2, NULL);
    server->script = script;
    int before = dials;
    assert_int_equal(fetch_of("http://tools.test/", guard), 0);
    assert_int_equal(one.http_status, 302);
    assert_int_equal(dials, before + 1);
    fetch_guard_free(guard);
}

static void a_kept_connection_of_anothers_is_looked_at_too(void **state)
{
    (void)state;
    static const char *const rules[] = {"*:%d"};
    struct fetch_guard *guard = guard_with(rules, 1, NULL);
    server->script = hello;
    assert_int_equal(fetch_of("http://rebind.test:%d/", NULL), 0); /* a provider's, inside */
    assert_int_equal(server->requests, 1);
    assert_int_equal(fetch_of("http://rebind.test:%d/", guard), -ERR_FORBIDDEN);
    assert_int_equal(server->requests, 1);
    assert_int_equal(one.connected, 0);
    fetch_guard_free(guard);
}

static void an_address_has_one_name(void **state)
{
    (void)state;
    static const struct {
        const char *address, *what;
    } rows[] = {
        {"8.8.8.8", NULL},         {"126.255.255.255", NULL},  {"128.0.0.0", NULL},
        {"9.255.255.255", NULL},   {"11.0.0.0", NULL},         {"172.15.255.255", NULL},
        {"172.32.0.0", NULL},      {"192.167.255.255", NULL},  {"192.169.0.0", NULL},
        {"169.253.255.255", NULL}, {"169.255.0.0", NULL},      {"100.63.255.255", NULL},
        {"100.128.0.0", NULL},     {"223.255.255.255", NULL},  {"1.0.0.0", NULL},
        {"192.0.1.0", NULL},       {"198.17.255.255", NULL},   {"198.20.0.0", NULL},
        {"2606:4700::1", NULL},    {"2001:200::1", NULL},      {"2003::1", NULL},
        {"::ffff:8.8.8.8", NULL},  {"127.0.0.1", "loopback"},  {"::1", "loopback"},
        {"::", "unspecified"},     {"::2", "IPv4-compatible"}, {"::ffff:10.1.2.3", "private"},
        {"fe80::1", "link-local"}, {"2001:0:1::", "Teredo"},   {"2001:1ff::", "reserved"},
        {"4000::", "reserved"},    {"1fff::", "reserved"},     {"255.255.255.255", "reserved"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        assert_true(address_parse(span_of(rows[i].address), &a));
        const char *what = address_special(&a);
        if ((what == NULL) != (rows[i].what == NULL) ||
            (what != NULL && strcmp(what, rows[i].what) != 0))
            fail_msg("%s: %s", rows[i].address, what == NULL ? "public" : what);
    }
    assert_string_equal(address_special(&(struct address){.bits = 0}), "no internet");
    fetch_guard_free(NULL);
}

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(no_url_gets_behind_it),
        T(a_name_must_be_listed),
        T(nothing_is_allowed_without_a_rule),
        T(what_is_listed_is_reached),
        T(a_rule_that_says_where_goes_first),
        T(a_redirect_leads_nowhere),
        T(a_kept_connection_of_anothers_is_looked_at_too),
        T(an_address_has_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
