/* A generation's life through the bus: every outcome of begin, append, finish, stop, settle,
 * release and position. */
#include "bus/bus_fixture.h"

#include "base/metric.h"

static void begin_tells_what_happened(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), second = usual_begin("c", "g2"),
                 other = usual_begin("c", "g1");
    first.idempotency_key = SPAN_LIT("key");
    assert_int_equal(house_begin(h, &first), BEGIN_QUEUED);
    assert_int_equal(h->position, 0);
    assert_string_equal(h->chat.text, "c");
    assert_int_equal(house_begin(h, &first), BEGIN_REPLAYED);
    assert_string_equal(h->state, "queued");
    other.hash = SPAN_LIT("another");
    assert_int_equal(house_begin(h, &other), BEGIN_CONFLICT);
    assert_int_equal(house_begin(h, &second), BEGIN_BUSY);
    assert_string_equal(h->generation.text, "g1");
    second.if_busy = IF_BUSY_ENQUEUE;
    assert_int_equal(house_begin(h, &second), BEGIN_WAITING);
    assert_int_equal(h->position, 1);
    struct begin key = usual_begin("c", "g3"), full = usual_begin("d", "g4"),
                 interrupt = usual_begin("c", "g5");
    key.idempotency_key = SPAN_LIT("key");
    assert_int_equal(house_begin(h, &key), BEGIN_REPLAYED);
    assert_string_equal(h->generation.text, "g1");
    full.tenant_limit = 2;
    assert_int_equal(house_begin(h, &full), BEGIN_FULL);
    assert_string_equal(house_stop(h, "", "g6", "user"), "will_stop");
    struct begin dead = usual_begin("c", "g6");
    assert_int_equal(house_begin(h, &dead), BEGIN_STOPPED);
    interrupt.if_busy = IF_BUSY_INTERRUPT;
    assert_int_equal(house_begin(h, &interrupt), BEGIN_QUEUED);
    assert_string_equal(house_stop(h, "", "g1", "user"), "already_stopped");
}

static void a_chat_that_exists_is_not_new(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), again = usual_begin("c", "g2"),
                 stateless = usual_begin("", "g3");
    first.mode = again.mode = BEGIN_NEW;
    stateless.mode = BEGIN_NONE;
    (void)house_begin(h, &first);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "done", 1), FINISH_MINE);
    assert_int_equal(house_begin(h, &again), BEGIN_EXISTS);
    assert_int_equal(house_begin(h, &stateless), BEGIN_QUEUED);
    assert_string_equal(h->chat.text, "");
    (void)redis_say(&h->redis, "DEL sluice:{s00}:log:default:g1");
    assert_int_equal(house_begin(h, &first), BEGIN_GONE);
}

static void a_turn_replaces_what_it_names(void **state)
{
    /* {"id": "u1"} as msgpack */
    static const char user[] = "\x81\xa2id\xa2u1";
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), unknown = usual_begin("c", "g2"),
                 second = usual_begin("c", "g3"), late = usual_begin("c", "g4");
    first.user_message = span_of(user);
    (void)house_begin(h, &first);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "done", 1), FINISH_MINE);
    unknown.replace_from = SPAN_LIT("u2");
    assert_int_equal(house_begin(h, &unknown), BEGIN_NO_MESSAGE);
    second.replace_from = late.replace_from = SPAN_LIT("u1");
    late.if_busy = IF_BUSY_ENQUEUE;
    assert_int_equal(house_begin(h, &second), BEGIN_QUEUED);
    assert_int_equal(house_begin(h, &late), BEGIN_WAITING);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g3", "done", 1), FINISH_MINE);
    assert_int_equal(redis_number(&h->redis, "LLEN sluice:{s00}:msgs:default:c"), 2);
    assert_false(house_claim(h)); /* the late one found nothing to replace */
    assert_string_equal(house_stop(h, "", "g4", "user"), "already_failed");
}

static void a_tenants_rates_are_kept(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c1", "g1"), second = usual_begin("c2", "g2");
    first.requests_per_minute = second.requests_per_minute = 1;
    assert_int_equal(house_begin(h, &first), BEGIN_QUEUED);
    assert_int_equal(house_begin(h, &second), BEGIN_LIMITED);
    assert_in_range(h->retry_after_ms, 50000, 60000);
    assert_int_equal(house_begin(h, &first), BEGIN_REPLAYED);
    second.tenant = "acme";
    assert_int_equal(house_begin(h, &second), BEGIN_QUEUED);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "failed", 1), FINISH_MINE); /* it used 3 tokens */
    struct begin third = usual_begin("c3", "g3");
    third.tokens_per_day = 3;
    assert_int_equal(house_begin(h, &third), BEGIN_LIMITED);
    assert_in_range(h->retry_after_ms, 1, 24 * 3600 * 1000);
    third.tokens_per_day = 4;
    assert_int_equal(house_begin(h, &third), BEGIN_QUEUED);
}

static void tenants_have_caps_of_their_own(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c1", "g1"), second = usual_begin("c2", "g2");
    const struct tenant_cap caps[] = {{"acme", 3}, {"default", 1}};
    queue_set_caps(h->bus, caps, 2);
    (void)house_begin(h, &first);
    (void)house_begin(h, &second);
    assert_true(house_claim(h));
    assert_false(house_claim(h));
    queue_set_caps(h->bus, NULL, 0);
    assert_true(house_claim(h));
}

static void append_and_finish_are_fenced(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    assert_false(house_claim(h));
    (void)house_begin(h, &begin);
    assert_true(house_claim(h));
    assert_string_equal(h->generation.text, "g");
    assert_string_equal(h->text, "job");
    assert_int_equal(h->length, 1);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 2, 3), APPEND_OK);
    assert_int_equal(h->length, 4);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 2, 3), APPEND_REFUSED);
    assert_int_equal(h->length, 4);
    assert_int_equal(house_finish(h, "g", "done", 9), FINISH_BEHIND);
    assert_int_equal(h->length, 4);
    (void)redis_say(&h->redis, "SET chat_stop:c 1 EX 60");
    assert_int_equal(house_append(h, "g", "chat_stop:c", 5, 1), APPEND_FLAGGED);
    assert_string_equal(house_stop(h, "", "g", "flag"), "stopped");
    assert_int_equal(h->seq, 5);
    int64_t fenced = metric_get(METRIC_FENCED);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 5, 1), APPEND_FENCED);
    assert_int_equal(metric_get(METRIC_FENCED), fenced + 1);
    assert_int_equal(house_finish(h, "g", "done", 5), FINISH_OTHER);
    assert_string_equal(h->state, "stopped");
    (void)house_finish(h, "nobody", "done", 5);
    assert_int_equal(h->finished, FINISH_GONE);
}

static void stop_answers_the_truth(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g"), waiting = usual_begin("c", "g2");
    waiting.if_busy = IF_BUSY_ENQUEUE;
    assert_string_equal(house_stop(h, "c", "", "user"), "notfound");
    (void)house_begin(h, &begin);
    (void)house_begin(h, &waiting);
    h->came = false;
    stop_request(h->bus, &(struct stop){"default", "c", "", "user", "token", 0, true, NULL},
                 on_stopped, h);
    house_wait(h);
    assert_string_equal(h->text, "stopped");
    assert_string_equal(h->state, "{\"message\":\"hi\",\"attachments\":[],\"metadata\":{}}");
    assert_int_equal(h->seq, 2);
    assert_int_equal(h->length, 1); /* one that was waiting */
    assert_false(h->committed);
    h->came = false;
    stop_request(h->bus, &(struct stop){"default", "c", "", "user", "token", 0, true, NULL},
                 on_stopped, h);
    house_wait(h);
    assert_string_equal(h->text, "stopped"); /* the same token: the same answer */
    assert_string_equal(house_stop(h, "c", "", "user"), "already_stopped");
    assert_string_equal(house_stop(h, "x", "g", "user"), "notfound");
}

static void on_done(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static int settle(struct house *h, const char *generation, const char *token)
{
    h->came = false;
    turn_settle(h->bus,
                &(struct settle){"default", "c", generation, token,
                                 SPAN_LIT("{\"input\":3,\"output\":4,\"settled\":true}"),
                                 "provider"},
                on_done, h);
    house_wait(h);
    return h->status;
}

static void on_released(int status, struct span outcome, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    keep_text(h->text, sizeof h->text, outcome);
}

static void settle_and_release(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    char first[160];
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    memcpy(first, h->token, sizeof first);
    assert_int_equal(settle(h, "g", h->token), -ERR_CONFLICT);
    h->came = false;
    queue_release(h->bus, &(struct lease){"default", "g", h->token}, 0, SPAN_NONE, on_released, h);
    house_wait(h);
    assert_string_equal(h->text, "released");
    assert_true(house_claim(h));
    assert_string_not_equal(h->token, first);
    assert_string_equal(house_stop(h, "c", "", "user"), "stopped");
    assert_int_equal(settle(h, "g", first), -ERR_NOT_FOUND);
    assert_int_equal(settle(h, "g", h->token), 0);
    assert_string_equal(redis_say(&h->redis, "HGET sluice:{s00}:gen:default:g usrc"),
                        "$8\r\nprovider\r\n");
}

static void on_position_known(int status, int64_t position, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->position = position;
}

static int64_t position(struct house *h, const char *generation)
{
    h->came = false;
    turn_position(h->bus, "default", generation, on_position_known, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->position;
}

static void positions_are_of_this_moment(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    for (int i = 0; i < 3; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%d", i);
        struct begin begin = usual_begin(name, name);
        (void)house_begin(h, &begin);
        assert_int_equal(h->position, i);
    }
    assert_int_equal(position(h, "g2"), 2);
    (void)house_claim(h);
    assert_int_equal(position(h, "g0"), -1);
    assert_int_equal(position(h, "g2"), 1);
    assert_int_equal(position(h, "nobody"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begin_tells_what_happened, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_chat_that_exists_is_not_new, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_turn_replaces_what_it_names, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_tenants_rates_are_kept, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(tenants_have_caps_of_their_own, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(append_and_finish_are_fenced, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(stop_answers_the_truth, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(settle_and_release, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(positions_are_of_this_moment, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
