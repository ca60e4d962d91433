/* Owns: the connection of the moment, what is in flight on it, and the timers of both. Invariant:
 * every command is in exactly one of two rings, `sent` (in the order of the answers to come) or
 * `failed` (told at the next pass), and leaves it by its callback. Callbacks may free the link: its
 * memory goes at the end of the turn. */
#include "bus/link_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "bus/command.h"
#include "bus/conn.h"
#include "bus/pending.h"
#include "bus/url.h"

#include <sys/random.h>

enum {
    LINK_MAGIC = 0x6c696e6b,
    CONNECT_MS = 1000,
    COMMAND_MS = 2000,
    DOUBT_MS = 100,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 2000,
};

struct link {
    uint32_t magic;
    struct loop *loop;
    struct link_options options; /* url is not kept */
    struct redis_url url;
    char *address; /* numeric host, or socket; NULL until the name was resolved */
    enum link_state state;
    struct conn *conn;
    unsigned greeting_left; /* answers to come before it is up */
    int64_t backoff_ms;
    bool was_up, is_freed;
    bool is_doubted;     /* a deadline is over; broken when nothing moves until the next look */
    uint64_t moves_seen; /* at the last such look */
    uint64_t answers;
    struct ring sent, failed;
    struct timer state_timer;    /* the end of an attempt, or of a pause */
    struct timer deadline_timer; /* the earliest deadline among `sent`, or an earlier moment */
    struct timer failed_timer;
    int64_t deadline_at_ms;
    link_on_message on_message;
    void *message_arg;
};

/* The only function that changes the state. Its last act is the owner's hook, which may free the
 * link. */
static void set_state(struct link *link, enum link_state next)
{
    static const char *const names[] = {"down", "connecting", "up", "backoff"};
    static const unsigned legal[] = {
        [LINK_DOWN] = 1u << LINK_CONNECTING | 1u << LINK_BACKOFF,
        [LINK_CONNECTING] = 1u << LINK_UP | 1u << LINK_BACKOFF,
        [LINK_UP] = 1u << LINK_BACKOFF,
        [LINK_BACKOFF] = 1u << LINK_CONNECTING | 1u << LINK_BACKOFF,
    };
    CHECK((legal[link->state] & 1u << next) != 0);
    log_event(LOG_DEBUG, "redis.link", "from=%s to=%s", names[link->state], names[next]);
    bool is_news = link->state != next;
    link->state = next;
    if (is_news && link->options.on_state != NULL)
        link->options.on_state(link, next, link->options.arg);
}

static int64_t with_jitter(int64_t ms)
{
    uint32_t random = 0;
    CHECK(getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random);
    return ms + random % (ms / 2);
}

/* Everything in flight fails; what ran out of time is told so. */
static void fail_sent(struct link *link)
{
    int64_t now = clock_mono_ms();
    while (link->sent.count > 0) {
        struct pending p = ring_pop(&link->sent);
        p.status = p.deadline_ms <= now ? -ERR_TIMEOUT : -ERR_UNAVAILABLE;
        ring_push(&link->failed, &p);
    }
    if (link->failed.count > 0)
        timer_start(&link->failed_timer, 0);
}

static void back_off(struct link *link, const char *reason)
{
    log_event(LOG_DEBUG, "redis.close", "reason=%s", reason);
    conn_close(link->conn);
    link->conn = NULL;
    link->is_doubted = false;
    timer_stop(&link->deadline_timer);
    fail_sent(link);
    timer_start(&link->state_timer, with_jitter(link->backoff_ms));
    link->backoff_ms =
        link->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : link->backoff_ms * 2;
    set_state(link, LINK_BACKOFF);
}

void link_break(struct link *link, const char *reason)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    if (link->conn != NULL)
        back_off(link, reason);
}

static void on_conn_closed(const char *reason, void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    back_off(link, reason);
}

/* AUTH and SELECT where the URL asks for them, then PING: a server that is loading its data answers
 * that with an error. */
static void on_conn_open(void *arg)
{
    enum { AUTH, SELECT, PING, GREETINGS };
    struct link *link = arg;
    struct command greeting[GREETINGS];
    bool is_sent = true;
    CHECK_MAGIC(link, LINK_MAGIC);
    for (int i = 0; i < GREETINGS; i++)
        command_init(&greeting[i]);
    if (link->url.password != NULL) {
        command_text(&greeting[AUTH], "AUTH");
        if (link->url.user != NULL)
            command_text(&greeting[AUTH], link->url.user);
        command_text(&greeting[AUTH], link->url.password);
    }
    if (link->url.db != 0) {
        command_text(&greeting[SELECT], "SELECT");
        command_int(&greeting[SELECT], link->url.db);
    }
    command_text(&greeting[PING], "PING");
    link->greeting_left = 0;
    for (int i = 0; i < GREETINGS; i++) {
        if (greeting[i].count > 0) {
            is_sent = conn_write(link->conn, command_bytes(&greeting[i])) == 0 && is_sent;
            link->greeting_left++;
        }
        command_release(&greeting[i]);
    }
    if (!is_sent)
        link_break(link, "send");
}

static void greet(struct link *link, const struct reply *reply)
{
    if (reply_type(reply) == REPLY_ERROR) {
        struct span text = reply_str(reply);
        char reason[128];
        size_t len = text.len < sizeof reason - 1 ? text.len : sizeof reason - 1;
        memcpy(reason, text.ptr, len);
        reason[len] = '\0';
        link_break(link, reason);
        return;
    }
    if (--link->greeting_left > 0)
        return;
    timer_stop(&link->state_timer);
    link->backoff_ms = BACKOFF_FIRST_MS;
    if (link->was_up)
        metric_add(METRIC_REDIS_RECONNECTS, 1);
    link->was_up = true;
    set_state(link, LINK_UP);
}

/* The server says that it, not the command, is the trouble: this connection is of no use now, and
 * nothing was done. */
static bool is_server_trouble(const struct reply *reply)
{
    static const char *const words[] = {"LOADING ",   "BUSY ",   "READONLY ",    "MASTERDOWN ",
                                        "UNBLOCKED ", "NOAUTH ", "CLUSTERDOWN ", "TRYAGAIN "};
    if (reply_type(reply) != REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_starts_with(reply_str(reply), words[i]))
            return true;
    return false;
}

static void deliver_message(struct link *link, const struct reply *reply)
{
    static const char *const kinds[] = {[SUB_SUBSCRIBED] = "subscribe",
                                        [SUB_UNSUBSCRIBED] = "unsubscribe",
                                        [SUB_MESSAGE] = "message"};
    struct span name = reply_str(reply_at(reply, 0));
    if (link->on_message == NULL)
        return;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        if (span_is(name, kinds[kind])) {
            link->on_message((enum sub_kind)kind, reply_str(reply_at(reply, 1)),
                             reply_str(reply_at(reply, 2)), link->message_arg);
            return;
        }
}

static void deliver_reply(struct link *link, const struct reply *reply)
{
    if (link->sent.count == 0) {
        link_break(link, "unasked");
        return;
    }
    if (is_server_trouble(reply)) {
        link_break(link, "server");
        return;
    }
    struct pending p = ring_pop(&link->sent);
    link->answers++;
    metric_observe_us(METRIC_REDIS_SECONDS, clock_mono_us() - p.sent_us);
    if (p.on_reply != NULL)
        p.on_reply(0, reply, p.arg);
}

static void on_conn_reply(const struct reply *reply, void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    if (link->state == LINK_CONNECTING)
        greet(link, reply);
    else if (link->options.is_subscriber)
        deliver_message(link, reply);
    else
        deliver_reply(link, reply);
}

static void connect_now(struct link *link)
{
    const struct conn_hooks hooks = {on_conn_open, on_conn_reply, on_conn_closed, link};
    if (link->address ==
        NULL) /* only as long as the name was never resolved: there is nothing to hold up yet */
        link->address = redis_url_resolve(&link->url);
    if (link->address != NULL)
        link->conn = conn_new(link->loop, link->address, link->url.port, &hooks);
    if (link->conn == NULL) {
        back_off(link, link->address == NULL ? "resolve" : "connect");
        return;
    }
    timer_start(&link->state_timer, link->options.connect_ms);
    set_state(link, LINK_CONNECTING);
}

static void on_state_timer(void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    if (link->state == LINK_CONNECTING)
        link_break(link, "connect timeout");
    else
        connect_now(link);
}

static void on_failed_timer(void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    for (size_t left = link->failed.count; left > 0 && !link->is_freed;
         left--) { /* those added now wait for the next pass */
        struct pending p = ring_pop(&link->failed);
        if (p.on_reply != NULL)
            p.on_reply(p.status, NULL, p.arg);
    }
    if (!link->is_freed && link->failed.count > 0)
        timer_start(&link->failed_timer, 0);
}

uint64_t link_moves(const struct link *link)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    return link->answers + (link->conn == NULL ? 0 : conn_moves(link->conn));
}

static void watch_deadline(struct link *link, int64_t at_ms)
{
    int64_t wait = at_ms - clock_mono_ms();
    link->deadline_at_ms = at_ms;
    timer_start(&link->deadline_timer, wait < 0 ? 0 : wait + 1);
}

/* The timer is not moved with each answer: it comes at most once per deadline, looks, and goes on
 * from the earliest one left. A deadline may be over because this process was held up, with the
 * commands unsent and the answers unread: so the loop turns once more, and a link that moves is
 * no dead one. */
static void on_deadline_timer(void *arg)
{
    struct link *link = arg;
    int64_t earliest = INT64_MAX;
    CHECK_MAGIC(link, LINK_MAGIC);
    for (size_t i = 0; i < link->sent.count; i++)
        if (ring_at(&link->sent, i)->deadline_ms < earliest)
            earliest = ring_at(&link->sent, i)->deadline_ms;
    int64_t now = clock_mono_ms();
    bool is_late = now > link->deadline_at_ms + DOUBT_MS; /* this process is */
    bool has_moved = link_moves(link) != link->moves_seen;
    if (earliest <= now && link->is_doubted && !is_late && !has_moved) {
        link_break(link, "timeout");
        return;
    }
    link->is_doubted = earliest <= now;
    link->moves_seen = link_moves(link);
    if (earliest < INT64_MAX)
        watch_deadline(link, link->is_doubted ? now + DOUBT_MS : earliest);
}

int link_check_url(const char *url, struct err *err)
{
    struct redis_url parsed;
    int rc = redis_url_parse(span_of(url), &parsed, err);
    if (rc == 0)
        redis_url_release(&parsed);
    return rc;
}

struct link *link_new(struct loop *loop, const struct link_options *options)
{
    struct link *link = MEM_NEW(struct link);
    link->magic = LINK_MAGIC;
    link->loop = loop;
    link->options = *options;
    link->options.url = NULL;
    if (options->connect_ms == 0)
        link->options.connect_ms = CONNECT_MS;
    if (options->command_ms == 0)
        link->options.command_ms = COMMAND_MS;
    CHECK(redis_url_parse(span_of(options->url), &link->url, NULL) ==
          0); /* link_check_url came first */
    link->address =
        link->url.path != NULL ? mem_strdup(link->url.path) : redis_url_resolve(&link->url);
    link->backoff_ms = BACKOFF_FIRST_MS;
    timer_init(&link->state_timer, loop, on_state_timer, link);
    timer_init(&link->deadline_timer, loop, on_deadline_timer, link);
    timer_init(&link->failed_timer, loop, on_failed_timer, link);
    timer_start(&link->state_timer, 0);
    return link;
}

static void release(void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    ring_release(&link->sent);
    ring_release(&link->failed);
    mem_free(link->address);
    redis_url_release(&link->url);
    link->magic = 0;
    mem_free(link);
}

void link_free(struct link *link)
{
    if (link == NULL)
        return;
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(!link->is_freed);
    link->is_freed = true;
    conn_close(link->conn);
    link->conn = NULL;
    link->sent.count = link->failed.count = 0;
    timer_release(&link->state_timer);
    timer_release(&link->deadline_timer);
    timer_release(&link->failed_timer);
    loop_defer(link->loop, release, link);
}

bool link_is_up(const struct link *link)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    return link->state == LINK_UP;
}

void link_send(struct link *link, struct span command, int64_t timeout_ms, link_on_reply on_reply,
               void *arg)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(!link->options.is_subscriber && !link->is_freed);
    struct pending p = {.on_reply = on_reply, .arg = arg, .sent_us = clock_mono_us()};
    p.deadline_ms = p.sent_us / 1000 + (timeout_ms == 0 ? link->options.command_ms : timeout_ms);
    p.status = command.ptr == NULL ? -ERR_TOO_LARGE : -ERR_UNAVAILABLE;
    if (link->state != LINK_UP || command.ptr == NULL || conn_write(link->conn, command) != 0) {
        ring_push(&link->failed, &p);
        timer_start(&link->failed_timer, 0);
        return;
    }
    metric_add(METRIC_REDIS_COMMANDS, 1);
    ring_push(&link->sent, &p);
    if (!timer_is_on(&link->deadline_timer) || p.deadline_ms < link->deadline_at_ms)
        watch_deadline(link, p.deadline_ms);
}

void link_command(struct link *link, size_t argc, const struct span *argv, int64_t timeout_ms,
                  link_on_reply on_reply, void *arg)
{
    struct command command;
    command_init(&command);
    for (size_t i = 0; i < argc; i++)
        command_arg(&command, argv[i]);
    link_send(link, command_bytes(&command), timeout_ms, on_reply, arg);
    command_release(&command);
}

void link_on_messages(struct link *link, link_on_message on_message, void *arg)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(link->options.is_subscriber);
    link->on_message = on_message;
    link->message_arg = arg;
}

static void send_subscription(struct link *link, const char *verb, const char *channel)
{
    struct command command;
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(link->options.is_subscriber);
    if (link->state != LINK_UP)
        return;
    command_init(&command);
    command_text(&command, verb);
    command_text(&command, channel);
    if (conn_write(link->conn, command_bytes(&command)) != 0)
        link_break(link, "send");
    command_release(&command);
}

void link_subscribe(struct link *link, const char *channel)
{
    send_subscription(link, "SUBSCRIBE", channel);
}

void link_unsubscribe(struct link *link, const char *channel)
{
    send_subscription(link, "UNSUBSCRIBE", channel);
}
