/* Graphs through the bus: what workers publish is listed, texts are found by version, and a
 * checkpoint is behind the fence, answered as an append and read back. */
#include "bus/bus_fixture.h"
#include "bus/graphs.h"

#define VERSION_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define VERSION_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void on_listed(int status, const struct graph_row *rows, size_t count, void *arg)
{
    struct house *h = arg;
    struct buf b;
    buf_init(&b, sizeof h->text - 1);
    h->came = true;
    h->status = status;
    for (size_t i = 0; i < count; i++) {
        CHECK(rows[i].version.len == strlen(VERSION_A));
        CHECK(buf_span(&b, rows[i].name) == 0 && buf_text(&b, "=") == 0 &&
              buf_span(&b, span_make(rows[i].version.ptr, 1)) == 0 &&
              buf_span(&b, rows[i].about) == 0 && buf_text(&b, " ") == 0);
    }
    keep_text(h->text, sizeof h->text, buf_as_span(&b));
    buf_release(&b);
}

static const char *listed(struct house *h)
{
    h->came = false;
    graphs_list(h->bus, on_listed, h);
    assert_false(h->came);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->text;
}

static void on_text(int status, struct span text, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->was_found = text.ptr != NULL;
    keep_text(h->text, sizeof h->text, text);
}

static const char *text_of(struct house *h, const char *version)
{
    h->came = false;
    graphs_text(h->bus, span_of(version), on_text, h);
    assert_false(h->came);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->was_found ? h->text : NULL;
}

static void on_found(int status, struct span version, struct span about, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->was_found = version.ptr != NULL;
    if (h->was_found)
        assert_int_equal(version.len, strlen(VERSION_A));
    keep_text(h->text, sizeof h->text, about);
}

static const char *about_of(struct house *h, const char *name)
{
    h->came = false;
    graphs_find(h->bus, span_of(name), on_found, h);
    assert_false(h->came);
    house_wait(h);
    return h->was_found ? h->text : NULL;
}

static void on_said(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static void publish(struct house *h, const struct published *graphs, size_t count)
{
    h->came = false;
    assert_true(graphs_publish(h->bus, graphs, count, on_said, h));
    assert_false(h->came);
    house_wait(h);
    assert_int_equal(h->status, 0);
}

static void what_was_said_last_is_listed(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    const struct published graphs[] = {
        {SPAN_LIT("support"), SPAN_LIT(VERSION_A), SPAN_LIT("text\nof a"), SPAN_LIT("{1}")},
        {SPAN_LIT("review"), SPAN_LIT(VERSION_B), SPAN_LIT("text of b"), SPAN_LIT("{\n2}")},
        {SPAN_LIT("no name"), SPAN_LIT(VERSION_B), SPAN_LIT("x"), SPAN_LIT("{}")},
        {SPAN_LIT("odd"), SPAN_LIT("1"), SPAN_LIT("x"), SPAN_LIT("{}")},
    };
    const struct published newer = {SPAN_LIT("support"), SPAN_LIT(VERSION_B), SPAN_LIT("text of b"),
                                    SPAN_LIT("{3}")};
    assert_string_equal(listed(h), "");
    publish(h, graphs, 4);
    assert_string_equal(listed(h), "review=b{\n2} support=a{1} ");
    assert_string_equal(text_of(h, VERSION_A), "text\nof a");
    assert_string_equal(about_of(h, "review"), "{\n2}");
    assert_null(about_of(h, "odd"));
    publish(h, &newer, 1);
    assert_string_equal(about_of(h, "support"), "{3}");
    assert_string_equal(listed(h), "review=b{\n2} support=b{3} ");
    assert_string_equal(text_of(h, VERSION_A), "text\nof a"); /* somebody may be bound to it */
    assert_null(text_of(h, VERSION_A "a"));
    assert_null(text_of(h, "../gen:default:g"));
    assert_true(redis_number(&h->redis, "PTTL sluice:{s00}:graphs") > 86390000);
    assert_true(redis_number(&h->redis, "PTTL sluice:{s00}:graph:" VERSION_A) > 2592000000);
}

static void names_that_nobody_says_any_more_go(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    const struct published one = {SPAN_LIT("one"), SPAN_LIT(VERSION_A), SPAN_LIT("x"),
                                  SPAN_LIT("{}")};
    (void)redis_say(&h->redis, "HSET sluice:{s00}:graphs old \"1 " VERSION_A " {}\" odd garbage");
    assert_string_equal(listed(h), "");
    assert_null(about_of(h, "odd"));
    assert_int_equal(h->status, -ERR_INTERNAL);
    publish(h, &one, 1);
    assert_string_equal(listed(h), "one=a{} ");
    assert_int_equal(redis_number(&h->redis, "HLEN sluice:{s00}:graphs"), 1);
    assert_false(graphs_publish(h->bus, &one, 0, on_said, h));
    assert_string_equal(listed(h), "one=a{} ");
}

static void on_steps_read(int status, const struct kept_step *steps, size_t count, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->length = (int64_t)count;
    h->text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (span_is(steps[i].field, "2/short"))
            keep_text(h->text, sizeof h->text, steps[i].value);
}

static const char *step_of(struct house *h, const char *generation)
{
    h->came = false;
    graphs_steps(h->bus, "default", generation, on_steps_read, h);
    assert_false(h->came);
    house_wait(h);
    return h->text;
}

static enum append_outcome keep_step(struct house *h, int64_t seq, const char *flag, bool is_shown,
                                     const char *value)
{
    struct buf b;
    buf_init(&b, 1024);
    struct mp_fields f = event_begin_map(&b, seq, EVENT_STEP, 1);
    mp_field_str(&f, "node", SPAN_LIT("short"));
    mp_fields_end(&f);
    h->came = false;
    log_checkpoint(h->bus,
                   &(struct checkpoint){.tenant = "default",
                                        .generation = "g",
                                        .token = h->token,
                                        .flag = flag,
                                        .seq = seq,
                                        .is_shown = is_shown,
                                        .field = "2/short",
                                        .value = span_of(value),
                                        .event = buf_as_span(&b)},
                   on_appended, h);
    buf_release(&b);
    assert_false(h->came);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->appended;
}

static const char *shown(struct house *h)
{
    return redis_say(&h->redis, "HGET sluice:{s00}:gen:default:g shown");
}

static void a_checkpoint_is_behind_the_fence(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    struct begin begin = usual_begin("c", "g");
    (void)house_begin(h, &begin);
    assert_true(house_claim(h));
    assert_string_equal(step_of(h, "g"), "");
    assert_int_equal(h->length, 0);
    assert_int_equal(house_append(h, "g", "", 2, 1), APPEND_OK);
    assert_string_equal(shown(h), "$1\r\n1\r\n");
    assert_int_equal(keep_step(h, 3, "", false, "first"), APPEND_OK);
    assert_int_equal(h->length, 3);
    assert_string_equal(shown(h), "$1\r\n0\r\n");
    assert_string_equal(step_of(h, "g"), "first");
    assert_int_equal(h->length, 1);
    assert_int_equal(keep_step(h, 3, "", false, "again"), APPEND_REFUSED); /* it had arrived */
    assert_int_equal(h->length, 3);
    assert_int_equal(keep_step(h, 5, "", false, "too early"), APPEND_REFUSED);
    assert_string_equal(step_of(h, "g"), "first");
    assert_int_equal(keep_step(h, 4, "chat_stop:c", true, "second"), APPEND_OK);
    assert_string_equal(shown(h), "$1\r\n1\r\n");
    (void)redis_say(&h->redis, "SET chat_stop:c 1");
    assert_int_equal(keep_step(h, 5, "chat_stop:c", false, "flagged"), APPEND_FLAGGED);
    (void)house_stop(h, "", "g", "user");
    assert_int_equal(keep_step(h, 5, "", false, "late"), APPEND_FENCED);
    assert_string_equal(step_of(h, "g"), "second");
    (void)redis_say(&h->redis, "DEL sluice:{s00}:steps:default:g");
    (void)redis_say(&h->redis, "SET sluice:{s00}:steps:default:g odd");
    (void)step_of(h, "g");
    assert_int_equal(h->status, -ERR_INTERNAL);
}

/* Ends the generation as a graph that asks back, or with no word of a graph. */
static enum finish_outcome finish_graph(struct house *h, const char *generation, const char *parked)
{
    struct finish finish = {
        .tenant = "default",
        .generation = generation,
        .token = h->token,
        .state = "done",
        .expected_seq = 1,
        .finish_reason = SPAN_LIT("ask"),
        .usage = SPAN_LIT("{\"input\":1,\"output\":2,\"settled\":true}"),
        .usage_source = "provider",
        .reply = SPAN_LIT("reply message"),
    };
    if (parked != NULL) {
        finish.graph = SPAN_LIT("support");
        finish.resume = SPAN_LIT("{\"expires_at\":5}");
        finish.parked = span_of(parked);
        finish.parked_ms = 60000;
    }
    h->came = false;
    turn_finish(h->bus, &finish, on_finished, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->finished;
}

static void on_graph_claimed(int status, const struct claim *claim, void *arg)
{
    struct house *h = arg;
    on_claimed(status, claim, arg);
    if (claim != NULL)
        (void)snprintf(h->state, sizeof h->state, "%.*s %.*s %.*s", SPAN_ARG(claim->graph),
                       SPAN_ARG(claim->lane), SPAN_ARG(claim->user));
}

/* "<graph> <lane> <user>" of the next one. */
static const char *claim_graph(struct house *h)
{
    char nonce[32];
    (void)snprintf(nonce, sizeof nonce, "graph%d", ++h->nonces);
    h->came = false;
    h->state[0] = '\0';
    queue_claim(h->bus, "graph", "worker", nonce, 64, on_graph_claimed, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->state;
}

static void on_asked_read(int status, const struct kept_step *steps, size_t count, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->text[0] = '\0';
    if (count == 1 && span_is(steps[0].field, "ask"))
        keep_text(h->text, sizeof h->text, steps[0].value);
}

static const char *asked(struct house *h, const char *generation)
{
    h->came = false;
    graphs_steps(h->bus, "default", generation, on_asked_read, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->text;
}

static void a_message_goes_on_behind_an_ask(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    struct begin first = usual_begin("c", "g1"), second = usual_begin("c", "g2"),
                 third = usual_begin("c", "g3");
    first.graph = SPAN_LIT("support");
    first.lane = LANE_GRAPH_INTERACTIVE;
    first.user = SPAN_LIT("ann");
    second.lane = LANE_STREAM_BATCH;
    assert_int_equal(house_begin(h, &first), BEGIN_QUEUED);
    assert_string_equal(claim_graph(h), "support graph.interactive ann");
    assert_string_equal(asked(h, "g1"), "");
    assert_int_equal(finish_graph(h, "g1", "where it stands"), FINISH_MINE);
    assert_true(redis_number(&h->redis, "PTTL sluice:{s00}:ask:default:c") > 50000);
    assert_int_equal(house_begin(h, &second), BEGIN_QUEUED);
    assert_string_equal(claim_graph(h), "support graph.batch ");
    assert_string_equal(asked(h, "g2"), "where it stands");
    assert_int_equal(finish_graph(h, "g2", NULL), FINISH_MINE);
    assert_int_equal(redis_number(&h->redis, "EXISTS sluice:{s00}:ask:default:c"), 0);
    assert_int_equal(house_begin(h, &third), BEGIN_QUEUED);
    assert_string_equal(claim_graph(h), "support graph.interactive ");
    assert_string_equal(asked(h, "g3"), "");
}

static void on_changed(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static int set_graph(struct house *h, const char *name)
{
    h->came = false;
    turn_change_chat(
        h->bus, &(struct chat_change){.tenant = "default", .chat = "c", .graph = span_of(name)},
        on_changed, h);
    house_wait(h);
    return h->status;
}

static void a_chats_graph_can_be_set_and_cleared(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    struct begin first = usual_begin("c", "g1"), second = usual_begin("c", "g2"),
                 third = usual_begin("c", "g3");
    assert_int_equal(set_graph(h, "review"), -ERR_NOT_FOUND);
    (void)house_begin(h, &first);
    assert_true(house_claim(h));
    assert_int_equal(house_finish(h, "g1", "done", 1), FINISH_MINE);
    assert_int_equal(set_graph(h, "review"), 0);
    (void)house_begin(h, &second);
    assert_string_equal(claim_graph(h), "review graph.interactive ");
    assert_int_equal(house_finish(h, "g2", "failed", 1), FINISH_MINE);
    assert_int_equal(set_graph(h, ""), 0);
    (void)house_begin(h, &third);
    assert_string_equal(claim_graph(h), "");
    assert_true(house_claim(h));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_last_is_listed),         TEST(names_that_nobody_says_any_more_go),
        TEST(a_checkpoint_is_behind_the_fence),     TEST(a_message_goes_on_behind_an_ask),
        TEST(a_chats_graph_can_be_set_and_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
