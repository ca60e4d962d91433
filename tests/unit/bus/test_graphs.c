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
    graphs_publish(h->bus, graphs, 4);
    assert_string_equal(listed(h), "review=b{\n2} support=a{1} ");
    assert_string_equal(text_of(h, VERSION_A), "text\nof a");
    graphs_publish(h->bus, &newer, 1);
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
    graphs_publish(h->bus, &one, 1);
    assert_string_equal(listed(h), "one=a{} ");
    assert_int_equal(redis_number(&h->redis, "HLEN sluice:{s00}:graphs"), 1);
    graphs_publish(h->bus, &one, 0);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_last_is_listed),
        TEST(names_that_nobody_says_any_more_go),
        TEST(a_checkpoint_is_behind_the_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
