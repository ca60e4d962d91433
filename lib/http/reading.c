/* Owns: the READING of a connection: when what comes must be whole and how fast it must come, what
 * bodies may hold, and whom a request is counted for. Invariant: whatever is read has a deadline
 * that no byte moves. */
#include "http/inner.h"

#include "base/clock.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

static void refuse(struct conn *c, int status, const char *text)
{
    metric_add(METRIC_HTTP_REJECTED, 1);
    c->keeps_alive = false;
    reply_plain_error(c, status, text);
    conn_finish(c);
}

/* Deadlines. */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void look_again(struct conn *c)
{
    c->came = 0;
    conn_arm(c, least(c->due_ms - clock_mono_ms(), c->server->options.pace_ms));
}

static void begin_part(struct conn *c, int64_t within_ms)
{
    c->due_ms = clock_mono_ms() + within_ms;
    look_again(c);
}

void reading_begin(struct conn *c)
{
    c->parser = parser_new(c->server->options.max_body_bytes);
    parser_reset(c->parser);
    conn_arm(c, c->server->options.header_ms);
}

void reading_hurry(struct conn *c)
{
    c->due_ms = least(c->due_ms, clock_mono_ms() + LIMIT_DRAIN_MS);
    look_again(c);
}

void reading_late(struct conn *c)
{
    int64_t wanted = c->server->options.pace_ms * LIMIT_PACE_BYTES / 1000;
    if (parser_is_idle(c->parser))
        conn_kill(c, "deadline");
    else if (clock_mono_ms() >= c->due_ms && c->server->is_draining)
        refuse(c, 503, "the server is shutting down");
    else if (clock_mono_ms() >= c->due_ms)
        refuse(c, 408, "the request did not come in time");
    else if ((int64_t)c->came < wanted)
        refuse(c, 408, "the request comes too slowly");
    else
        look_again(c);
}

/* Bodies. */

void conn_count_body(struct conn *c)
{
    struct tally *holder = c->client != NULL ? c->client : c->address;
    size_t held = c->parser == NULL ? 0 : parser_body(c->parser).len;
    c->server->body_bytes += held - c->body_bytes;
    if (holder != NULL)
        holder->body_bytes += held - c->body_bytes;
    c->body_bytes = held;
}

/* Many that send large bodies slowly must not take the memory, and one address not all that there
 * is for everybody; small bodies go on. */
static bool is_over_all_bodies(const struct conn *c)
{
    const struct tally *holder = c->client != NULL ? c->client : c->address;
    size_t most = c->server->options.max_bodies_bytes;
    bool is_over = c->server->body_bytes > most;
    if (holder != NULL && holder->is_capped)
        is_over = is_over || holder->body_bytes > most / LIMIT_ADDRESS_SHARE;
    return is_over && c->body_bytes > HTTP_INPUT_MAX;
}

void reading_forget(struct conn *c)
{
    if (c->parser != NULL)
        parser_reset(c->parser);
    conn_count_body(c);
}

/* Requests. */

/* A trusted proxy's connection carries anybody's requests: each counts for the client that it
 * names. False when that one has too many. */
static bool count_client(struct conn *c)
{
    const struct http_server *s = c->server;
    struct address client = c->peer_address;
    bool goes_on = c->is_proxy;
    if (!c->is_proxy)
        return true;
    for (size_t i = parser_field_count(c->parser); i > 0 && goes_on; i--) {
        struct parser_field field = parser_field_at(c->parser, i - 1);
        if (span_is_nocase(field.name, "x-forwarded-for"))
            goes_on =
                address_walk(&client, field.value, s->trusted, s->options.trusted_proxy_count);
    }
    c->client = server_take_address(c->server, &client);
    return c->client != NULL;
}

static void handle(struct conn *c)
{
    c->keeps_alive = parser_keeps_alive(c->parser) && ++c->served < LIMIT_KEEPALIVE_REQUESTS &&
                     !c->server->is_draining;
    conn_state(c, CONN_HANDLING);
    timer_stop(&c->deadline);
    c->request = request_new(c);
    request_dispatch(c->request);
}

/* The header block is complete and a body may follow: its deadline begins, and a client that waits
 * for 100 is told to go on. */
static void on_head(struct conn *c)
{
    size_t used = 0;
    if (!count_client(c)) {
        refuse(c, 429, "too many requests of one address");
        return;
    }
    begin_part(c, c->server->options.body_ms);
    if (c->server->is_draining)
        reading_hurry(c);
    if (parser_expects_continue(c->parser))
        conn_send(c, SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    if (parser_feed(c->parser, span_make("", 0), &used) == PARSER_DONE)
        handle(c);
}

void reading_input(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    while (c->state == CONN_READING && evbuffer_get_length(input) > 0) {
        size_t used = 0, len = evbuffer_get_contiguous_space(input);
        bool was_idle = parser_is_idle(c->parser);
        const char *bytes = (const char *)evbuffer_pullup(input, (ssize_t)len);
        enum parser_status status = parser_feed(c->parser, span_make(bytes, len), &used);
        (void)evbuffer_drain(input, used); /* within what is there */
        if (was_idle && !parser_is_idle(c->parser))
            begin_part(c, c->server->options.header_ms);
        c->came += used;
        conn_count_body(c);
        if (status == PARSER_FAILED)
            refuse(c, parser_error_status(c->parser), parser_error_text(c->parser));
        else if (is_over_all_bodies(c))
            refuse(c, 503, "too many large requests at once");
        else if (status == PARSER_HEAD)
            on_head(c);
        else if (status == PARSER_DONE)
            handle(c);
    }
    if (c->state == CONN_READING && c->peer_ended)
        conn_kill(c, "client closed");
}
