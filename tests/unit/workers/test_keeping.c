/* Checkpoints of a run on a real Redis: behind the fence and in order with what is put before and
 * behind them, told when they are there, said again when Redis took nothing, was started again or
 * lost its tail; and what a lost worker would mean at every moment. The work is this test. */
#include "workers/run_fixture.h"

#include "bus/graphs.h"

enum { STEPS_MAX = 8 };

static void on_kept(void *arg)
{
    ((struct shop *)arg)->told++;
}

static void say(struct shop *s, const char *text)
{
    const struct piece piece = {.kind = EVENT_DELTA, .text = span_of(text)};
    assert_int_equal(run_put_piece(s->run, &piece), 0);
}

static int keep_span(struct shop *s, const char *field, struct span value, bool is_shown)
{
    struct mp_fields f = run_begin_event(s->run, EVENT_STEP);
    mp_field_str(&f, "node", span_of(field));
    return run_end_event_kept(s->run, &f,
                              &(struct run_checkpoint){field, value, is_shown, on_kept, s});
}

static void keep(struct shop *s, const char *field, const char *value)
{
    assert_int_equal(keep_span(s, field, span_of(value), false), 0);
}

static bool is_through(void *arg)
{
    const struct shop *s = arg;
    return s->run == NULL || (outbox_is_empty(&s->run->outbox) && !s->run->is_doubted);
}

static void wait_through(struct shop *s)
{
    CHECK(run_until(s->house.loop, is_through, s));
}

static int by_field(const void *a, const void *b)
{
    const struct kept_step *x = a, *y = b;
    return memcmp(x->field.ptr, y->field.ptr, 1); /* they begin with their number */
}

static void on_read(int status, const struct kept_step *steps, size_t count, void *arg)
{
    struct shop *s = arg;
    struct kept_step sorted[STEPS_MAX];
    struct buf b;
    CHECK(status == 0 && count <= STEPS_MAX);
    for (size_t i = 0; i < count; i++)
        sorted[i] = steps[i];
    qsort(sorted, count, sizeof *sorted, by_field);
    buf_init(&b, sizeof s->steps - 1);
    for (size_t i = 0; i < count; i++)
        CHECK(buf_span(&b, sorted[i].field) == 0 && buf_text(&b, "=") == 0 &&
              buf_span(&b, sorted[i].value) == 0 && buf_text(&b, " ") == 0);
    keep_text(s->steps, sizeof s->steps, buf_as_span(&b));
    buf_release(&b);
    s->house.came = true;
}

static const char *steps(struct shop *s)
{
    s->house.came = false;
    graphs_steps(s->house.bus, "default", "g", on_read, s);
    house_wait(&s->house);
    return s->steps;
}

static int64_t length(struct shop *s)
{
    char command[256];
    (void)snprintf(command, sizeof command, "LLEN sluice:{s00}:live:default:g:%s", s->house.token);
    return redis_number(&s->house.redis, command);
}

static bool is_shown(struct shop *s)
{
    const char *answer = redis_say(&s->house.redis, "HGET sluice:{s00}:gen:default:g shown");
    return span_is(span_of(answer), "$1\r\n1\r\n");
}

static void they_are_there_when_they_are_told(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    assert_int_equal(s->told, 0);
    wait_through(s);
    assert_int_equal(s->told, 1);
    assert_string_equal(steps(s), "1=one ");
    say(s, "text ");
    keep(s, "2", "two");
    say(s, "behind");
    keep(s, "3/0", "three");
    wait_through(s);
    assert_int_equal(s->told, 3);
    assert_string_equal(steps(s), "1=one 2=two 3/0=three ");
    assert_int_equal(length(s), 6);
}

static void a_lost_worker_is_interrupted_only_in_a_visible_step(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    wait_through(s);
    assert_false(is_shown(s) || run_has_shown(s->run));
    say(s, "half");
    wait_through(s);
    assert_true(is_shown(s) && run_has_shown(s->run));
    assert_int_equal(keep_span(s, "2", SPAN_LIT("of another"), true), 0);
    wait_through(s);
    assert_true(is_shown(s) && run_has_shown(s->run));
    keep(s, "3", "whole");
    wait_through(s);
    assert_false(is_shown(s) || run_has_shown(s->run));
    say(s, "again");
    wait_through(s);
    assert_true(is_shown(s) && run_has_shown(s->run));
}

static void a_lost_tail_goes_again_with_its_steps(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    wait_through(s);
    say(s, "text ");
    keep(s, "2", "two");
    wait_through(s);
    assert_int_equal(length(s), 4);
    /* as a Redis that comes back without its last second */
    (void)redis_say(&s->house.redis, "RPOP sluice:{s00}:live:default:g:%s 3", s->house.token);
    (void)redis_say(&s->house.redis, "DEL sluice:{s00}:steps:default:g");
    say(s, "more");
    wait_through(s);
    assert_string_equal(steps(s), "1=one 2=two ");
    assert_int_equal(length(s), 5);
    assert_true(is_shown(s));
    assert_int_equal(s->told, 2);
}

static void what_redis_may_have_lost_is_proved(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    say(s, "text");
    keep(s, "2", "two");
    wait_through(s);
    s->worker.revival.due = 2; /* not whole yet: it claims nothing */
    run_doubt(s->run);         /* it had all of it: the same answer as after a lost reply */
    wait_through(s);
    assert_string_equal(steps(s), "1=one 2=two ");
    assert_int_equal(length(s), 4);
    assert_int_equal(s->told, 2);
    (void)redis_say(&s->house.redis, "RPOP sluice:{s00}:live:default:g:%s 2", s->house.token);
    (void)redis_say(&s->house.redis, "HDEL sluice:{s00}:steps:default:g 2");
    s->worker.revival.due = 2; /* not whole yet: it claims nothing */
    run_doubt(s->run);
    wait_through(s);
    assert_string_equal(steps(s), "1=one 2=two ");
    assert_false(is_shown(s));
}

static bool is_tried(void *arg)
{
    return timer_is_on(&((struct shop *)arg)->run->again);
}

static void a_full_redis_takes_them_later(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    (void)redis_say(&s->house.redis, "CONFIG SET maxmemory 1");
    keep(s, "1", "one");
    CHECK(run_until(s->house.loop, is_tried, s));
    assert_int_equal(s->told, 0);
    (void)redis_say(&s->house.redis, "CONFIG SET maxmemory 0");
    wait_through(s);
    assert_int_equal(s->told, 1);
    assert_string_equal(steps(s), "1=one ");
}

static bool is_closed(void *arg)
{
    return ((struct shop *)arg)->stopped > 0;
}

static void one_behind_a_stop_is_neither_there_nor_told(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    wait_through(s);
    run_unwatch(s->run); /* the wake-up comes later than the append */
    assert_string_equal(house_stop(&s->house, "", "g", "user"), "stopped");
    keep(s, "2", "late");
    CHECK(run_until(s->house.loop, is_closed, s));
    assert_int_equal(s->told, 1);
    assert_string_equal(steps(s), "1=one ");
}

static void the_flag_comes_first(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    (void)redis_say(&s->house.redis, "SET chat_stop:c 1");
    keep(s, "1", "one");
    CHECK(run_until(s->house.loop, is_closed, s));
    assert_int_equal(s->told, 0);
    assert_string_equal(steps(s), "");
    assert_int_equal(redis_number(&s->house.redis, "EXISTS chat_stop:c"), 0);
}

static bool is_answered(void *arg)
{
    return !((struct shop *)arg)->run->is_asking_flag;
}

static bool are_two_told(void *arg)
{
    return ((struct shop *)arg)->told == 2;
}

static void none_is_told_while_a_flag_is_asked_about(void **state)
{
    struct shop *s = *state;
    struct run_wait wait = {.on_logged = on_kept, .arg = s};
    if (s->run == NULL)
        skip();
    run_flagged(s->run); /* it is not set: the run goes on */
    run_await_log(s->run, &wait);
    assert_int_equal(s->told, 0); /* though the log has all */
    CHECK(run_until(s->house.loop, is_answered, s));
    keep(s, "1", "one");
    CHECK(run_until(s->house.loop, are_two_told, s));
    keep(s, "2", "two");
    run_await_log(s->run, &wait);
    run_flush(s->run);
    run_flagged(s->run); /* asked about behind what is on its way */
    CHECK(run_until(s->house.loop, is_answered, s));
    assert_int_equal(s->told, 2);
    wait_through(s);
    run_for(s->house.loop, 500);
    assert_int_equal(s->told, 4);
    assert_string_equal(steps(s), "1=one 2=two ");
}

static void none_is_told_once_the_run_is_over(void **state)
{
    struct shop *s = *state;
    if (s->run == NULL)
        skip();
    keep(s, "1", "one");
    run_release(s->run, 0);
    CHECK(run_until(s->house.loop, is_through, s));
    assert_int_equal(s->told, 0);
    assert_string_equal(steps(s), "1=one "); /* all the same it is there */
}

static void they_are_bounded(void **state)
{
    struct shop *s = *state;
    char field[LIMIT_CHECKPOINT_FIELD + 2];
    if (s->run == NULL)
        skip();
    char *large = mem_new(LIMIT_CHECKPOINT + 1);
    memset(large, 'x', LIMIT_CHECKPOINT + 1);
    memset(field, 'f', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    assert_int_equal(keep_span(s, "1", span_make(large, LIMIT_CHECKPOINT + 1), false),
                     -ERR_OUTPUT_LIMIT);
    assert_int_equal(keep_span(s, field, SPAN_LIT("v"), false), -ERR_OUTPUT_LIMIT);
    wait_through(s);
    assert_int_equal(length(s), 3); /* their events went */
    assert_string_equal(steps(s), "");
    for (size_t bytes = LIMIT_CHECKPOINT; bytes <= LIMIT_CHECKPOINTS_BYTES;
         bytes += LIMIT_CHECKPOINT)
        assert_int_equal(keep_span(s, "1", span_make(large, LIMIT_CHECKPOINT), false), 0);
    assert_true(s->is_held); /* it puts nothing more for now */
    assert_int_equal(keep_span(s, "2", span_make(large, LIMIT_CHECKPOINT), false),
                     -ERR_OUTPUT_LIMIT);
    wait_through(s);
    assert_false(s->is_held);
    assert_in_range(s->run->outbox.kept_bytes, LIMIT_CHECKPOINT, LIMIT_CHECKPOINT + 256 * 1024);
    mem_free(large);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
    const struct CMUnitTest tests[] = {
        TEST(they_are_there_when_they_are_told),
        TEST(a_lost_worker_is_interrupted_only_in_a_visible_step),
        TEST(a_lost_tail_goes_again_with_its_steps),
        TEST(what_redis_may_have_lost_is_proved),
        TEST(a_full_redis_takes_them_later),
        TEST(one_behind_a_stop_is_neither_there_nor_told),
        TEST(the_flag_comes_first),
        TEST(none_is_told_while_a_flag_is_asked_about),
        TEST(none_is_told_once_the_run_is_over),
        TEST(they_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
