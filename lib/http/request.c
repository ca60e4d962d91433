/* Owns: one request from its last byte to its answer: the route, the parameters, what the handler
 * hangs on it. */
#include "http/inner.h"

#include "base/mem.h"
#include "base/metric.h"
#include "http/grammar.h"
#include "wire/limits.h"

enum { REQUEST_MAGIC = 0x72657175 };

static const char *const METHODS[HTTP_METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                       "PATCH", "DELETE", "OPTIONS"};

/* Decoding. */

/* Percent-decodes into `to` (as long as `s` at least); the escapes are well-formed, the parser
 * looked. `plus` is a space in queries. */
static struct span decode(struct span s, char *to, bool plus_is_space)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%') {
            to[len++] =
                (char)(grammar_hex_digit(s.ptr[i + 1]) * 16 + grammar_hex_digit(s.ptr[i + 2]));
            i += 2;
        } else {
            to[len++] = plus_is_space && s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    return span_make(to, len);
}

static bool has_query(const struct http_request *r, struct span name)
{
    for (size_t i = 0; i < r->query_count; i++)
        if (span_equal(r->query[i].name, name))
            return true;
    return false;
}

static void decode_query(struct http_request *r, char *to)
{
    struct span rest = r->query_text;
    while (rest.ptr != NULL && rest.len > 0 && !r->has_odd_query) {
        struct span value = span_cut(&rest, '&'), name = span_cut(&value, '=');
        if (name.len == 0)
            continue;
        name = decode(name, to, true);
        to += name.len;
        r->has_odd_query = r->query_count == HTTP_QUERY_MAX || has_query(r, name);
        if (r->has_odd_query)
            return;
        struct pair *p = &r->query[r->query_count++];
        p->name = name;
        p->value = value.ptr == NULL ? span_make(to, 0) : decode(value, to, true);
        to += p->value.len;
    }
}

/* Whether the path fits the route's pattern, segment by segment; fills params with raw spans. */
static bool fits(struct http_request *r, const char *pattern)
{
    struct span want = span_of(pattern), have = r->path;
    r->param_count = 0;
    while (want.ptr != NULL && have.ptr != NULL) {
        struct span w = span_cut(&want, '/'), h = span_cut(&have, '/');
        bool is_param = w.len > 2 && w.ptr[0] == '{';
        if (is_param && h.len == 0)
            return false;
        if (is_param)
            r->params[r->param_count++] = (struct pair){span_make(w.ptr + 1, w.len - 2), h};
        else if (!span_equal(w, h))
            return false;
        CHECK(r->param_count < HTTP_PARAMS_MAX);
    }
    return want.ptr == NULL && have.ptr == NULL;
}

/* Life. */

struct http_request *request_new(struct conn *conn)
{
    struct http_request *r = MEM_NEW(struct http_request);
    struct span target = parser_target(conn->parser);
    r->magic = REQUEST_MAGIC;
    r->conn = conn;
    r->query_text = target;
    r->path = span_cut(&r->query_text, '?');
    r->decoded = mem_new(target.len + 1);
    buf_init(&r->extra, HTTP_HEAD_MAX);
    decode_query(r, r->decoded + r->path.len);
    return r;
}

void request_free(struct http_request *r)
{
    if (r == NULL)
        return;
    CHECK_MAGIC(r, REQUEST_MAGIC);
    buf_release(&r->extra);
    mem_free(r->decoded);
    for (struct joined *j = r->joined, *next; j != NULL; j = next) {
        next = j->next;
        mem_free(j->text);
        mem_free(j);
    }
    r->magic = 0;
    mem_free(r);
}

void request_gone(struct http_request *r)
{
    void (*on_gone)(void *user) = r->on_gone;
    r->on_gone = NULL;
    if (on_gone != NULL)
        on_gone(r->user);
}

/* Routing. */

static bool find_method(struct http_request *r)
{
    struct span method = parser_method(r->conn->parser);
    for (enum http_method m = 0; m < HTTP_METHOD_COUNT; m++)
        if (span_is(method, METHODS[m])) {
            r->method = m;
            r->is_head = m == HTTP_HEAD;
            return true;
        }
    return false;
}

/* The route for the method, or NULL; `allowed` gets the methods of the path (empty: no such path).
 */
static const struct http_route *find_route(struct http_request *r, struct buf *allowed)
{
    const struct http_options *o = &r->conn->server->options;
    enum http_method wanted = r->is_head ? HTTP_GET : r->method;
    for (size_t i = 0; i < o->route_count; i++) {
        if (!fits(r, o->routes[i].path))
            continue;
        if (o->routes[i].method == wanted)
            return &o->routes[i];
        (void)buf_printf(allowed, "%s%s%s", allowed->len > 0 ? ", " : "",
                         METHODS[o->routes[i].method],
                         o->routes[i].method == HTTP_GET ? ", HEAD" : "");
    }
    return NULL;
}

static void no_route(struct http_request *r, struct span allowed)
{
    if (allowed.len == 0) {
        http_reply_code(r, ERR_NOT_FOUND);
        return;
    }
    http_add_header(r, "Allow", allowed);
    if (r->method == HTTP_OPTIONS)
        http_reply(r, 204, NULL, SPAN_NONE);
    else
        http_reply_code(r, ERR_METHOD);
}

/* Which of two values is meant is not guessed, and none is dropped. */
static void odd_query(struct http_request *r)
{
    struct err err = {.code = ERR_OK};
    (void)err_set(&err, ERR_BAD_REQUEST, "query",
                  "a query parameter stands twice, or there are more than %d",
                  HTTP_QUERY_MAX); /* answered here */
    http_reply_error(r, &err);
}

static void unknown_method(struct http_request *r)
{
    struct err err = {.code = ERR_OK};
    (void)err_set(&err, ERR_BAD_REQUEST, NULL, "that method is not known here"); /* answered here */
    r->conn->keeps_alive = false;
    reply_error(r, 501, &err);
}

void http_proceed(struct http_request *r)
{
    CHECK(r->route != NULL && r->conn->state == CONN_HANDLING);
    if (r->has_odd_query)
        odd_query(r);
    else
        r->route->handler(r, r->conn->server->options.arg);
}

void request_dispatch(struct http_request *r)
{
    const struct http_options *o = &r->conn->server->options;
    struct buf allowed;
    metric_add(METRIC_HTTP_REQUESTS, 1);
    if (!find_method(r)) {
        unknown_method(r);
        return;
    }
    buf_init(&allowed, 256);
    r->route = find_route(r, &allowed);
    char *at = r->decoded;
    for (size_t i = 0; r->route != NULL && i < r->param_count;
         i++) { /* decoded where the path's room is: never longer than it */
        r->params[i].value = decode(r->params[i].value, at, false);
        at += r->params[i].value.len;
    }
    if (o->before == NULL || !o->before(r, o->arg)) {
        if (r->route == NULL)
            no_route(r, buf_as_span(&allowed));
        else
            http_proceed(r);
    }
    buf_release(&allowed);
}

/* Looking. */

static struct span find_pair(const struct pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(pairs[i].name, name))
            return pairs[i].value;
    return SPAN_NONE;
}

const struct http_route *http_route_of(const struct http_request *r)
{
    return r->route;
}

enum http_method http_method(const struct http_request *r)
{
    return r->method;
}

struct span http_param(const struct http_request *r, const char *name)
{
    return find_pair(r->params, r->param_count, name);
}

struct span http_query(const struct http_request *r, const char *name)
{
    return find_pair(r->query, r->query_count, name);
}

bool http_query_is_known(const struct http_request *r, const char *const *names, size_t count,
                         struct span *unknown)
{
    for (size_t i = 0; i < r->query_count; i++) {
        bool is_known = false;
        for (size_t n = 0; n < count; n++)
            is_known = is_known || span_is(r->query[i].name, names[n]);
        if (!is_known) {
            *unknown = r->query[i].name;
            return false;
        }
    }
    return true;
}

struct span http_header(const struct http_request *r, const char *name)
{
    const struct parser *p = r->conn->parser;
    struct span first = SPAN_NONE;
    struct buf all;
    size_t found = 0;
    buf_init(&all, LIMIT_HEADER_BLOCK + 2 * LIMIT_HEADER_FIELDS);
    for (size_t i = 0; i < parser_field_count(p); i++) {
        struct parser_field f = parser_field_at(p, i);
        if (!span_is_nocase(f.name, name))
            continue;
        if (found++ == 0)
            first = f.value;
        (void)buf_printf(&all, "%s%.*s", found > 1 ? ", " : "", SPAN_ARG(f.value));
    }
    if (found > 1) {
        struct http_request *owner =
            r->conn->request; /* the same, not const: it keeps the joined text */
        struct joined *j = MEM_NEW(struct joined);
        j->text = buf_take(&all, &first.len);
        j->next = owner->joined;
        owner->joined = j;
        first.ptr = j->text;
    }
    buf_release(&all);
    return first;
}

struct span http_body(const struct http_request *r)
{
    return parser_body(r->conn->parser);
}

void http_set_user(struct http_request *r, void *user, void (*on_gone)(void *user))
{
    r->user = user;
    r->on_gone = on_gone;
}

bool http_await_leaving(struct http_request *r)
{
    r->is_awaited = true;
    return !r->conn->peer_ended;
}

bool http_count_against(struct http_request *r, const char *key, size_t most)
{
    struct conn *c = r->conn;
    struct err err = {.code = ERR_OK};
    CHECK(c->state == CONN_HANDLING && c->key == NULL);
    c->key = tally_take(c->server->keys, key, most > 0 ? most : LIMIT_CONNECTIONS_PER_KEY);
    if (c->key != NULL)
        return true;
    metric_add(METRIC_HTTP_REJECTED, 1);
    (void)err_set(&err, ERR_RATE_LIMITED, NULL, "too many requests of one key"); /* answered here */
    http_reply_error(r, &err);
    return false;
}
