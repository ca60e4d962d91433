/* Appends of several streams that go to Redis in one call: each is answered by its own callback, as
 * if it had gone alone. */
#include "bus/bus_fixture.h"

enum { STREAMS = 100 }; /* more than one call takes */

struct stream {
    struct house *house;
    char generation[16], token[160];
    int status, answers;
    enum append_outcome outcome;
    int64_t length;
};

static size_t answered;

static void on_gathered(int status, enum append_outcome outcome, int64_t length, void *arg)
{
    struct stream *s = arg;
    s->status = status;
    s->outcome = outcome;
    s->length = length;
    s->answers++;
    s->house->came = ++answered % STREAMS == 0;
}

static void say(struct stream *s, int64_t seq, const char *flag)
{
    struct buf b;
    buf_init(&b, 1024);
    event_put_piece(
        &b, seq,
        &(struct piece){
            .kind = EVENT_DELTA, .text = SPAN_LIT("x"), .node = SPAN_NONE, .signature = SPAN_NONE});
    struct span event = buf_as_span(&b);
    log_append(s->house->bus,
               &(struct append){"default", s->generation, s->token, flag, seq, seq == 2, &event, 1},
               on_gathered, s);
    buf_release(&b);
}

static void start(struct house *h, struct stream *s, int number)
{
    *s = (struct stream){.house = h};
    (void)snprintf(s->generation, sizeof s->generation, "g%d", number);
    struct begin begin = usual_begin(s->generation, s->generation);
    begin.tenant_limit = 0;
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    char nonce[32];
    (void)snprintf(nonce, sizeof nonce, "many%d", number);
    h->came = false;
    queue_claim(h->bus, "stream", "worker", nonce, 0, on_claimed, h);
    house_wait(h);
    assert_true(h->was_found);
    keep_text(s->token, sizeof s->token, span_of(h->token));
}

static void each_is_answered_as_if_it_had_gone_alone(void **state)
{
    struct house *h = *state;
    static struct stream streams[STREAMS];
    if (!redis_is_installed())
        skip();
    for (int i = 0; i < STREAMS; i++)
        start(h, &streams[i], i);
    (void)redis_say(&h->redis, "SET chat_stop:flagged 1");
    (void)house_stop(h, "", "g2", "user");
    (void)redis_say(&h->redis, "DEL sluice:{s00}:live:default:g3:%s", streams[3].token);
    (void)redis_say(&h->redis, "SET sluice:{s00}:live:default:g3:%s no-list", streams[3].token);
    h->came = false;
    log_gather(h->bus);
    for (int i = 0; i < STREAMS; i++)
        say(&streams[i], i == 4 ? 5 : 2, i == 1 ? "chat_stop:flagged" : "");
    assert_false(h->came);
    log_send(h->bus);
    house_wait(h);
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(streams[i].answers, 1);
        assert_int_equal(streams[i].status, i == 3 ? -ERR_INTERNAL : 0);
        if (i == 0 || i > 4)
            assert_true(streams[i].outcome == APPEND_OK && streams[i].length == 2);
    }
    assert_int_equal(streams[1].outcome, APPEND_FLAGGED);
    assert_int_equal(streams[2].outcome, APPEND_FENCED);
    assert_true(streams[4].outcome == APPEND_REFUSED && streams[4].length == 1);
}

static void what_was_gathered_is_dropped_with_the_bus(void **state)
{
    struct house *h = *state;
    static struct stream stream;
    if (!redis_is_installed())
        skip();
    start(h, &stream, 1000);
    log_gather(h->bus);
    say(&stream, 2, "");
    bus_free(h->bus);
    h->bus = NULL;
    assert_int_equal(stream.answers, 0);
}

static bool is_away(void *arg)
{
    return !((struct house *)arg)->is_up;
}

static void without_redis_all_are_told(void **state)
{
    struct house *h = *state;
    static struct stream streams[STREAMS];
    if (!redis_is_installed())
        skip();
    for (int i = 0; i < STREAMS; i++)
        streams[i] = (struct stream){.house = h, .generation = "g", .token = "1.n"};
    redis_kill(&h->redis);
    CHECK(run_until(h->loop, is_away, h));
    h->came = false;
    log_gather(h->bus);
    for (int i = 0; i < STREAMS; i++)
        say(&streams[i], 2, "");
    log_send(h->bus);
    assert_false(h->came);
    house_wait(h);
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(streams[i].status, -ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_answered_as_if_it_had_gone_alone, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(what_was_gathered_is_dropped_with_the_bus, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(without_redis_all_are_told, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
