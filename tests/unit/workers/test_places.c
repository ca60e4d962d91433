/* Places at the models: the limit holds, the line keeps its order, each model has its own. */
#include "stream/places.h"

#include "worker_test.h"

enum { RUNS = 6 };

struct runner {
    struct place place;
    int order; /* when it was served; 0: not yet */
    bool gives_at_once;
};

static struct runner runners[RUNS];
static int served;
static char first[] = "first", second[] = "second";
static struct conf_model models[] = {{.name = first, .concurrency = 2},
                                     {.name = second, .concurrency = 1}};

static void on_place(void *arg)
{
    struct runner *r = arg;
    r->order = ++served;
    if (r->gives_at_once)
        place_give(&r->place);
}

static bool take(struct places *places, int model, int runner)
{
    return place_take(places, &models[model], &runners[runner].place, on_place, &runners[runner]);
}

static int setup(void **state)
{
    memset(runners, 0, sizeof runners);
    served = 0;
    *state = places_new();
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < RUNS; i++)
        place_drop(&runners[i].place);
    places_free(*state);
    return 0;
}

static void the_limit_holds_and_the_line_keeps_its_order(void **state)
{
    struct places *places = *state;
    assert_true(take(places, 0, 0));
    assert_true(take(places, 0, 1));
    assert_false(take(places, 0, 2));
    assert_false(take(places, 0, 3));
    assert_true(take(places, 1, 4)); /* another model */
    assert_false(take(places, 1, 5));
    place_give(&runners[0].place);
    place_give(&runners[0].place); /* again does nothing */
    assert_int_equal(runners[2].order, 1);
    assert_int_equal(runners[3].order, 0);
    place_give(&runners[2].place);
    assert_int_equal(runners[3].order, 2);
    assert_int_equal(runners[5].order, 0);
}

static void who_leaves_the_line_is_not_served(void **state)
{
    struct places *places = *state;
    assert_true(take(places, 1, 0));
    assert_false(take(places, 1, 1));
    assert_false(take(places, 1, 2));
    place_give(&runners[1].place);
    assert_int_equal(served, 0);
    place_give(&runners[0].place);
    assert_int_equal(runners[1].order, 0);
    assert_int_equal(runners[2].order, 1);
}

static void a_line_of_those_who_fail_at_once_is_served_whole(void **state)
{
    struct places *places = *state;
    assert_true(take(places, 1, 0));
    for (int i = 1; i < RUNS; i++) {
        runners[i].gives_at_once = true;
        assert_false(take(places, 1, i));
    }
    place_give(&runners[0].place);
    assert_int_equal(served, RUNS - 1);
    for (int i = 1; i < RUNS; i++)
        assert_int_equal(runners[i].order, i);
    assert_true(take(places, 1, 0));
}

static void dropping_serves_nobody(void **state)
{
    struct places *places = *state;
    assert_true(take(places, 1, 0));
    assert_false(take(places, 1, 1));
    place_drop(&runners[0].place);
    assert_int_equal(served, 0);
}

/* A reload may change a model's concurrency: the next who comes brings the new limit. */
static void the_limit_may_change(void **state)
{
    struct places *places = *state;
    assert_true(take(places, 1, 0));
    assert_false(take(places, 1, 1));
    models[1].concurrency = 3;
    assert_false(take(places, 1, 2)); /* behind those who wait */
    place_give(&runners[0].place);
    assert_int_equal(served, 2);
    models[1].concurrency = 1;
    assert_false(take(places, 1, 3));
    place_give(&runners[1].place);
    assert_int_equal(served, 2); /* one is held still */
    place_give(&runners[2].place);
    assert_int_equal(served, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_limit_holds_and_the_line_keeps_its_order),
        TEST(who_leaves_the_line_is_not_served),
        TEST(a_line_of_those_who_fail_at_once_is_served_whole),
        TEST(dropping_serves_nobody),
        TEST(the_limit_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
