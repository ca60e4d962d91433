/* What a worker has of the bus: leases renewed and taken back, the bell, its name in the list. */
#include "bus/bus_fixture.h"

#include "base/metric.h"

enum { LEASES = 2500 }; /* more than one part */

static void on_renewed(int status, const bool *is_held, size_t count, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->length = (int64_t)count;
    h->position = 0;
    for (size_t i = 0; i < count; i++)
        h->position += is_held[i];
}

static void leases_are_renewed_in_parts(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    struct lease *leases = mem_new_array(LEASES, sizeof *leases);
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    for (size_t i = 0; i < LEASES; i++)
        leases[i] = (struct lease){"default", "g", i % 2 == 0 ? h->token : "1.other"};
    h->came = false;
    queue_renew(h->bus, leases, LEASES, on_renewed, h);
    mem_free(leases);
    house_wait(h);
    assert_int_equal(h->status, 0);
    assert_int_equal(h->length, LEASES);
    assert_int_equal(h->position, LEASES / 2);
    h->came = false;
    queue_renew(h->bus, NULL, 0, on_renewed, h);
    house_wait(h);
    assert_int_equal(h->length, 0);
}

static bool is_requeued(void *before)
{
    return metric_get(METRIC_REQUEUED) == *(int64_t *)before + 1;
}

static void the_keeper_takes_back_what_was_lost(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    struct keeper *keeper = keeper_new(h->bus, h->loop, 600000, 86400000);
    run_for(h->loop, 1200); /* the first look after a pause renews all leases */
    int64_t before = metric_get(METRIC_REQUEUED);
    (void)redis_say(&h->redis, "ZADD sluice:{s00}:leases 1 default:g");
    assert_true(run_until(h->loop, is_requeued, &before));
    keeper_free(keeper);
    assert_true(house_claim(h));
}

static void on_bell(void *arg)
{
    ((struct house *)arg)->length++;
}

static bool has_rung(void *arg)
{
    return ((struct house *)arg)->length > 0;
}

static void the_bell_rings_and_polls(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct bell *bell = bell_new(h->bus, h->loop, "stream", on_bell, h);
    h->length = 0;
    run_for(h->loop, 50);
    (void)redis_say(&h->redis, "LPUSH sluice:{s00}:bell:stream.batch 1");
    run_for(h->loop, 50);
    assert_int_equal(h->length, 0); /* nobody listens, nothing is popped */
    assert_int_equal(redis_number(&h->redis, "LLEN sluice:{s00}:bell:stream.batch"), 1);
    bell_listen(bell, true);
    assert_true(run_until(h->loop, has_rung, h));
    h->length = 0;
    assert_true(run_until(h->loop, has_rung, h)); /* the poll */
    h->length = 0;
    (void)redis_say(&h->redis, "LPUSH sluice:{s00}:bell:stream.interactive 1");
    assert_true(run_until(h->loop, has_rung, h));
    redis_kill(&h->redis);
    h->length = 0;
    assert_true(run_until(h->loop, has_rung, h)); /* polls with Redis away, too */
    bell_free(bell);
    queue_announce(h->bus, "w", "stream", 8, 1); /* while it is away: nothing */
}

static bool is_announced(void *arg)
{
    struct house *h = arg;
    return redis_number(&h->redis, "ZCARD sluice:{s00}:workers") == 1;
}

static void workers_are_announced(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    queue_announce(h->bus, "w1", "stream", 256, 3);
    assert_true(run_until(h->loop, is_announced, h));
    assert_string_equal(redis_say(&h->redis, "GET sluice:{s00}:worker:w1"),
                        "$12\r\nstream 256 3\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leases_are_renewed_in_parts, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(the_keeper_takes_back_what_was_lost, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(the_bell_rings_and_polls, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(workers_are_announced, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
