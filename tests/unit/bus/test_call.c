/* Calls against a Redis that forgets its scripts, breaks connections, dies, freezes or is full: one
 * answer each, as bus.h says. */
#include "bus/bus_fixture.h"

#include "base/metric.h"

static void scripts_are_loaded_again(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g");
    if (h->bus == NULL)
        skip();
    assert_string_equal(redis_say(&h->redis, "SCRIPT FLUSH"), "+OK\r\n");
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    assert_true(house_claim(h));
    assert_string_equal(redis_say(&h->redis, "FUNCTION FLUSH"), "+OK\r\n");
    assert_int_equal(house_append(h, "g", "", 2, 1), APPEND_OK);
    assert_string_equal(redis_say(&h->redis, "SCRIPT FLUSH"), "+OK\r\n");
    assert_int_equal(house_finish(h, "g", "done", 2), FINISH_MINE);
}

static void on_record_read(int status, const struct field *fields, size_t count, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    keep_text(h->text, sizeof h->text, field_find(fields, count, "state"));
}

static void a_broken_connection_is_not_seen(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g");
    if (h->bus == NULL)
        skip();
    int64_t before = metric_get(METRIC_REDIS_RECONNECTS);
    (void)house_begin(h, &begin);
    for (int i = 0; i < 5; i++) {
        h->came = false;
        turn_read_record(h->bus, "default", "g", on_record_read, h);
        (void)redis_say(&h->redis, "CLIENT KILL TYPE normal");
        house_wait(h);
        assert_int_equal(h->status, 0);
        assert_string_equal(h->text, "queued");
    }
    assert_true(metric_get(METRIC_REDIS_RECONNECTS) > before);
}

static void a_restarted_server_gets_it_again(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g");
    if (h->bus == NULL)
        skip();
    (void)kill(h->redis.pid, SIGSTOP);
    h->came = false;
    turn_begin(h->bus, &begin, on_begun, h);
    begin = usual_begin("other", "other"); /* what it needs was copied */
    run_for(h->loop, 50);
    redis_kill(&h->redis);
    run_for(h->loop, 150);
    redis_start(&h->redis, "--loglevel", "warning");
    house_wait(h);
    assert_int_equal(h->status, 0);
    assert_int_equal(h->begun, BEGIN_QUEUED);
    assert_string_equal(h->generation.text, "g");
    begin = usual_begin("c", "g");
    assert_int_equal(house_begin(h, &begin), BEGIN_REPLAYED);
}

/* The API's 503: within its retry_ms, whether Redis is silent or gone; and later answers to it go
 * nowhere. */
static void patience_has_an_end(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g");
    if (h->bus == NULL)
        skip();
    bus_free(h->bus);
    house_open(h, 300);
    (void)kill(h->redis.pid, SIGSTOP);
    for (int i = 0; i < 2; i++) { /* the second one finds the first still on the wire */
        int64_t start = clock_mono_ms();
        h->came = false;
        turn_begin(h->bus, &begin, on_begun, h);
        house_wait(h);
        assert_int_equal(h->status, -ERR_UNAVAILABLE);
        assert_in_range(clock_mono_ms() - start, 290, 800);
    }
    h->came = false;
    (void)kill(h->redis.pid, SIGCONT);
    run_for(h->loop, 100);
    assert_false(h->came);
    redis_kill(&h->redis);
    h->came = false;
    turn_begin(h->bus, &begin, on_begun, h);
    house_wait(h);
    assert_int_equal(h->status, -ERR_UNAVAILABLE);
}

static void an_append_is_not_repeated(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g");
    if (h->bus == NULL)
        skip();
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    redis_kill(&h->redis);
    run_for(h->loop, 20);
    int64_t start = clock_mono_ms();
    (void)house_append(h, "g", "", 2, 1);
    assert_int_equal(h->status, -ERR_UNAVAILABLE);
    assert_true(clock_mono_ms() - start < 1000);
}

static void full_memory_refuses_begins_and_lets_stops_pass(void **state)
{
    struct house *h = *state;
    struct begin begin = usual_begin("c", "g"), second = usual_begin("c2", "g2");
    if (h->bus == NULL)
        skip();
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    assert_string_equal(redis_say(&h->redis, "CONFIG SET maxmemory 1"), "+OK\r\n");
    h->came = false;
    turn_begin(h->bus, &second, on_begun, h);
    house_wait(h);
    assert_int_equal(h->status, -ERR_UNAVAILABLE);
    assert_int_equal(house_append(h, "g", "", 2, 1), APPEND_FULL);
    assert_int_equal(h->status, 0);
    assert_string_equal(redis_say(&h->redis, "FUNCTION FLUSH"), "+OK\r\n");
    assert_int_equal(house_append(h, "g", "", 2, 1), APPEND_FULL); /* it cannot even be loaded */
    assert_string_equal(house_stop(h, "", "g", "user"), "stopped");
}

static void damaged_keys_are_an_internal_error(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    assert_string_equal(redis_say(&h->redis, "SET sluice:{s00}:gen:default:g x"), "+OK\r\n");
    h->came = false;
    turn_read_record(h->bus, "default", "g", on_record_read, h);
    house_wait(h);
    assert_int_equal(h->status, -ERR_INTERNAL);
}

static void on_free_bus(int status, const struct field *fields, size_t count, void *arg)
{
    struct house *h = arg;
    (void)status, (void)fields, (void)count;
    h->came = true;
    bus_free(h->bus);
    h->bus = NULL;
}

static void callbacks_may_free_the_bus(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    bool other_came = false;
    h->came = false;
    turn_read_record(h->bus, "default", "g", on_free_bus, h);
    turn_read_record(h->bus, "default", "g", on_record_read, h);
    house_wait(h);
    h->came = false;
    run_for(h->loop, 50);
    assert_false(h->came || other_came);
    house_open(h, 100);
    (void)kill(h->redis.pid, SIGSTOP);
    h->came = false;
    turn_read_record(h->bus, "default", "g", on_free_bus, h); /* by the clock this time */
    turn_read_record(h->bus, "default", "g", on_record_read, h);
    house_wait(h);
    h->came = false;
    run_for(h->loop, 50);
    assert_false(h->came);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scripts_are_loaded_again, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_broken_connection_is_not_seen, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_restarted_server_gets_it_again, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(patience_has_an_end, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(an_append_is_not_repeated, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(full_memory_refuses_begins_and_lets_stops_pass, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(damaged_keys_are_an_internal_error, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(callbacks_may_free_the_bus, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
