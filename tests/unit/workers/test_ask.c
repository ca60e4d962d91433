/* One answer of a model: its hooks come in their order and never after its end, it may go in each
 * of them, and it leaves no place behind. */
#include "ask_fixture.h"

static void it_asks_and_hears(void **state)
{
    (void)state;
    assert_null(ask_model(asker.ask));
    start();
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k one two d:stop");
    assert_string_equal(ask_model(asker.ask)->name, "main");
    assert_int_equal(ask_attempt(asker.ask), 1);
    struct usage usage = ask_usage(asker.ask);
    assert_int_equal(usage.source, USAGE_ESTIMATED);
    assert_int_equal(usage.input, 5);
    assert_int_equal(usage.output, 2);
    assert_gone();
}

static void there_must_be_such_a_model(void **state)
{
    (void)state;
    const struct ask_wants wants = {.model = SPAN_LIT("nobody")};
    struct err err;
    assert_int_equal(ask_start(asker.ask, &wants, &err), -ERR_PROVIDER_REFUSED);
    assert_string_equal(err.message, "There is no model \"nobody\" in the worker's configuration.");
    assert_int_equal(ask_usage(asker.ask).source, USAGE_NONE);
}

static void a_failing_model_is_asked_twice_then_the_next(void **state)
{
    (void)state;
    servers[0]->script = broken;
    start();
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k ac:main s k ac:other s k one two d:stop");
    assert_int_equal(servers[0]->requests, 2);
    assert_int_equal(ask_attempt(asker.ask), 3);
    assert_gone();
}

static void a_bound_one_has_no_other(void **state)
{
    (void)state;
    const struct ask_wants wants = {.model = SPAN_LIT("main"), .is_bound = true};
    struct err err;
    servers[0]->script = broken;
    worker.conf.queue_interactive_timeout = 800; /* all its patience */
    assert_int_equal(ask_start(asker.ask, &wants, &err), 0);
    wait_over();
    assert_int_equal(servers[1]->requests, 0);
    assert_int_equal(asker.code, -ERR_PROVIDER_ERROR);
    assert_gone();
}

static void one_that_cannot_do_it_is_no_fallback(void **state)
{
    (void)state;
    const struct ask_wants wants = {.model = SPAN_LIT("main"), .has_tools = true};
    struct err err;
    servers[0]->script = broken;
    worker.conf.queue_interactive_timeout = 800;
    assert_int_equal(ask_start(asker.ask, &wants, &err), 0);
    wait_over();
    assert_int_equal(servers[1]->requests, 0);
}

static void nothing_is_tried_again_once_it_has_spoken(void **state)
{
    static const struct step breaks[] = {SEND(HEAD TEXT("one")), CLOSE, {.kind = STEP_END}};
    (void)state;
    servers[0]->script = breaks;
    start();
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k one f");
    assert_int_equal(ask_usage(asker.ask).output, 1);
    assert_gone();
}

static const struct step much_later[] = {
    SEND(ERROR_HEAD("429 Later") "retry-after-ms: 4000\r\n\r\n{}"), CLOSE, {.kind = STEP_END}};

/* The owner gives its work back, and the next claim goes on from the note. */
static void a_long_wait_may_be_given_up(void **state)
{
    (void)state;
    struct buf note;
    buf_init(&note, 4096);
    assert_false(ask_note(asker.ask, &note)); /* nothing was tried */
    servers[0]->script = much_later;
    start();
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k  w");
    assert_true(asker.wait_ms > 1000 && asker.wait_ms <= 4000);
    assert_true(ask_note(asker.ask, &note));
    ask_cancel(asker.ask);
    ask_free(asker.ask);
    claimed.epoch = 3;
    open_ask(buf_as_span(&note));
    assert_true(ask_has_note(asker.ask));
    servers[0]->script = good;
    start();
    asker.waits = true; /* until the model wants to be asked again */
    wait_over();
    assert_string_equal(asker.heard, asker.wait_ms > 0 ? " wac:main s k one two d:stop"
                                                       : "ac:main s k one two d:stop");
    assert_int_equal(ask_attempt(asker.ask), 2);
    buf_release(&note);
    assert_gone();
}

static bool was_asked(void *arg)
{
    return ((struct script_server *)arg)->requests > 0;
}

static void a_long_wait_may_be_waited_for(void **state)
{
    (void)state;
    const struct ask_hooks least = {.on_compose = on_compose,
                                    .on_piece = on_piece,
                                    .on_done = on_done,
                                    .on_failed = on_failed,
                                    .arg = &asker};
    ask_free(asker.ask);
    asker.ask = ask_new(desk, &claimed, SPAN_NONE, &least);
    servers[0]->script = later;
    start();
    assert_true(run_until(worker.house->loop, was_asked, servers[0]));
    assert_int_equal(servers[0]->requests, 1);
    servers[0]->script = good;
    wait_over();
    assert_string_equal(asker.heard, "c:main sc:main sone two d:stop");
}

static void it_may_go_in_each_hook(void **state)
{
    (void)state;
    static const struct {
        enum moment_of_ask at;
        const struct step *script;
        const char *heard;
    } cases[] = {
        {AHEAD, good, "a"},
        {COMPOSE, good, "ac:main"},
        {CONNECTED, begun, "ac:main s k "},
        {PIECE, good, "ac:main s k one two"},
        {DONE_WITH, good, "ac:main s k one two d:stop"},
        {FAILED, broken, "ac:main s k  f"},
    };
    worker.conf.queue_interactive_timeout = 1; /* nothing is tried again */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_free(asker.ask);
        servers[0]->script = cases[i].script;
        open_ask(SPAN_NONE);
        asker.at = cases[i].at;
        start();
        wait_over();
        assert_null(asker.ask);
        assert_gone();
        run_for(worker.house->loop, 20);
        assert_string_equal(asker.heard, cases[i].heard);
    }
    assert_int_equal(servers[0]->open, 0);
}

static bool has_begun(void *arg)
{
    (void)arg;
    return strstr(asker.heard, "one ") != NULL;
}

static void cancelled_it_closes_the_provider_and_is_silent(void **state)
{
    (void)state;
    servers[0]->script = begun;
    start();
    assert_true(run_until(worker.house->loop, has_begun, NULL));
    ask_cancel(asker.ask);
    ask_cancel(asker.ask);
    assert_gone();
    run_for(worker.house->loop, 50);
    assert_int_equal(servers[0]->closed_by_peer, 1);
    assert_string_equal(asker.heard, "ac:main s k one ");
    struct usage usage = ask_usage(asker.ask);
    assert_int_equal(usage.source, USAGE_ESTIMATED);
    assert_int_equal(usage.output, 1);
}

static void read_on_it_only_says_its_end(void **state)
{
    (void)state;
    assert_false(ask_read_on(asker.ask)); /* nothing is under way */
    ask_free(asker.ask);
    open_ask(SPAN_NONE);
    servers[0]->script = slow;
    start();
    assert_true(run_until(worker.house->loop, has_begun, NULL));
    assert_true(ask_read_on(asker.ask));
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k one  d:stop");
    assert_int_equal(ask_usage(asker.ask).output, 2);
    assert_gone();
}

static void held_it_waits(void **state)
{
    (void)state;
    ask_hold(asker.ask, true); /* before there is a request */
    start();
    run_for(worker.house->loop, 200);
    assert_null(strstr(asker.heard, "one"));
    ask_hold(asker.ask, false);
    wait_over();
    assert_string_equal(asker.heard, "ac:main s k one two d:stop");
}

/* Branches of one claim. */
static void each_ask_of_a_claim_has_its_own_place(void **state)
{
    struct house *h = *state;
    struct ask *first = asker.ask;
    servers[0]->script = begun;
    start();
    assert_true(run_until(h->loop, has_begun, NULL));
    open_ask(SPAN_NONE);
    ask_cancel(first); /* its place is not the other's */
    start();
    assert_true(run_until(h->loop, has_begun, NULL));
    assert_int_equal(redis_number(&h->redis, "ZCARD sluice:{s00}:places:main"), 1);
    ask_free(first);
    ask_cancel(asker.ask);
    assert_gone();
}

static void what_a_lost_claim_used_is_not_known(void **state)
{
    (void)state;
    ask_free(asker.ask);
    open_ask(SPAN_LIT(""));
    assert_false(ask_has_note(asker.ask));
    assert_int_equal(ask_usage(asker.ask).source, USAGE_UNKNOWN);
    assert_int_equal(ask_attempt(asker.ask), 2);
    ask_lost(asker.ask, 7);
    assert_int_equal(ask_usage(asker.ask).output, 7);
    start();
    wait_over();
    struct usage usage = ask_usage(asker.ask);
    assert_int_equal(usage.input, 10); /* of two requests */
    assert_int_equal(usage.output, 9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_asks_and_hears),
        TEST(there_must_be_such_a_model),
        TEST(a_failing_model_is_asked_twice_then_the_next),
        TEST(a_bound_one_has_no_other),
        TEST(one_that_cannot_do_it_is_no_fallback),
        TEST(nothing_is_tried_again_once_it_has_spoken),
        TEST(a_long_wait_may_be_given_up),
        TEST(a_long_wait_may_be_waited_for),
        TEST(it_may_go_in_each_hook),
        TEST(cancelled_it_closes_the_provider_and_is_silent),
        TEST(read_on_it_only_says_its_end),
        TEST(held_it_waits),
        TEST(each_ask_of_a_claim_has_its_own_place),
        TEST(what_a_lost_claim_used_is_not_known),
    };
    if (!redis_is_installed())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
