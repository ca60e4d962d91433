/* Transfers against a scripted server on loopback, and what their hooks saw. For one test program
 * each: the loop, the fetcher, the server and two transfers are its own. */
#ifndef SLUICE_TESTS_FETCH_FIXTURE_H
#define SLUICE_TESTS_FETCH_FIXTURE_H

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/fetch.h"
#include "support/script_server.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum act { ACT_NONE, ACT_CANCEL, ACT_PAUSE, ACT_START_ANOTHER, ACT_CANCEL_OTHER };
enum moment { AT_CONNECTED = 1, AT_HEAD, AT_BODY, AT_DONE };

/* One transfer and what its hooks saw. */
struct seen {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch *fetch;
    struct seen *other;
    const char *url;
    enum act act;
    enum moment act_at;
    struct timer later; /* for cancel and resume from outside */
    int connected, heads, bodies, dones;
    int http_status, status;
    int64_t acted_ms;
    char detail[256];
    char type[64];
    struct buf body;
};

static struct loop *loop;
static struct fetcher *fetcher;
static struct script_server *server;
static struct seen one, two;

static inline void start(struct seen *s);

static inline void act(struct seen *s, enum moment now)
{
    if (s->act_at != now)
        return;
    s->act_at = 0;
    s->acted_ms = clock_mono_ms();
    switch (s->act) {
    case ACT_CANCEL:
        fetch_cancel(s->fetch);
        break;
    case ACT_CANCEL_OTHER:
        fetch_cancel(s->other->fetch);
        break;
    case ACT_PAUSE:
        fetch_pause(s->fetch);
        break;
    case ACT_START_ANOTHER:
        start(s->other);
        break;
    case ACT_NONE:
    default:
        break;
    }
}

static inline void on_connected(struct fetch *fetch, void *arg)
{
    struct seen *s = arg;
    assert_ptr_equal(fetch, s->fetch);
    s->connected++;
    act(s, AT_CONNECTED);
}

static inline void on_head(struct fetch *fetch, int status, void *arg)
{
    struct seen *s = arg;
    assert_int_equal(s->heads++, 0);
    assert_int_equal(s->bodies, 0);
    assert_true(s->connected > 0);
    s->http_status = status;
    struct span type = fetch_response_header(fetch, "content-TYPE");
    (void)snprintf(s->type, sizeof(s->type), "%.*s", SPAN_ARG(type));
    assert_null(fetch_response_header(fetch, "absent").ptr);
    act(s, AT_HEAD);
}

static inline void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    (void)fetch;
    struct seen *s = arg;
    assert_int_equal(s->heads, 1);
    assert_int_equal(s->dones, 0);
    s->bodies++;
    assert_int_equal(buf_span(&s->body, bytes), 0);
    act(s, AT_BODY);
}

static inline void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    struct seen *s = arg;
    assert_ptr_equal(fetch, s->fetch);
    assert_int_equal(s->dones++, 0);
    assert_null(fetch_response_header(fetch, "x-trailer").ptr); /* trailers are none of the head */
    s->status = status;
    (void)snprintf(s->detail, sizeof(s->detail), "%s", detail);
    act(s, AT_DONE);
    s->fetch = NULL;
    if ((one.fetch == NULL || one.dones > 0) && (two.fetch == NULL || two.dones > 0))
        loop_stop(s->loop);
}

static const struct fetch_hooks hooks_template = {
    .on_connected = on_connected, .on_head = on_head, .on_body = on_body, .on_done = on_done};

static inline int try_start(struct seen *s, const struct fetch_request *request)
{
    struct fetch_hooks hooks = hooks_template;
    struct err err;
    hooks.arg = s;
    int result = fetch_start(fetcher, request, &hooks, &s->fetch, &err);
    assert_int_equal(s->connected + s->heads + s->bodies + s->dones, 0);
    return result;
}

static inline void start(struct seen *s)
{
    const struct fetch_request request = {.method = "GET",
                                          .url = s->url == NULL ? server->url : s->url,
                                          .connect_ms = 2000,
                                          .total_ms = 5000};
    assert_int_equal(try_start(s, &request), 0);
}

static inline void seen_init(struct seen *s)
{
    *s = (struct seen){.loop = loop, .fetcher = fetcher};
    buf_init(&s->body, 16 * 1024 * 1024);
}

static inline void seen_release(struct seen *s)
{
    timer_release(&s->later);
    buf_release(&s->body);
}

static inline int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    fetcher = fetcher_new(loop);
    server = server_new(loop);
    seen_init(&one);
    seen_init(&two);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    fetcher_free(fetcher);
    server_free(server);
    seen_release(&one);
    seen_release(&two);
    loop_free(loop);
    return 0;
}

static inline void run(void)
{
    assert_true(loop_run_for(loop, 10000));
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"

static const struct step hello[] = {
    {STEP_SEND, "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\nContent-Length: 5\r\n\r\nhello",
     0, 0},
    {0}};

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
