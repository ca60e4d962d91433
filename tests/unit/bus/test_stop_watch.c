/* Stops reach a worker by the flag and by `control`, also with pub/sub blocked, and each only the
 * entry that it names. */
#include "bus/bus_fixture.h"

struct worker {
    struct house *house;
    struct stop_watch *watch;
    int flags, controls;
    bool flagged, ended, remove_on_flag, free_on_control;
};

static void on_flag(void *entry)
{
    struct worker *w = entry;
    w->flags++;
    w->flagged = true;
    if (w->remove_on_flag)
        stop_watch_remove(w->watch, "default", "g", w->house->token);
}

static void on_control(void *entry)
{
    struct worker *w = entry;
    w->controls++;
    w->ended = true;
    if (w->free_on_control) {
        stop_watch_free(w->watch);
        w->watch = NULL;
    }
}

static void watch_one(struct worker *w, struct house *h, const char *flag)
{
    struct begin begin = usual_begin("c", "g");
    *w = (struct worker){
        .house = h, .remove_on_flag = w->remove_on_flag, .free_on_control = w->free_on_control};
    (void)house_begin(h, &begin);
    assert_true(house_claim(h));
    w->watch = stop_watch_new(h->bus, h->loop, 50, &(struct stop_watch_hooks){on_flag, on_control});
    stop_watch_add(w->watch, "default", "g", h->token, flag, w);
}

static bool has_two_flags(void *arg)
{
    return ((struct worker *)arg)->flags >= 2;
}

static bool has_three_flags(void *arg)
{
    return ((struct worker *)arg)->flags >= 3;
}

static void a_flag_is_seen_without_pubsub(void **state)
{
    struct house *h = *state;
    struct worker w = {.flags = 0};
    if (h->bus == NULL)
        skip();
    assert_string_equal(redis_say(&h->redis, "ACL SETUSER default -subscribe"), "+OK\r\n");
    watch_one(&w, h, "chat_stop:c");
    run_for(h->loop, 200);
    assert_int_equal(w.flags + w.controls, 0);
    (void)redis_say(&h->redis, "SET chat_stop:c 1 EX 60");
    assert_true(run_until(h->loop, is_set, &w.flagged));
    run_for(h->loop, 300);
    assert_int_equal(w.flags, 1);
    assert_true(run_until(h->loop, has_two_flags, &w)); /* it is set still */
    (void)redis_say(&h->redis, "DEL chat_stop:c");
    run_for(h->loop, 150);
    (void)redis_say(&h->redis, "SET chat_stop:c 1 EX 60");
    assert_true(run_until(h->loop, has_three_flags, &w)); /* a new one */
    assert_string_equal(house_stop(h, "c", "", "user"), "stopped");
    assert_true(run_until(h->loop, is_set, &w.ended)); /* by its live key */
    run_for(h->loop, 200);
    assert_int_equal(w.controls, 1);
    stop_watch_free(w.watch);
}

static void control_wakes_at_once(void **state)
{
    struct house *h = *state;
    struct worker w = {.flags = 0}, other = {.flags = 0};
    if (h->bus == NULL)
        skip();
    watch_one(&w, h, "");
    stop_watch_add(w.watch, "default", "g", "9.other", "",
                   &other); /* another claim of the same one: ended long ago */
    assert_true(run_until(h->loop, is_set, &other.ended));
    run_for(h->loop, 200);
    stop_watch_remove(w.watch, "default", "g", "9.other");
    assert_int_equal(w.controls, 0);
    (void)redis_say(&h->redis, "PUBLISH sluice:{s00}:control nonsense");
    (void)house_stop(h, "c", "", "user");
    assert_true(run_until(h->loop, is_set,
                          &w.ended)); /* the poll has no doubt about it, so it was `control` */
    run_for(h->loop, 150);
    assert_int_equal(w.controls, 1);
    assert_int_equal(other.controls, 1);
    assert_int_equal(w.flags, 0);
    stop_watch_free(w.watch);
}

static void what_was_told_while_away_is_found(void **state)
{
    struct house *h = *state;
    struct worker w = {.flags = 0};
    if (h->bus == NULL)
        skip();
    watch_one(&w, h, "");
    run_for(h->loop, 200);
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    (void)house_stop(h, "c", "", "user");
    assert_true(run_until(h->loop, is_set, &w.ended));
    stop_watch_free(w.watch);
}

static void what_control_has_said_can_be_looked_at(void **state)
{
    struct house *h = *state;
    struct worker w = {.flags = 0};
    if (h->bus == NULL)
        skip();
    watch_one(&w, h, "");
    run_for(h->loop, 200);
    stop_watch_look(w.watch);
    assert_int_equal(w.controls, 0);
    (void)redis_say(&h->redis, "PUBLISH sluice:{s00}:control \"default g %s\"", h->token);
    assert_int_equal(w.controls, 0);
    for (int i = 0; i < 500 && w.controls == 0; i++) { /* no turn of the loop in between */
        pause_ms(10);                                  /* Redis answers whoever publishes first */
        stop_watch_look(w.watch);
    }
    assert_int_equal(w.controls, 1);
    stop_watch_look(w.watch);
    assert_int_equal(w.controls, 1);
    (void)redis_say(&h->redis, "CLIENT KILL TYPE pubsub");
    stop_watch_look(w.watch); /* that it is closed is the loop's business */
    stop_watch_free(w.watch);
}

static void hooks_may_remove_and_free(void **state)
{
    struct house *h = *state;
    struct worker w = {.remove_on_flag = true};
    if (h->bus == NULL)
        skip();
    watch_one(&w, h, "chat_stop:c");
    (void)redis_say(&h->redis, "SET chat_stop:c 1 EX 60");
    assert_true(run_until(h->loop, is_set, &w.flagged));
    run_for(h->loop, 200);
    assert_int_equal(w.flags, 1);
    stop_watch_remove(w.watch, "default", "g", h->token); /* again: nothing */
    w.free_on_control = true;
    stop_watch_add(w.watch, "default", "g", h->token, "", &w);
    (void)house_stop(h, "", "g", "user");
    assert_true(run_until(h->loop, is_set, &w.ended));
    assert_null(w.watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flag_is_seen_without_pubsub, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(control_wakes_at_once, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_was_told_while_away_is_found, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(what_control_has_said_can_be_looked_at, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(hooks_may_remove_and_free, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
