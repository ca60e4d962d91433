/* What an operator sees and does: depths, pauses, who works, what runs, the dead list. */
#include "bus/bus_fixture.h"

#include "bus/operator.h"

static void on_operated(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static int pause_lane(struct house *h, bool is_paused)
{
    h->came = false;
    operator_pause(h->bus, LANE_STREAM_INTERACTIVE, is_paused, on_operated, h);
    house_wait(h);
    return h->status;
}

static void look(struct house *h, on_operator_view on_view)
{
    h->came = false;
    operator_look(h->bus, FIGURES_SLOTS, on_view, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
}

static void on_empty(int status, const struct operator_view *view, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    for (int i = 0; i < LANE_COUNT; i++) {
        assert_int_equal(view->lanes[i].lane, i);
        assert_false(view->lanes[i].is_paused);
        assert_int_equal(view->lanes[i].waiting, 0);
        assert_int_equal(view->lanes[i].oldest_wait_ms, -1);
    }
    assert_int_equal(view->tenant_count + view->worker_count + view->running_count, 0);
    assert_int_equal(view->running_total + view->delayed + view->dead, 0);
}

static void on_busy(int status, const struct operator_view *view, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    const struct operator_lane *lane = &view->lanes[LANE_STREAM_INTERACTIVE];
    assert_true(lane->is_paused);
    assert_int_equal(lane->waiting, 1);
    assert_in_range(lane->oldest_wait_ms, 0, 60000);
    assert_int_equal(view->tenant_count, 1);
    assert_true(span_is(view->tenants[0].name, "default"));
    assert_int_equal(view->tenants[0].queued, 1);
    assert_int_equal(view->tenants[0].running, 1);
    assert_int_equal(view->tenants[0].input_tokens, 1);
    assert_int_equal(view->tenants[0].output_tokens, 2);
    assert_int_equal(view->worker_count, 1);
    assert_true(span_is(view->workers[0].name, "w1") && span_is(view->workers[0].kind, "stream"));
    assert_int_equal(view->workers[0].slots, 256);
    assert_int_equal(view->workers[0].running, 3);
    assert_int_equal(view->running_count, 1);
    assert_int_equal(view->running_total, 1);
    const struct operator_running *running = &view->running[0];
    assert_true(span_is(running->generation, "g2") && span_is(running->chat, "c2"));
    assert_true(span_is(running->lane, "stream.interactive") && span_is(running->owner, "worker"));
    assert_true(running->started_at_ms > 0);
    assert_int_equal(running->first_token_at_ms, -1);
}

static void an_operator_sees_all_at_once(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    look(h, on_empty);
    struct begin done = usual_begin("c1", "g1"), runs = usual_begin("c2", "g2"),
                 waits = usual_begin("c3", "g3");
    (void)house_begin(h, &done);
    (void)house_claim(h);
    (void)house_finish(h, "g1", "done", 1);
    (void)house_begin(h, &runs);
    (void)house_claim(h);
    (void)house_begin(h, &waits);
    queue_announce(h->bus, "w1", "stream", 256, 3);
    assert_int_equal(pause_lane(h, true), 0);
    look(h, on_busy);
}

static void on_figures(int status, const struct operator_view *view, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    const struct figures_view *figures = &view->figures;
    assert_in_range(figures->count, 2, 3);
    assert_int_equal(figures->slots[0].tokens, 7); /* long ago: not recent */
    const struct figures *recent = &figures->recent;
    assert_int_equal(recent->tokens, 40);
    assert_in_range((int64_t)(figures->tokens_per_second * 10), 20, 41); /* over 10 to 15 s */
    assert_int_equal(recent->first_token.count, 20);
    assert_int_equal(recent->first_token.p50_us, metric_bucket_us(100));
    assert_int_equal(recent->first_token.p95_us, metric_bucket_us(120));
    assert_int_equal(recent->stop.count, 0);
    assert_int_equal(recent->ended[FIGURES_FAILED], 1);
    assert_int_equal(recent->ended[FIGURES_DONE], 0);
    assert_int_equal(recent->code_count, 1);
    assert_true(span_is(recent->codes[0].code, "provider_error"));
    assert_int_equal(view->failure_count, 1);
    assert_true(span_is(view->failures[0].generation, "g") &&
                span_is(view->failures[0].state, "failed"));
    assert_int_equal(view->queue_count, 1);
    assert_true(span_is(view->queues[0].lane, "stream.interactive"));
    assert_int_equal(view->queues[0].waiting, 1);
}

static void figures_are_those_of_all_processes(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin fails = usual_begin("c", "g"), waits = usual_begin("c2", "g2");
    (void)house_begin(h, &fails);
    (void)house_claim(h);
    (void)house_finish(h, "g", "failed", 1);
    (void)house_begin(h, &waits);
    int64_t slot = clock_wall_ms() / FIGURES_SLOT_MS;
    const char *key = "sluice:{s00}:figures";
    (void)redis_say(&h->redis, "HSET %s:%lld tokens 7", key, (long long)slot - 100);
    (void)redis_say(&h->redis, "HSET %s:%lld tokens 40 stop:x 1 first_token:900 1 unheard 4", key,
                    (long long)slot);
    (void)redis_say(&h->redis,
                    "HSET %s:%lld first_token:100 18 first_token:120 1 first_token:130 1", key,
                    (long long)slot);
    look(h, on_figures);
}

static void on_told(int status, const struct operator_view *view, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    assert_int_equal(view->figures.recent.tokens, 5);
    assert_int_equal(view->figures.recent.stop.count, 1);
    assert_in_range(view->figures.recent.stop.p50_us, 1750, 2250);
}

static void what_was_counted_is_told_once(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct figures_told told = {.tokens = 0};
    metric_add(METRIC_TOKENS, 5);
    metric_observe_us(METRIC_STOP_SECONDS, 2000);
    figures_report(h->bus, &told);
    figures_report(h->bus, &told);
    h->came = false;
    operator_look(h->bus, FIGURES_RECENT_SLOTS, on_told, h);
    house_wait(h);
}

static void a_paused_lane_is_passed_by(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    assert_int_equal(pause_lane(h, true), 0);
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    assert_false(house_claim(h));
    assert_int_equal(pause_lane(h, false), 0);
    assert_true(house_claim(h));
}

static void on_dead_rows(int status, const struct dead_row *rows, size_t count, bool has_more,
                         void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->length = (int64_t)count;
    h->was_found = has_more;
    if (count == 0)
        return;
    h->generation = id_from(rows[0].generation);
    assert_true(span_is(rows[0].tenant, "default") && span_is(rows[0].lane, "stream.interactive"));
    assert_int_equal(rows[0].crashes, 5);
    keep_text(h->text, sizeof h->text, rows[0].error);
}

static void read_dead(struct house *h, size_t limit, size_t offset)
{
    h->came = false;
    operator_dead(h->bus, limit, offset, on_dead_rows, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
}

static int forget(struct house *h, const char *generation)
{
    h->came = false;
    operator_forget(h->bus, "default", generation, on_operated, h);
    house_wait(h);
    return h->status;
}

static void the_dead_are_listed_until_they_are_forgotten(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    read_dead(h, 10, 0);
    assert_int_equal(h->length, 0);
    for (int i = 1; i <= 2; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "g%d", i);
        (void)redis_say(&h->redis,
                        "HSET sluice:{s00}:gen:default:%s chat c lane stream.interactive crashes 5 "
                        "error {}",
                        id);
        (void)redis_say(&h->redis, "ZADD sluice:{s00}:dead %d default:%s", i, id);
    }
    read_dead(h, 1, 0);
    assert_string_equal(h->generation.text, "g2");
    assert_true(h->was_found);
    read_dead(h, 1, 1);
    assert_string_equal(h->generation.text, "g1");
    assert_false(h->was_found);
    assert_int_equal(forget(h, "g2"), 0);
    assert_int_equal(forget(h, "g2"), -ERR_NOT_FOUND);
    read_dead(h, 10, 0);
    assert_int_equal(h->length, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_operator_sees_all_at_once, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(figures_are_those_of_all_processes, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(what_was_counted_is_told_once, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_paused_lane_is_passed_by, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(the_dead_are_listed_until_they_are_forgotten, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
