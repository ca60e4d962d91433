/* Readers of one generation: every event once and in order, whatever happens to the subscription, to the reader's patience and to the log's tail. */
#include "bus/bus_fixture.h"

#include "base/metric.h"

struct reader {
    struct house *house;
    struct feed *feed;
    int64_t last, rewound, length;
    int opens, ends, events, rewinds, status;
    char state[32], chat[64];
    bool has_terminal, is_over;
    int64_t close_at, pause_at; /* in its own hook; 0: never */
};

static void on_event(struct span event, int64_t seq, bool is_terminal, void *arg)
{
    struct reader *r = arg;
    struct event_view view;
    assert_int_equal(r->opens, 1);
    assert_int_equal(r->ends, 0);
    assert_int_equal(seq, r->last + 1);
    assert_int_equal(event_open(event, &view), 0);
    assert_int_equal(view.seq, seq);
    event_close(&view);
    r->last = seq;
    r->events++;
    r->has_terminal = is_terminal;
    if (seq == r->close_at) {
        feed_close(r->feed);
        r->feed = NULL;
    } else if (seq == r->pause_at) {
        feed_pause(r->feed);
    }
}

static void on_rewound(int64_t after, void *arg)
{
    struct reader *r = arg;
    assert_true(after < r->last);
    r->rewinds++;
    r->last = r->rewound = after;
}

static void on_end(int status, void *arg)
{
    struct reader *r = arg;
    r->ends++;
    r->status = status;
    r->is_over = true;
}

static void on_open(struct span state, struct span chat, int64_t length, void *arg)
{
    struct reader *r = arg;
    r->opens++;
    r->length = length;
    keep_text(r->state, sizeof r->state, state);
    keep_text(r->chat, sizeof r->chat, chat);
}

static void read_from(struct reader *r, struct hub *hub, struct house *h, const char *generation, int64_t after)
{
    r->house = h;
    r->last = after;
    r->feed = feed_open(hub, "default", generation, after, &(struct feed_hooks){on_event, on_rewound, on_end, on_open, r});
    assert_int_equal(r->opens + r->ends + r->events, 0);
}

static void running(struct house *h, const char *chat, const char *generation)
{
    struct begin begin = usual_begin(chat, generation);
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    assert_true(house_claim(h));
}

static struct hub *hub_up(struct house *h)
{
    struct hub *hub = hub_new(h->bus, h->loop);
    for (int i = 0; i < 500 && !hub_is_up(hub); i++)
        run_for(h->loop, 2);
    assert_true(hub_is_up(hub));
    return hub;
}

static bool has_opened(void *arg)
{
    return ((struct reader *)arg)->opens == 1;
}

/* A thousand events by a writer that never waits for anybody. */

enum { EVENTS = 1000, READERS = 12 };

struct storm {
    struct house *house;
    struct hub *hub;
    struct timer timer;
    struct reader readers[READERS];
    int64_t next;
    int turns, kills;
};

static unsigned dice(unsigned sides)
{
    return (unsigned)random() % sides;
}

static void on_storm(void *arg)
{
    struct storm *s = arg;
    struct reader *r = &s->readers[dice(READERS)];
    s->turns++;
    if (s->turns % 120 == 0) {
        (void)redis_say(&s->house->redis, "CLIENT KILL TYPE pubsub");
        s->kills++;
    }
    if (r->feed == NULL && r->ends == 0)
        read_from(r, s->hub, s->house, "g", 0); /* a late joiner */
    else if (dice(3) == 0 && r->feed != NULL)
        feed_pause(r->feed);
    else if (r->feed != NULL)
        feed_resume(r->feed);
    timer_start(&s->timer, 1);
}

static bool all_over(void *arg)
{
    struct storm *s = arg;
    for (int i = 0; i < READERS; i++)
        if (!s->readers[i].is_over)
            return false;
    return true;
}

static void every_event_once_and_in_order(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    srandom(7);
    struct storm *s = MEM_NEW(struct storm);
    s->house = h;
    s->hub = hub_up(h);
    running(h, "c", "g");
    for (int i = 0; i < READERS / 2; i++)
        read_from(&s->readers[i], s->hub, h, "g", 0);
    timer_init(&s->timer, h->loop, on_storm, s);
    timer_start(&s->timer, 0);
    for (s->next = 2; s->next <= EVENTS;) {
        size_t count = 1 + dice(3);
        assert_int_equal(house_append(h, "g", "", s->next, count), APPEND_OK);
        s->next += (int64_t)count;
    }
    assert_int_equal(house_finish(h, "g", "done", s->next - 1), FINISH_MINE);
    assert_true(run_until(h->loop, all_over, s, 12000));
    timer_release(&s->timer);
    assert_true(s->kills >= 2);
    for (int i = 0; i < READERS; i++) {
        struct reader *r = &s->readers[i];
        assert_int_equal(r->events, s->next);
        assert_int_equal(r->last, s->next);
        assert_true(r->has_terminal);
        assert_int_equal(r->status, 0);
        assert_int_equal(r->ends, 1);
        assert_int_equal(r->rewinds, 0);
        assert_int_equal(feed_seq(r->feed), s->next);
        feed_close(r->feed);
    }
    hub_free(s->hub);
    mem_free(s);
}

/* Beginnings and ends. */

static void what_is_not_there(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader unknown = {.opens = 0}, gone = {.opens = 0}, at_end = {.opens = 0}, whole = {.opens = 0};
    int64_t before = metric_get(METRIC_READERS);
    running(h, "c", "g");
    (void)house_append(h, "g", "", 2, 5);
    (void)house_finish(h, "g", "done", 6);
    running(h, "d", "lost");
    (void)house_finish(h, "lost", "failed", 1);
    (void)redis_say(&h->redis, "DEL sluice:{s00}:log:default:lost");
    read_from(&unknown, hub, h, "nobody", 0);
    read_from(&gone, hub, h, "lost", 0);
    read_from(&at_end, hub, h, "g", 7);
    read_from(&whole, hub, h, "g", 3);
    assert_int_equal(metric_get(METRIC_READERS), before + 4);
    assert_true(run_until(h->loop, is_set, &unknown.is_over, 2000));
    assert_true(run_until(h->loop, is_set, &gone.is_over, 2000));
    assert_true(run_until(h->loop, is_set, &at_end.is_over, 2000));
    assert_true(run_until(h->loop, is_set, &whole.is_over, 2000));
    assert_int_equal(unknown.status, -ERR_NOT_FOUND);
    assert_int_equal(gone.status, -ERR_GONE);
    assert_int_equal(gone.opens + gone.events + unknown.opens, 0);
    assert_int_equal(at_end.status, 0);
    assert_int_equal(at_end.events, 0);
    assert_string_equal(at_end.state, "done");
    assert_string_equal(at_end.chat, "c");
    assert_int_equal(at_end.length, 7);
    assert_int_equal(whole.events, 4);
    assert_true(whole.has_terminal);
    feed_close(unknown.feed);
    feed_close(gone.feed);
    feed_close(at_end.feed);
    feed_close(whole.feed);
    assert_int_equal(metric_get(METRIC_READERS), before);
    hub_free(hub);
}

static bool is_at_70(void *arg)
{
    return ((struct reader *)arg)->last >= 70;
}

static void hooks_may_close_and_pause(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader closes = {.close_at = 40}, pauses = {.pause_at = 30}, live = {.close_at = 70};
    running(h, "c", "g");
    (void)house_append(h, "g", "", 2, 60);
    read_from(&closes, hub, h, "g", 0);
    read_from(&pauses, hub, h, "g", 10);
    read_from(&live, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &live, 1000));
    (void)house_append(h, "g", "", 62, 20);
    assert_true(run_until(h->loop, is_at_70, &live, 1000));
    run_for(h->loop, 50);
    assert_int_equal(closes.events, 40);
    assert_int_equal(closes.ends, 0);
    assert_int_equal(live.last, 70);
    assert_int_equal(pauses.last, 30);
    feed_resume(pauses.feed);
    (void)house_append(h, "g", "", 82, 1);
    assert_true(run_until(h->loop, is_at_70, &pauses, 1000));
    run_for(h->loop, 50);
    assert_int_equal(pauses.last, 82);
    feed_close(pauses.feed);
    hub_free(hub);
}

/* What pub/sub loses without a word. */

static void plain(struct house *h, const char *verb, const char *key, struct span value)
{
    const struct span argv[] = {span_of(verb), span_of(key), value};
    link_command(bus_link(h->bus), 3, argv, 0, NULL, NULL);
}

static void push_silently(struct house *h, const char *generation, int64_t seq)
{
    struct buf b;
    buf_init(&b, 1000);
    event_put_piece(&b, seq, &(struct piece){.kind = EVENT_DELTA, .text = SPAN_LIT("x"), .node = SPAN_NONE, .signature = SPAN_NONE});
    plain(h, "RPUSH", key_live("default", generation, h->token).text, buf_as_span(&b));
    buf_release(&b);
}

static bool is_at_4(void *arg)
{
    return ((struct reader *)arg)->last >= 4;
}

static bool is_at_5(void *arg)
{
    return ((struct reader *)arg)->last >= 5;
}

static void a_jump_and_silence_make_it_read(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0};
    running(h, "c", "g");
    read_from(&r, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &r, 1000));
    run_for(h->loop, 20);
    push_silently(h, "g", 2);
    assert_int_equal(house_append(h, "g", "", 3, 1), APPEND_OK);
    run_for(h->loop, 20);
    assert_int_equal(r.last, 3);
    push_silently(h, "g", 4);
    run_for(h->loop, 50);
    assert_int_equal(r.last, 3);
    clock_fake(clock_mono_us() + 11 * 1000 * 1000, clock_wall_ms());
    assert_true(run_until(h->loop, is_at_4, &r, 5000));
    clock_real();
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    push_silently(h, "g", 5);
    assert_true(run_until(h->loop, is_at_5, &r, 850)); /* as soon as it is heard again; a retry would be later */
    feed_close(r.feed);
    hub_free(hub);
}

static void a_reader_waits_for_redis(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0}, early = {.opens = 0};
    running(h, "c", "g");
    read_from(&r, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &r, 1000));
    redis_kill(&h->redis);
    run_for(h->loop, 100);
    read_from(&early, hub, h, "g", 0); /* opened while it is away */
    run_for(h->loop, 300);
    assert_int_equal(r.ends + early.ends + early.opens, 0);
    redis_start(&h->redis, "--loglevel", "warning");
    assert_int_equal(house_append(h, "g", "", 2, 3) == APPEND_OK || h->status != 0, true);
    for (int i = 0; i < 100 && h->status != 0; i++) {
        run_for(h->loop, 50);
        (void)house_append(h, "g", "", 2, 3);
    }
    assert_true(run_until(h->loop, is_at_4, &r, 6000));
    assert_true(run_until(h->loop, is_at_4, &early, 6000));
    feed_close(r.feed);
    feed_close(early.feed);
    hub_free(hub);
}

static bool has_rewound(void *arg)
{
    return ((struct reader *)arg)->rewinds > 0;
}

static void a_lost_tail_is_told(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0}, late = {.opens = 0};
    int64_t before = metric_get(METRIC_READER_REWOUND);
    running(h, "c", "g");
    (void)house_append(h, "g", "", 2, 20);
    read_from(&r, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &r, 1000));
    run_for(h->loop, 20);
    assert_int_equal(r.last, 21);
    plain(h, "RPOP", key_live("default", "g", h->token).text, SPAN_LIT("5"));
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    assert_true(run_until(h->loop, has_rewound, &r, 3000));
    assert_int_equal(r.rewound, 16);
    (void)house_append(h, "g", "", 17, 2);
    run_for(h->loop, 50);
    assert_int_equal(r.last, 18);
    /* the tail goes again, and this time the log ends before it is as long: the terminal event reaches the reader all the same */
    plain(h, "RPOP", key_live("default", "g", h->token).text, SPAN_LIT("10"));
    (void)house_finish(h, "g", "failed", 8);
    assert_true(run_until(h->loop, is_set, &r.is_over, 3000));
    assert_int_equal(r.last, 9);
    assert_true(r.has_terminal);
    read_from(&late, hub, h, "g", 15);
    assert_true(run_until(h->loop, is_set, &late.is_over, 3000));
    assert_int_equal(late.rewound, 8);
    assert_int_equal(late.last, 9);
    assert_int_equal(late.status, 0);
    assert_true(metric_get(METRIC_READER_REWOUND) >= before + 3);
    feed_close(r.feed);
    feed_close(late.feed);
    hub_free(hub);
}

/* Stop and flush. */

struct flushed {
    struct reader *reader;
    bool came, was_over;
};

static void on_flushed(void *arg)
{
    struct flushed *f = arg;
    f->came = true;
    f->was_over = f->reader == NULL || f->reader->is_over;
}

static void a_flush_brings_the_end(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0}, paused = {.opens = 0}, closed = {.opens = 0};
    struct flushed f = {&r, false, false}, nobody = {NULL, false, false};
    running(h, "c", "g");
    for (int i = 0; i < 10; i++) /* more than a page */
        (void)house_append(h, "g", "", 2 + i * 60, 60);
    read_from(&r, hub, h, "g", 0);
    read_from(&paused, hub, h, "g", 0);
    read_from(&closed, hub, h, "g", 0);
    feed_pause(paused.feed);
    run_for(h->loop, 5);
    (void)redis_say(&h->redis, "ACL SETUSER default -subscribe"); /* from the log alone */
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    h->came = false;
    stop_request(h->bus, &(struct stop){"default", "c", "g", "user", "t", -1, false}, on_stopped, h);
    hub_flush(hub, "default", "g", on_flushed, &f);
    hub_flush(hub, "default", "nobody", on_flushed, &nobody);
    assert_false(f.came || nobody.came);
    feed_close(closed.feed);
    assert_true(run_until(h->loop, is_set, &f.came, 2000));
    assert_true(h->came && nobody.came);
    assert_string_equal(h->text, "stopped");
    assert_true(f.was_over);
    assert_int_equal(r.last, 602);
    assert_true(r.has_terminal);
    assert_int_equal(paused.status, -ERR_CANCELLED);
    assert_false(hub_is_up(hub));
    feed_close(r.feed);
    feed_close(paused.feed);
    f.came = false;
    hub_flush(hub, "default", "g", on_flushed, &f);
    hub_free(hub); /* silence */
    run_for(h->loop, 20);
    assert_false(f.came);
}

static int64_t score(struct house *h)
{
    struct span rest = span_of(redis_say(&h->redis, "ZSCORE sluice:{s00}:watch default:g"));
    int64_t n = 0;
    (void)span_cut(&rest, '\n');
    return num_parse_i64(span_cut(&rest, '\r'), &n) == 0 ? n : -1;
}

struct lease_seen {
    struct house *house;
    int64_t score;
};

static bool is_pushed(void *arg)
{
    struct lease_seen *seen = arg;
    return score(seen->house) > seen->score;
}

static void being_read_is_a_lease(void **state)
{
    enum { GRACE_MS = 1000 };
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0}, second = {.opens = 0};
    struct begin begin = usual_begin("c", "g");
    begin.grace_ms = GRACE_MS;
    (void)house_begin(h, &begin);
    struct lease_seen seen = {h, score(h)};
    assert_true(seen.score > 0);
    hub_watch(hub, "default", "g", GRACE_MS); /* nobody reads: nothing */
    run_for(h->loop, 50);
    assert_int_equal(score(h), seen.score);
    read_from(&r, hub, h, "g", 0);
    read_from(&second, hub, h, "g", 0);
    hub_watch(hub, "default", "g", GRACE_MS);
    for (int i = 0; i < 3; i++) {
        assert_true(run_until(h->loop, is_pushed, &seen, 900));
        seen.score = score(h);
        if (i == 1) {
            feed_close(second.feed);
            second.feed = NULL;
        }
    }
    run_for(h->loop, 300);
    feed_close(r.feed);
    run_for(h->loop, 50);
    assert_in_range(score(h) - seen.score, 250, GRACE_MS); /* the grace begins with the leaving */
    seen.score = score(h);
    run_for(h->loop, 700);
    assert_int_equal(score(h), seen.score);
    hub_free(hub);
}

/* A message that overtakes the answer to a read brings an event that is in the page as well. The command link is held up by a BLPOP; the append
 * comes from another process's link. */
static void a_message_overtakes_a_page(void **state)
{
    const struct span hold[] = {SPAN_LIT("BLPOP"), SPAN_LIT("nothing"), SPAN_LIT("0.2")};
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0};
    struct flushed f = {NULL, false, false};
    struct bus *reading = h->bus;
    running(h, "c", "g");
    read_from(&r, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &r, 1000));
    run_for(h->loop, 20);
    h->is_up = false;
    house_open(h, 5000);
    link_command(bus_link(reading), 3, hold, 0, NULL, NULL);
    hub_flush(hub, "default", "g", on_flushed, &f);
    assert_int_equal(house_append(h, "g", "", 2, 3), APPEND_OK);
    assert_true(run_until(h->loop, is_at_4, &r, 1000));
    assert_false(f.came);
    assert_true(run_until(h->loop, is_set, &f.came, 1000));
    assert_int_equal(r.events, 4);
    feed_close(r.feed);
    hub_free(hub);
    bus_free(reading);
}

/* A flush, right behind an append, has it. */
static void a_flush_has_what_was_before_it(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0};
    struct flushed f = {NULL, false, false};
    running(h, "c", "g");
    read_from(&r, hub, h, "g", 0);
    for (int64_t seq = 2; seq < 100; seq++) {
        struct buf b;
        buf_init(&b, 1000);
        event_put_piece(&b, seq, &(struct piece){.kind = EVENT_DELTA, .text = SPAN_LIT("x"), .node = SPAN_NONE, .signature = SPAN_NONE});
        struct span event = buf_as_span(&b);
        f.came = false;
        log_append(h->bus, &(struct append){"default", "g", h->token, "", seq, false, &event, 1}, on_appended, h);
        hub_flush(hub, "default", "g", on_flushed, &f);
        buf_release(&b);
        assert_true(run_until(h->loop, is_set, &f.came, 1000));
        assert_int_equal(r.last, seq);
    }
    feed_close(r.feed);
    hub_free(hub);
}

/* Channels come and go faster than they are confirmed. */
static void joining_and_leaving(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct hub *hub = hub_up(h);
    struct reader r = {.opens = 0};
    running(h, "c", "g");
    for (int i = 0; i < 200; i++) {
        struct reader brief = {.opens = 0};
        read_from(&brief, hub, h, "g", 0);
        run_for(h->loop, dice(3));
        feed_close(brief.feed);
        run_for(h->loop, dice(2));
        if (i % 50 == 25)
            (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    }
    read_from(&r, hub, h, "g", 0);
    assert_true(run_until(h->loop, has_opened, &r, 3000));
    assert_int_equal(house_append(h, "g", "", 2, 3), APPEND_OK);
    assert_true(run_until(h->loop, is_at_4, &r, 3000));
    feed_close(r.feed);
    for (int i = 0; i < 200 && redis_number(&h->redis, "PUBLISH sluice:{s00}:events:default:g x") != 0; i++)
        run_for(h->loop, 5);
    assert_int_equal(redis_number(&h->redis, "PUBLISH sluice:{s00}:events:default:g x"), 0); /* it left */
    hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_once_and_in_order, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(hooks_may_close_and_pause, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_jump_and_silence_make_it_read, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_reader_waits_for_redis, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_lost_tail_is_told, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_flush_brings_the_end, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(being_read_is_a_lease, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_message_overtakes_a_page, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_flush_has_what_was_before_it, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(joining_and_leaving, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
