/* Readers of one generation: every event once and in order, whatever happens to the subscription,
 * to the reader's patience and to the log's tail. */
#include "bus/reader.h"

#include "base/metric.h"

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
    assert_true(run_until(h->loop, all_over, s));
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
    struct reader unknown = {.opens = 0}, gone = {.opens = 0}, at_end = {.opens = 0},
                  whole = {.opens = 0};
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
    assert_true(run_until(h->loop, is_set, &unknown.is_over));
    assert_true(run_until(h->loop, is_set, &gone.is_over));
    assert_true(run_until(h->loop, is_set, &at_end.is_over));
    assert_true(run_until(h->loop, is_set, &whole.is_over));
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
    assert_true(run_until(h->loop, has_opened, &live));
    (void)house_append(h, "g", "", 62, 20);
    assert_true(run_until(h->loop, is_at_70, &live));
    run_for(h->loop, 50);
    assert_int_equal(closes.events, 40);
    assert_int_equal(closes.ends, 0);
    assert_int_equal(live.last, 70);
    assert_int_equal(pauses.last, 30);
    feed_resume(pauses.feed);
    (void)house_append(h, "g", "", 82, 1);
    assert_true(run_until(h->loop, is_at_70, &pauses));
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
    event_put_piece(
        &b, seq,
        &(struct piece){
            .kind = EVENT_DELTA, .text = SPAN_LIT("x"), .node = SPAN_NONE, .signature = SPAN_NONE});
    plain(h, "RPUSH", key_live("default", generation, h->token).text, buf_as_span(&b));
    buf_release(&b);
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
    assert_true(run_until(h->loop, has_opened, &r));
    run_for(h->loop, 20);
    push_silently(h, "g", 2);
    assert_int_equal(house_append(h, "g", "", 3, 1), APPEND_OK);
    run_for(h->loop, 20);
    assert_int_equal(r.last, 3);
    push_silently(h, "g", 4);
    run_for(h->loop, 50);
    assert_int_equal(r.last, 3);
    clock_fake(clock_mono_us() + 11 * 1000 * 1000, clock_wall_ms());
    assert_true(run_until(h->loop, is_at_4, &r));
    clock_real();
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    push_silently(h, "g", 5);
    assert_true(run_until(h->loop, is_at_5, &r)); /* once it is heard again */
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
    assert_true(run_until(h->loop, has_opened, &r));
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
    assert_true(run_until(h->loop, is_at_4, &r));
    assert_true(run_until(h->loop, is_at_4, &early));
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
    assert_true(run_until(h->loop, has_opened, &r));
    run_for(h->loop, 20);
    assert_int_equal(r.last, 21);
    plain(h, "RPOP", key_live("default", "g", h->token).text, SPAN_LIT("5"));
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    assert_true(run_until(h->loop, has_rewound, &r));
    assert_int_equal(r.rewound, 0);
    run_for(h->loop, 50);
    assert_int_equal(r.last, 16);
    (void)house_append(h, "g", "", 17, 2);
    run_for(h->loop, 50);
    assert_int_equal(r.last, 18);
    /* the tail goes again, and this time the log ends before it is as long: the terminal event
     * reaches the reader all the same */
    plain(h, "RPOP", key_live("default", "g", h->token).text, SPAN_LIT("10"));
    (void)house_finish(h, "g", "failed", 8);
    assert_true(run_until(h->loop, is_set, &r.is_over));
    assert_int_equal(r.last, 9);
    assert_true(r.has_terminal);
    read_from(&late, hub, h, "g", 15);
    assert_true(run_until(h->loop, is_set, &late.is_over));
    assert_int_equal(late.rewound, 0);
    assert_int_equal(late.last, 9);
    assert_int_equal(late.status, 0);
    assert_true(metric_get(METRIC_READER_REWOUND) >= before + 3);
    feed_close(r.feed);
    feed_close(late.feed);
    hub_free(hub);
}

/* The tail is lost, and before the reader looks again the log has grown anew, shorter than before,
 * as long, or longer: what stands there is of another run. */
static void a_tail_that_grew_anew_is_told(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    for (int64_t length = 19; length <= 25; length += 2) {
        struct hub *hub = hub_up(h);
        struct reader r = {.opens = 0};
        char generation[8];
        (void)snprintf(generation, sizeof generation, "g%d", (int)length);
        running(h, generation, generation);
        (void)house_append(h, generation, "", 2, 20);
        read_from(&r, hub, h, generation, 0);
        assert_true(run_until(h->loop, has_opened, &r));
        run_for(h->loop, 20);
        assert_int_equal(r.last, 21);
        plain(h, "RPOP", key_live("default", generation, h->token).text, SPAN_LIT("5"));
        for (int64_t seq = 17; seq <= length; seq++)
            push_silently(h, generation, seq);
        (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
        assert_true(run_until(h->loop, has_rewound, &r));
        assert_int_equal(r.rewound, 0);
        run_for(h->loop, 50);
        assert_int_equal(r.last, length);
        assert_int_equal(house_append(h, generation, "", length + 1, 1), APPEND_OK);
        run_for(h->loop, 50);
        assert_int_equal(r.last, length + 1);
        assert_int_equal(r.rewinds, 1);
        (void)redis_say(&h->redis, "DEL sluice:{s00}:gen:default:%s", generation);
        (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
        assert_true(run_until(h->loop, is_set, &r.is_over));
        assert_int_equal(r.status, -ERR_GONE);
        assert_int_equal(r.rewinds, 2); /* the same id may begin anew */
        feed_close(r.feed);
        hub_free(hub);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_once_and_in_order, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(hooks_may_close_and_pause, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_jump_and_silence_make_it_read, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_reader_waits_for_redis, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_lost_tail_is_told, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_tail_that_grew_anew_is_told, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
