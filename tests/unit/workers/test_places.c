/* Places at the models, against a private Redis; two `places` are two processes. The limit holds
 * over both, each line keeps its order, and a full model is asked by one of a line at a time. */
#include "model/places.h"

#include "bus/bus_fixture.h"

enum { RUNS = 8, PROCESSES = 2 };

struct runner {
    struct place place;
    int order; /* when it was served; 0: not yet */
    bool gives_at_once;
    char holder[16];
};

static struct runner runners[RUNS];
static int served;
static char first[] = "first", second[] = "second";
static struct conf_model models[] = {{.name = first, .concurrency = 2},
                                     {.name = second, .concurrency = 1}};
static struct places *places[PROCESSES];

static void on_place(void *arg)
{
    struct runner *r = arg;
    r->order = ++served;
    if (r->gives_at_once)
        place_give(&r->place);
}

static void take(int process, int model, int runner)
{
    struct runner *r = &runners[runner];
    int before = r->order;
    place_take(places[process], &models[model], r->holder, &r->place, on_place, r);
    assert_int_equal(r->order, before);
}

static bool are_served(void *arg)
{
    return served >= *(const int *)arg;
}

static void wait_served(struct house *h, int count)
{
    assert_true(run_until(h->loop, are_served, &count));
    assert_int_equal(served, count);
}

static bool is_quiet(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < RUNS; i++)
        if (runners[i].place.state == PLACE_ASKING)
            return false;
    return true;
}

static void wait_quiet(struct house *h)
{
    assert_true(run_until(h->loop, is_quiet, NULL));
}

static int setup(void **state)
{
    int rc = house_setup(state);
    struct house *h = *state;
    memset(runners, 0, sizeof runners);
    served = 0;
    models[0].concurrency = 2;
    models[1].concurrency = 1;
    for (int i = 0; i < RUNS; i++)
        (void)snprintf(runners[i].holder, sizeof runners[i].holder, "1.n%d", i);
    for (size_t i = 0; i < PROCESSES && h->bus != NULL; i++)
        places[i] = places_new(h->bus, h->loop, 10000);
    return rc;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < RUNS; i++)
        place_drop(&runners[i].place);
    for (size_t i = 0; i < PROCESSES; i++) {
        places_free(places[i]);
        places[i] = NULL;
    }
    return house_teardown(state);
}

static void the_limit_holds_and_the_line_keeps_its_order(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    for (int i = 0; i < 5; i++)
        take(0, 0, i);
    take(0, 1, 5); /* another model has its own */
    wait_served(h, 3);
    assert_int_equal(runners[0].order, 1);
    assert_int_equal(runners[1].order, 2);
    assert_int_equal(runners[5].order, 3);
    place_give(&runners[1].place);
    wait_served(h, 4);
    assert_int_equal(runners[2].order, 4);
    place_give(&runners[0].place);
    place_give(&runners[2].place);
    wait_served(h, 6);
    assert_int_equal(runners[3].order, 5);
    assert_int_equal(runners[4].order, 6);
}

static void the_limit_holds_over_processes(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    take(0, 0, 0);
    take(1, 0, 1);
    wait_served(h, 2);
    take(1, 0, 2);
    take(1, 0, 3);
    wait_quiet(h);
    assert_int_equal(served, 2);
    assert_int_equal(redis_number(&h->redis, "ZCARD sluice:{s00}:places:first"), 2);
    place_give(&runners[0].place); /* the other process is told, or asks again */
    wait_served(h, 3);
    assert_int_equal(runners[2].order, 3);
    wait_quiet(h);
    assert_int_equal(served, 3);
}

static void who_leaves_the_line_is_not_served(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    take(0, 1, 0);
    take(0, 1, 1);
    take(0, 1, 2);
    wait_served(h, 1);
    place_give(&runners[1].place);
    place_give(&runners[0].place);
    wait_served(h, 2);
    assert_int_equal(runners[1].order, 0);
    assert_int_equal(runners[2].order, 2);
}

/* Its owner goes while the question is under way: the place is free again. */
static void who_leaves_while_asking_holds_nothing(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    take(0, 1, 0);
    assert_int_equal(runners[0].place.state, PLACE_ASKING);
    place_give(&runners[0].place);
    place_give(&runners[0].place);
    take(0, 1, 1);
    wait_served(h, 1);
    assert_int_equal(runners[1].order, 1);
    place_give(&runners[1].place);
    take(1, 1, 2);
    wait_served(h, 2);
}

static void a_line_of_those_who_fail_at_once_is_served_whole(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    take(0, 1, 0);
    wait_served(h, 1);
    for (int i = 1; i < RUNS; i++) {
        runners[i].gives_at_once = true;
        take(0, 1, i);
    }
    place_give(&runners[0].place);
    wait_served(h, RUNS);
    for (int i = 0; i < RUNS; i++)
        assert_int_equal(runners[i].order, i + 1);
}

/* A reload may change a model's concurrency: the next who comes brings the new limit. */
static void the_limit_may_change(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    take(0, 1, 0);
    take(0, 1, 1);
    wait_served(h, 1);
    models[1].concurrency = 3;
    take(0, 1, 2);
    wait_served(h, 3);
    assert_int_equal(runners[1].order, 2);
    models[1].concurrency = 1;
    take(0, 1, 3);
    place_give(&runners[0].place);
    place_give(&runners[1].place);
    wait_quiet(h);
    assert_int_equal(served, 3); /* one is held still */
    place_give(&runners[2].place);
    wait_served(h, 4);
}

/* A key of another type: the question makes no sense, and the model is asked all the same. */
static void a_damaged_key_stops_nobody(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    (void)redis_say(&h->redis, "SET sluice:{s00}:places:second x");
    take(0, 1, 0);
    take(0, 1, 1);
    wait_served(h, 1);
    place_give(&runners[0].place);
    wait_served(h, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_limit_holds_and_the_line_keeps_its_order),
        TEST(the_limit_holds_over_processes),
        TEST(who_leaves_the_line_is_not_served),
        TEST(who_leaves_while_asking_holds_nothing),
        TEST(a_line_of_those_who_fail_at_once_is_served_whole),
        TEST(the_limit_may_change),
        TEST(a_damaged_key_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
