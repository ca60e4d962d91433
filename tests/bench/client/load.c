/* One thread, one epoll, events in the order in which the kernel had them: so a token that is read
 * after the answer to a stop came after it. */
#include "load.h"

#include "agenda.h"
#include "answer.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, EVENTS = 256, RETRY_US = 20 * 1000 };

enum slot_state { SLOT_IDLE, SLOT_OPEN, SLOT_ENDED };

struct slot {
    enum slot_state state;
    int fd, control_fd; /* -1: none */
    int64_t round;      /* how many streams it has asked for */
    struct answer answer, control;
    int64_t asked_us, first_us, stop_us, acked_us, end_us;
    int64_t tokens, after_ack;
    int64_t stamp; /* of a token that is not whole yet */
    bool is_in_stamp;
};

struct load {
    const struct load_options *options;
    struct load_result *result;
    struct sockaddr_in to;
    struct slot *slots;
    struct agenda agenda;
    int epoll;
    bool is_window, is_closing;
    int64_t now_us, open;
    char *bytes;
};

static struct load load;

static size_t index_of(const struct slot *s)
{
    return (size_t)(s - load.slots);
}

static void plan(const struct slot *s, int64_t due_us)
{
    agenda_add(&load.agenda, (struct entry){due_us, index_of(s), s->round});
}

static void wrong(const char *trouble)
{
    load.result->wrong++;
    load.result->trouble = trouble;
}

/* Of one of a slot's two connections. */
static int connect_to(const struct slot *s, bool is_control)
{
    uint64_t tag = index_of(s) * 2 + (is_control ? 1 : 0);
    return connection_open(&load.to, index_of(s), load.epoll, tag);
}

static void hang_up(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool send_request(const struct slot *s, int fd, const char *path, const char *body)
{
    char id[64];
    (void)snprintf(id, sizeof id, "b%d-%zu-%lld", (int)getpid(), index_of(s), (long long)s->round);
    return connection_ask(fd, load.options->address, path, body, id);
}

/* Streams. */

static void ask(struct slot *s)
{
    bool is_kept = load.options->body == NULL && s->fd >= 0;
    s->round++;
    s->first_us = s->stop_us = s->acked_us = s->end_us = 0;
    s->tokens = s->after_ack = 0;
    s->is_in_stamp = false;
    answer_begin(&s->answer);
    s->asked_us = clock_mono_us();
    if (!is_kept)
        s->fd = connect_to(s, false);
    if (s->fd < 0 || !send_request(s, s->fd, load.options->path, load.options->body)) {
        wrong("cannot connect");
        hang_up(&s->fd);
        plan(s, load.now_us + RETRY_US);
        return;
    }
    if (s->state == SLOT_IDLE)
        load.open++;
    s->state = SLOT_OPEN;
    load.result->asked++;
}

/* The stream and, where there was one, its stop are over. */
static void next(struct slot *s)
{
    if (s->stop_us > 0 && (s->acked_us == 0 || s->state != SLOT_ENDED))
        return;
    if (s->stop_us > 0 && load.is_window) {
        stats_add(&load.result->stop_end, s->end_us - s->stop_us);
        stats_add(&load.result->stop_answer, s->acked_us - s->stop_us);
        load.result->stops++;
        load.result->leaks += s->after_ack;
        load.result->leaked += s->after_ack > 0;
    }
    s->state = SLOT_IDLE;
    load.open--;
    if (load.options->once || load.is_closing)
        return;
    if (load.options->body == NULL)
        ask(s);
    else
        plan(s, load.now_us);
}

static void stream_over(struct slot *s, bool is_whole)
{
    bool is_ok = s->answer.status == 200 && is_whole;
    if (load.options->body != NULL || !is_ok)
        hang_up(&s->fd);
    if (!is_ok)
        wrong(s->answer.status == 200 ? "broken stream" : "status");
    else if (load.options->body != NULL && s->stop_us == 0 && s->tokens != load.options->tokens)
        wrong("not all tokens");
    else if (load.is_window) {
        load.result->done++;
        stats_add(&load.result->whole, load.now_us - s->asked_us);
    }
    s->state = SLOT_ENDED;
    s->end_us = load.now_us;
    next(s);
}

static void plan_stop(const struct slot *s)
{
    const struct load_options *o = load.options;
    if (o->stop_path != NULL && !load.is_closing)
        plan(s, load.now_us + 1000 * o->stop_min_ms +
                    rand() % (1000 * (o->stop_max_ms - o->stop_min_ms) + 1));
}

static void token(struct slot *s)
{
    s->tokens++;
    s->after_ack += s->acked_us > 0;
    if (s->tokens == 1) {
        s->first_us = load.now_us;
        plan_stop(s);
        if (load.is_window)
            stats_add(&load.result->first_token, s->first_us - s->asked_us);
    }
    if (load.is_window) {
        load.result->tokens++;
        stats_add(&load.result->latency, load.now_us - s->stamp);
    }
}

static void on_body(void *arg, const char *bytes, size_t len)
{
    struct slot *s = arg;
    const char *at = bytes, *end = bytes + len;
    while (at < end) {
        if (!s->is_in_stamp) {
            at = memchr(at, '@', (size_t)(end - at));
            if (at == NULL)
                return;
            at++;
            s->is_in_stamp = true;
            s->stamp = 0;
        } else if (*at >= '0' && *at <= '9') {
            s->stamp = s->stamp * 10 + (*at++ - '0');
        } else {
            s->is_in_stamp = false;
            token(s);
        }
    }
}

/* Stops. */

static void stop(struct slot *s)
{
    if (s->state != SLOT_OPEN || s->stop_us > 0)
        return;
    s->stop_us = clock_mono_us();
    answer_begin(&s->control);
    if (s->control_fd < 0)
        s->control_fd = connect_to(s, true);
    if (s->control_fd < 0 || !send_request(s, s->control_fd, load.options->stop_path, "{}"))
        wrong("cannot stop");
}

static void control_over(struct slot *s)
{
    if (s->control.status != 200)
        wrong("stop's status");
    s->acked_us = load.now_us;
    next(s);
}

/* Reading. */

static bool is_mine(const struct slot *s, bool is_control)
{
    return is_control ? s->control_fd >= 0 : s->fd >= 0;
}

static void on_end(struct slot *s, bool is_control)
{
    if (is_control) {
        bool is_waited_for = s->stop_us > 0 && s->acked_us == 0;
        hang_up(&s->control_fd);
        if (is_waited_for) {
            wrong("stop broken off");
            s->acked_us = load.now_us;
            next(s);
        }
    } else if (s->state == SLOT_OPEN) {
        stream_over(s, !s->answer.is_chunked && s->answer.left < 0);
    } else {
        hang_up(&s->fd);
    }
}

static void read_some(struct slot *s, bool is_control)
{
    if (!is_mine(s, is_control))
        return;
    ssize_t n = recv(is_control ? s->control_fd : s->fd, load.bytes, READ_BYTES, MSG_DONTWAIT);
    load.now_us = clock_mono_us();
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        on_end(s, is_control);
        return;
    }
    struct answer *answer = is_control ? &s->control : &s->answer;
    if (answer->status == 0 && !is_control)
        load.result->answered++;
    (void)answer_feed(answer, load.bytes, (size_t)n); /* nothing is pipelined: no more comes */
    if (answer->part != ANSWER_OVER)
        return;
    if (is_control)
        control_over(s);
    else
        stream_over(s, true);
}

/* The run. */

static void do_due(void)
{
    const struct entry *e;
    while ((e = agenda_take(&load.agenda, load.now_us)) != NULL) {
        struct slot *s = &load.slots[e->slot];
        if (e->round != s->round)
            continue;
        if (s->state == SLOT_OPEN)
            stop(s);
        else if (!load.is_closing)
            ask(s);
    }
}

static void turn(int64_t until_us)
{
    struct epoll_event events[EVENTS];
    int64_t next_us = agenda_next_us(&load.agenda), wait_us;
    wait_us = (next_us < until_us ? next_us : until_us) - load.now_us;
    struct timespec wait = {.tv_sec = wait_us < 0 ? 0 : wait_us / 1000000,
                            .tv_nsec = wait_us < 0 ? 0 : wait_us % 1000000 * 1000};
    int n = epoll_pwait2(load.epoll, events, EVENTS, &wait, NULL);
    load.now_us = clock_mono_us();
    for (int i = 0; i < n; i++)
        read_some(&load.slots[events[i].data.u64 / 2], events[i].data.u64 % 2 == 1);
    do_due();
}

static void set_up(const struct load_options *options, struct load_result *result)
{
    const char *colon = strrchr(options->address, ':');
    CHECK(colon != NULL);
    load = (struct load){.options = options, .result = result};
    load.to.sin_family = AF_INET;
    load.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load.to.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(load.epoll >= 0);
    load.slots = mem_new_array((size_t)options->streams, sizeof *load.slots);
    load.bytes = mem_new(READ_BYTES);
    load.now_us = clock_mono_us();
    for (int64_t i = 0; i < options->streams; i++) {
        struct slot *s = &load.slots[i];
        s->fd = s->control_fd = -1;
        s->answer.arg = s;
        s->answer.on_body = options->body == NULL ? NULL : on_body;
        plan(s, load.now_us + 1000 * options->stagger_ms * i / options->streams +
                    (int64_t)(drand48() * 1000 * (double)options->jitter_ms)); /* never seeded */
    }
}

static void tear_down(void)
{
    for (int64_t i = 0; i < load.options->streams; i++) {
        hang_up(&load.slots[i].fd);
        hang_up(&load.slots[i].control_fd);
    }
    close(load.epoll);
    mem_free(load.slots);
    mem_free(load.bytes);
    agenda_release(&load.agenda);
}

static bool has_enough(void)
{
    const struct load_options *o = load.options;
    return (o->stops > 0 && load.result->stops >= o->stops) ||
           (o->once && load.open == 0 && load.agenda.count == 0);
}

void load_run(const struct load_options *options, void (*on_window)(bool begins),
              struct load_result *result)
{
    set_up(options, result);
    int64_t edge_us = load.now_us + 1000 * options->warmup_ms;
    while (load.now_us < edge_us)
        turn(edge_us);
    on_window(true);
    load.is_window = true;
    result->began_us = clock_mono_us();
    edge_us = result->began_us + 1000 * options->window_ms;
    while (load.now_us < edge_us && !has_enough())
        turn(edge_us);
    load.is_window = false;
    result->ended_us = clock_mono_us();
    on_window(false);
    load.is_closing = true;
    edge_us = result->ended_us + 1000 * options->patience_ms;
    while (load.now_us < edge_us && load.open > 0)
        turn(edge_us);
    result->unfinished = load.open;
    tear_down();
}
