/* What readers of one process share: the flush behind a stop, the lease of being read, channels
 * that come and go. */
#include "bus/reader.h"

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
    stop_request(h->bus, &(struct stop){"default", "c", "g", "user", "t", -1, false, NULL},
                 on_stopped, h);
    hub_flush(hub, "default", "g", on_flushed, &f);
    hub_flush(hub, "default", "nobody", on_flushed, &nobody);
    assert_false(f.came || nobody.came);
    feed_close(closed.feed);
    assert_true(run_until(h->loop, is_set, &f.came));
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
        assert_true(run_until(h->loop, is_pushed, &seen));
        seen.score = score(h);
        if (i == 1) {
            feed_close(second.feed);
            second.feed = NULL;
        }
    }
    run_for(h->loop, 300);
    feed_close(r.feed);
    run_for(h->loop, 50);
    assert_in_range(score(h) - seen.score, 250,
                    PATIENCE_MS); /* the grace begins with the leaving */
    seen.score = score(h);
    run_for(h->loop, 700);
    assert_int_equal(score(h), seen.score);
    hub_free(hub);
}

/* A message that overtakes the answer to a read brings an event that is in the page as well. The
 * command link is held up by a BLPOP; the append comes from another process's link. */
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
    assert_true(run_until(h->loop, has_opened, &r));
    run_for(h->loop, 20);
    h->is_up = false;
    house_open(h, 5000);
    link_command(bus_link(reading), 3, hold, 0, NULL, NULL);
    hub_flush(hub, "default", "g", on_flushed, &f);
    assert_int_equal(house_append(h, "g", "", 2, 3), APPEND_OK);
    assert_true(run_until(h->loop, is_at_4, &r));
    assert_false(f.came);
    assert_true(run_until(h->loop, is_set, &f.came));
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
        event_put_piece(&b, seq,
                        &(struct piece){.kind = EVENT_DELTA,
                                        .text = SPAN_LIT("x"),
                                        .node = SPAN_NONE,
                                        .signature = SPAN_NONE});
        struct span event = buf_as_span(&b);
        f.came = false;
        log_append(h->bus, &(struct append){"default", "g", h->token, "", seq, false, &event, 1},
                   on_appended, h);
        hub_flush(hub, "default", "g", on_flushed, &f);
        buf_release(&b);
        assert_true(run_until(h->loop, is_set, &f.came));
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
    assert_true(run_until(h->loop, has_opened, &r));
    assert_int_equal(house_append(h, "g", "", 2, 3), APPEND_OK);
    assert_true(run_until(h->loop, is_at_4, &r));
    feed_close(r.feed);
    for (int i = 0;
         i < 200 && redis_number(&h->redis, "PUBLISH sluice:{s00}:events:default:g x") != 0; i++)
        run_for(h->loop, 5);
    assert_int_equal(redis_number(&h->redis, "PUBLISH sluice:{s00}:events:default:g x"),
                     0); /* it left */
    hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flush_brings_the_end, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(being_read_is_a_lease, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_message_overtakes_a_page, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_flush_has_what_was_before_it, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(joining_and_leaving, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
