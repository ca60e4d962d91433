/* The connection of the moment: made, greeted, given up, made again. Its memory goes at the end of
 * the turn, since callbacks may free the link. */
#include "bus/link_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "bus/command.h"

#include <sys/random.h>

enum {
    CONNECT_MS = 1000,
    COMMAND_MS = 2000,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 2000,
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

static void back_off(struct link *link, const char *reason)
{
    log_event(LOG_DEBUG, "redis.close", "reason=%s", reason);
    conn_close(link->conn);
    link->conn = NULL;
    link->is_doubted = false;
    timer_stop(&link->deadline_timer);
    link_fail_sent(link);
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

static void on_conn_reply(const struct reply *reply, void *arg)
{
    struct link *link = arg;
    CHECK_MAGIC(link, LINK_MAGIC);
    if (link->state == LINK_CONNECTING)
        greet(link, reply);
    else if (link->options.is_subscriber)
        link_deliver_message(link, reply);
    else
        link_deliver_reply(link, reply);
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
    timer_init(&link->deadline_timer, loop, link_on_deadline_timer, link);
    timer_init(&link->failed_timer, loop, link_on_failed_timer, link);
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
