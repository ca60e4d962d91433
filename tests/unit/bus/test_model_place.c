/* Places at models: as many as the limit says, each holder once, told when one comes free. */
#include "bus/bus_fixture.h"

#include "bus/model_place.h"

static void on_place(int status, bool is_held, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->was_found = is_held;
}

static bool take(struct house *h, const char *model, const char *holder, int64_t limit)
{
    h->came = false;
    model_place_take(h->bus, model, holder, limit, on_place, h);
    assert_false(h->came);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->was_found;
}

static void places_are_counted_for_each_model(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    assert_true(take(h, "m", "1.a", 2));
    assert_true(take(h, "m", "1.a", 2));
    assert_true(take(h, "m", "1.b", 2));
    assert_false(take(h, "m", "1.c", 2));
    assert_true(take(h, "n", "1.c", 2));
    model_place_give(h->bus, "m", "1.a");
    model_place_give(h->bus, "m", "nobody");
    assert_true(take(h, "m", "1.c", 2));
}

static void a_renewal_counts_again_what_was_lost(void **state)
{
    const struct model_holder holders[] = {{"m", "1.a"}, {"n", "1.b"}, {"m", "1.c"}};
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    model_place_renew(h->bus, holders, 3);
    model_place_renew(h->bus, holders, 0);
    assert_false(take(h, "m", "1.d", 2));
    assert_true(take(h, "n", "1.d", 2));
    assert_int_equal(redis_number(&h->redis, "ZCARD sluice:{s00}:places:m"), 2);
}

static void on_free(struct span model, void *arg)
{
    struct house *h = arg;
    keep_text(h->text, sizeof h->text, model);
    h->came = true;
}

static bool is_heard(void *arg)
{
    struct house *h = arg;
    return strstr(redis_say(&h->redis, "PUBSUB NUMSUB sluice:{s00}:places"), ":1") != NULL;
}

static void who_was_refused_is_told(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct place_watch *watch = place_watch_new(h->bus, h->loop, on_free, h);
    assert_true(run_until(h->loop, is_heard, h));
    assert_true(take(h, "m", "1.a", 1));
    assert_false(take(h, "m", "1.b", 1));
    h->came = false;
    model_place_give(h->bus, "m", "1.a");
    house_wait(h);
    assert_string_equal(h->text, "m");
    place_watch_free(watch);
    place_watch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(places_are_counted_for_each_model, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_renewal_counts_again_what_was_lost, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(who_was_refused_is_told, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
