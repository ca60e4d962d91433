/* The commands of a link, and their deadlines. Invariant: every command is in exactly one of two
 * rings, `sent` (in the order of the answers to come) or `failed` (told at the next pass), and
 * leaves it by its callback, which may free the link. */
#include "bus/link_state.h"

#include "base/clock.h"
#include "base/metric.h"
#include "bus/command.h"

enum {
    LATE_MS = 100, /* a timer that comes so much later: this process was held up */
    DOUBT_MS = 500 /* for a server that shares its processor with it */
};

void link_fail_sent(struct link *link)
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

void link_deliver_reply(struct link *link, const struct reply *reply)
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

void link_on_failed_timer(void *arg)
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
void link_on_deadline_timer(void *arg)
{
    struct link *link = arg;
    int64_t earliest = INT64_MAX;
    CHECK_MAGIC(link, LINK_MAGIC);
    for (size_t i = 0; i < link->sent.count; i++)
        if (ring_at(&link->sent, i)->deadline_ms < earliest)
            earliest = ring_at(&link->sent, i)->deadline_ms;
    int64_t now = clock_mono_ms();
    bool is_late = now > link->deadline_at_ms + LATE_MS; /* this process is */
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
