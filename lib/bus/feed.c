/* The way of one reader through one log. Invariant: every event that goes to the hook has the seq
 * after the one before it, whether it came live or in a page; what does not fit is dropped and the
 * log is read. Reads are answered in the order in which they were sent. A read begins with the
 * event that was delivered last: when another one has its place, Redis lost the tail and the log
 * has grown anew since. */
#include "bus/hub_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "bus/log.h"
#include "wire/event.h"
#include "wire/limits.h"

enum { FEED_MAGIC = 0x66656564, SILENCE_MS = 10 * 1000, RETRY_MS = 1000, PAGE_LEAST = 4 };

enum feed_state { FEED_OPENING, FEED_REPLAYING, FEED_LIVE, FEED_ENDED };

/* A page asked for. */
struct feed_read {
    struct feed_read *next;
    struct feed *feed;
    int64_t seq;         /* the feed's, when it was asked */
    int64_t after;       /* one less where the last event is looked at again */
    struct flush *flush; /* that waits for it, or NULL */
};

struct feed {
    uint32_t magic;
    struct hub *hub;
    struct channel *channel;
    struct feed *prev, *next; /* in the channel */
    struct feed_hooks hooks;
    enum feed_state state;
    int64_t seq;        /* of the last event that was delivered */
    uint64_t print;     /* of its bytes; 0: it was delivered to an earlier feed, or none was */
    int64_t missed_seq; /* highest seq that was heard and dropped since the last read was sent */
    int64_t heard_ms;   /* when the log was last heard of, or asked for in vain */
    struct feed_read *reads; /* in flight, oldest first */
    size_t page;     /* events to ask for: few for a reader that did not take the last page whole */
    bool is_known;   /* on_open was called */
    bool is_doubted; /* not heard for a while: what comes live waits until a read has proved the
                        last */
    bool is_paused, is_closed;
};

static void set_state(struct feed *feed, enum feed_state next)
{
    static const char *const names[] = {"opening", "replaying", "live", "ended"};
    if (feed->state == next)
        return;
    CHECK(feed->state != FEED_ENDED);
    log_event(LOG_DEBUG, "feed.state", "gen=%s from=%s to=%s", feed->channel->generation.text,
              names[feed->state], names[next]);
    feed->state = next;
}

static bool is_silent(const struct feed *feed)
{
    return feed->is_closed || feed->state == FEED_ENDED;
}

/* FNV-1a. */
static uint64_t print_of(struct span event)
{
    uint64_t print = 0xcbf29ce484222325;
    for (size_t i = 0; i < event.len; i++)
        print = (print ^ (unsigned char)event.ptr[i]) * 0x100000001b3;
    return print == 0 ? 1 : print;
}

static void take_out(struct feed_read *read)
{
    struct feed_read **at = &read->feed->reads;
    while (*at != read)
        at = &(*at)->next;
    *at = read->next;
}

static void drop_reads(struct feed *feed)
{
    while (feed->reads != NULL) {
        struct feed_read *read = feed->reads;
        feed->reads = read->next;
        calls_cancel(feed->hub->bus, read);
        flush_part_done(read->flush);
        mem_free(read);
    }
}

/* Nothing comes after this. */
static void end(struct feed *feed, int status)
{
    drop_reads(feed);
    set_state(feed, FEED_ENDED);
    feed->hooks.on_end(status, feed->hooks.arg);
}

static void on_log_page(int status, const struct log_page *page, void *arg);

static void read_on(struct feed *feed, struct flush *flush)
{
    struct feed_read *read = MEM_NEW(struct feed_read);
    struct feed_read **at = &feed->reads;
    *read = (struct feed_read){.feed = feed,
                               .seq = feed->seq,
                               .after = feed->print == 0 ? feed->seq : feed->seq - 1,
                               .flush = flush};
    while (*at != NULL)
        at = &(*at)->next;
    *at = read;
    feed->missed_seq = 0;
    feed->heard_ms = clock_mono_ms();
    metric_add(METRIC_READER_REPLAYS, 1);
    log_read(feed->hub->bus, feed->channel->tenant, feed->channel->generation.text, read->after,
             feed->page, on_log_page, read);
}

static void replay(struct feed *feed)
{
    if (is_silent(feed))
        return;
    set_state(feed, FEED_REPLAYING);
    if (!feed->is_paused && feed->reads == NULL)
        read_on(feed, NULL);
}

static void deliver(struct feed *feed, struct span event, int64_t seq, bool is_terminal)
{
    feed->seq = seq;
    feed->print = print_of(event);
    feed->heard_ms = clock_mono_ms();
    metric_add(METRIC_READER_EVENTS, 1);
    feed->hooks.on_event(event, seq, is_terminal, feed->hooks.arg);
    if (is_terminal && !is_silent(feed))
        end(feed, 0);
}

void feed_message(struct feed *feed, struct span event, int64_t seq, bool is_terminal)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    if (is_silent(feed))
        return;
    if (seq <= feed->seq) {
        if (is_terminal) /* yet it is new: a tail was lost, and the log ended before it grew as long
                            again */
            replay(feed);
        return;
    }
    if (seq == feed->seq + 1 && feed->is_known && !feed->is_paused && !feed->is_doubted) {
        deliver(feed, event, seq, is_terminal);
        return;
    }
    if (seq > feed->missed_seq)
        feed->missed_seq = seq;
    if (feed->state == FEED_LIVE)
        replay(feed);
}

static bool is_terminal_event(struct span event)
{
    int64_t seq;
    enum event_kind kind;
    return event_peek(event, &seq, &kind) == 0 && event_is_terminal(kind);
}

/* Redis lost what the cursor stands on. What is before it may be another run's by now, so the
 * reader is given all anew. */
static void rewind_to_start(struct feed *feed)
{
    feed->seq = 0;
    feed->print = 0;
    feed->missed_seq = 0;
    metric_add(METRIC_READER_REWOUND, 1);
    feed->hooks.on_rewound(0, feed->hooks.arg);
}

/* The last event is in the page, and it is another one. */
static bool is_changed(const struct feed *feed, int64_t after, const struct log_page *page)
{
    int64_t at = feed->seq - after - 1;
    return feed->print != 0 && at >= 0 && at < (int64_t)page->count &&
           print_of(page->events[at]) != feed->print;
}

/* Gives out what is new in a page; true when another must be read. */
static bool take_page(struct feed *feed, const struct feed_read *read, const struct log_page *page)
{
    bool is_over = !span_is(page->state, "queued") && !span_is(page->state, "running");
    int64_t after = read->after;
    feed->is_doubted = false;
    bool is_shorter = page->length < read->seq && read->seq <= feed->seq;
    if (is_shorter || is_changed(feed, after, page)) {
        rewind_to_start(feed);
        return true;
    }
    for (size_t i = 0; i < page->count && !is_silent(feed) && !feed->is_paused; i++) {
        int64_t seq = after + 1 + (int64_t)i;
        if (seq == feed->seq + 1)
            deliver(feed, page->events[i], seq, is_terminal_event(page->events[i]));
    }
    if (is_silent(feed))
        return false;
    if (is_over && feed->seq >= page->length) { /* the cursor stood at the end already */
        end(feed, 0);
        return false;
    }
    return feed->seq < page->length || feed->seq < feed->missed_seq;
}

static void set_page(struct feed *feed)
{
    if (feed->is_paused)
        feed->page = PAGE_LEAST;
    else if (feed->page < LIMIT_READ_PAGE)
        feed->page *= 2;
}

static void take_answer(struct feed *feed, struct feed_read *read, const struct log_page *page)
{
    if (page == NULL && feed->print != 0) /* lost as a whole, and it may begin anew */
        rewind_to_start(feed);
    if (is_silent(feed))
        return;
    if (page == NULL || page->is_gone) {
        end(feed, page != NULL || feed->is_known ? -ERR_GONE : -ERR_NOT_FOUND);
        return;
    }
    if (!feed->is_known) {
        feed->is_known = true;
        if (feed->hooks.on_open != NULL)
            feed->hooks.on_open(page->state, page->chat, page->length, feed->hooks.arg);
    }
    if (is_silent(feed))
        return;
    bool wants_more = take_page(feed, read, page);
    if (is_silent(feed))
        return;
    set_page(feed);
    if (feed->is_paused) {
        if (wants_more)
            set_state(feed, FEED_REPLAYING);
    } else if (wants_more && (read->flush != NULL || feed->reads == NULL)) {
        read_on(feed, read->flush);
        read->flush = NULL; /* it waits for the next one now */
    }
    if (!wants_more && feed->reads == NULL)
        set_state(feed, channel_is_heard(feed->channel) ? FEED_LIVE : FEED_OPENING);
}

static void on_log_page(int status, const struct log_page *page, void *arg)
{
    struct feed_read *read = arg;
    struct feed *feed = read->feed;
    CHECK_MAGIC(feed, FEED_MAGIC);
    take_out(read);
    feed->heard_ms = clock_mono_ms();
    if (status == 0)
        take_answer(feed, read, page); /* else feed_tick asks again */
    flush_part_done(read->flush);
    mem_free(read);
}

struct feed *feed_next(const struct channel *channel, const struct feed *after)
{
    struct feed *feed = after == NULL ? channel->feeds : after->next;
    while (feed != NULL && feed->is_closed)
        feed = feed->next;
    return feed;
}

void feed_heard(struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    if (is_silent(feed))
        return;
    set_state(feed, FEED_REPLAYING);
    if (!feed->is_paused)
        read_on(feed,
                NULL); /* one in flight may have been answered before the subscription was there */
}

void feed_lost(struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    if (is_silent(feed))
        return;
    feed->is_doubted = true;
    set_state(feed, FEED_OPENING);
}

void feed_tick(struct feed *feed, int64_t now_ms)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    int64_t limit_ms = feed->state == FEED_LIVE ? SILENCE_MS : RETRY_MS;
    if (!is_silent(feed) && !feed->is_paused && feed->reads == NULL &&
        now_ms - feed->heard_ms >= limit_ms)
        read_on(feed, NULL);
}

bool feed_flush(struct feed *feed, struct flush *flush)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    if (is_silent(feed) || feed->is_paused)
        return false;
    read_on(feed, flush);
    return true;
}

void feed_cancel_paused(struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    if (!is_silent(feed) && feed->is_paused)
        end(feed, -ERR_CANCELLED);
}

struct feed *feed_open(struct hub *hub, const char *tenant, const char *generation, int64_t after,
                       const struct feed_hooks *hooks)
{
    struct feed *feed = MEM_NEW(struct feed);
    CHECK(after >= 0);
    *feed = (struct feed){.magic = FEED_MAGIC,
                          .hub = hub,
                          .hooks = *hooks,
                          .seq = after,
                          .heard_ms = clock_mono_ms(),
                          .page = LIMIT_READ_PAGE};
    feed->channel = channel_join(hub, tenant, generation);
    feed->next = feed->channel->feeds;
    if (feed->next != NULL)
        feed->next->prev = feed;
    feed->channel->feeds = feed;
    metric_add(METRIC_READERS, 1);
    if (channel_is_heard(feed->channel))
        replay(feed);
    return feed;
}

static void release(void *arg)
{
    struct feed *feed = arg;
    struct channel *channel = feed->channel;
    CHECK_MAGIC(feed, FEED_MAGIC);
    *(feed->prev == NULL ? &channel->feeds : &feed->prev->next) = feed->next;
    if (feed->next != NULL)
        feed->next->prev = feed->prev;
    feed->magic = 0;
    mem_free(feed);
    if (channel->feeds == NULL)
        channel_empty(channel);
}

void feed_close(struct feed *feed)
{
    if (feed == NULL)
        return;
    CHECK_MAGIC(feed, FEED_MAGIC);
    CHECK(!feed->is_closed);
    feed->is_closed = true;
    drop_reads(feed);
    metric_add(METRIC_READERS, -1);
    channel_left(feed->channel);
    loop_defer(feed->hub->loop, release, feed);
}

void feed_pause(struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    feed->is_paused = true;
}

void feed_resume(struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    feed->is_paused = false;
    if (feed->state == FEED_REPLAYING)
        replay(feed);
}

int64_t feed_seq(const struct feed *feed)
{
    CHECK_MAGIC(feed, FEED_MAGIC);
    return feed->seq;
}
