/* Retry and fallback: twice a model, then the next, round until the budget is used up; back-off,
 * patience and time; and the note that goes over claims. */
#include "model/attempts.h"

#include "worker_test.h"

enum { LONG_MS = 1000 * 1000 };

static const int64_t warm[ATTEMPTS_MODELS];

static void setup_models(struct attempts *t, size_t count)
{
    static const char *const names[] = {"first", "second", "third"};
    attempts_init(t);
    for (size_t i = 0; i < count; i++)
        attempts_add(t, span_of(names[i]));
}

static int64_t fail_once(struct attempts *t, const int64_t *cooling, uint32_t random)
{
    attempts_failed(t, 1000);
    return attempts_next(
        t, &(struct attempts_ask){
               .cooling_ms = cooling, .is_failed = true, .random = random, .left_ms = LONG_MS});
}

static void one_model_backs_off_until_its_budget_is_used_up(void **state)
{
    static const int64_t waits[] = {500, 1000, 2000, 4000, 8000, -1};
    struct attempts t;
    (void)state;
    setup_models(&t, 1);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        assert_int_equal(fail_once(&t, warm, 0), waits[i]);
    assert_int_equal(t.made, 6);
    attempts_release(&t);
}

static void half_of_a_back_off_is_chance(void **state)
{
    struct attempts t;
    (void)state;
    setup_models(&t, 1);
    assert_int_equal(fail_once(&t, warm, 249), 251);
    assert_int_equal(fail_once(&t, warm, UINT32_MAX), 1000 - (int64_t)UINT32_MAX % 500);
    attempts_release(&t);
}

static void each_model_is_asked_twice_and_then_the_next(void **state)
{
    static const size_t turns[] = {0, 1, 1, 2, 2, 0, 0, 1, 1};
    static const int64_t waits[] = {500, 0, 500, 0, 500, 1000, 2000, 1000, 2000};
    struct attempts t;
    (void)state;
    setup_models(&t, 3);
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        assert_int_equal(fail_once(&t, warm, 0), waits[i]);
        assert_int_equal(t.at, turns[i]);
    }
    assert_int_equal(fail_once(&t, warm, 0), -1);
    assert_int_equal(t.made, 10);
    attempts_release(&t);
}

static void a_model_that_cools_for_long_gives_way(void **state)
{
    static const int64_t long_one[] = {30 * 1000, 0, 0}, short_one[] = {3000, 0, 0},
                         all[] = {30 * 1000, 20 * 1000, 40 * 1000};
    struct attempts t;
    (void)state;
    setup_models(&t, 3);
    assert_int_equal(fail_once(&t, short_one, 0), 3000);
    assert_int_equal(t.at, 0);
    attempts_release(&t);
    setup_models(&t, 3);
    assert_int_equal(fail_once(&t, long_one, 0), 0);
    assert_int_equal(t.at, 1);
    attempts_release(&t);
    setup_models(&t, 3);
    assert_int_equal(fail_once(&t, all, 0), 20 * 1000);
    assert_int_equal(t.at, 1);
    attempts_release(&t);
}

static void a_first_request_waits_for_what_cools_only(void **state)
{
    static const int64_t cooling[] = {700};
    struct attempts t;
    (void)state;
    setup_models(&t, 1);
    assert_int_equal(attempts_next(&t, &(struct attempts_ask){warm, false, 0, LONG_MS}), 0);
    assert_int_equal(attempts_next(&t, &(struct attempts_ask){cooling, false, 0, LONG_MS}), 700);
    assert_int_equal(attempts_next(&t, &(struct attempts_ask){cooling, false, 0, 699}), -1);
    assert_int_equal(t.made, 0);
    attempts_release(&t);
}

static void the_note_goes_over_claims(void **state)
{
    struct attempts t, again;
    struct buf note;
    (void)state;
    setup_models(&t, 3);
    for (int i = 0; i < 3; i++)
        (void)fail_once(&t, warm, 0);
    t.epoch = 4;
    t.lost_input = 11;
    t.lost_output = 7;
    buf_init(&note, 4096);
    attempts_write(&t, &note);
    assert_span(buf_as_span(&note), SPAN_LIT("4 1000 4 11 7 1:second 2:first"));

    setup_models(&again, 3);
    attempts_read(&again, buf_as_span(&note));
    assert_int_equal(again.made, 3);
    assert_int_equal(again.since_ms, 1000);
    assert_int_equal(again.epoch, 4);
    assert_int_equal(again.lost_input, 11);
    assert_int_equal(again.lost_output, 7);
    assert_int_equal(again.at, 1);
    assert_int_equal(again.models[0].failures, 2);
    assert_int_equal(again.models[2].failures, 0);
    attempts_release(&again);

    /* A configuration without the model whose turn it was: the first one again. */
    attempts_init(&again);
    attempts_add(&again, SPAN_LIT("first"));
    attempts_read(&again, buf_as_span(&note));
    assert_int_equal(again.at, 0);
    assert_int_equal(again.models[0].failures, 2);
    attempts_release(&again);
    buf_release(&note);
    attempts_release(&t);
}

static void what_is_no_note_changes_nothing(void **state)
{
    static const char *const notes[] = {"",          "3",          "x 1 2 3 4 1:first",
                                        "1 2 3 4",   "-1 2 3 4 5", "1 2 3 4 99999999999999999999",
                                        "1  2 3 4 5"};
    struct attempts t;
    (void)state;
    setup_models(&t, 2);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        attempts_read(&t, span_of(notes[i]));
        assert_int_equal(t.made + t.since_ms + t.epoch + t.lost_input + t.lost_output, 0);
    }
    attempts_read(&t, SPAN_LIT("2 5 1 0 0 x:first :second 7"));
    assert_int_equal(t.made, 1);
    assert_int_equal(t.models[0].failures + t.models[1].failures, 0);
    attempts_release(&t);
}

static void a_name_that_is_there_or_one_too_many_is_passed_by(void **state)
{
    struct attempts t;
    char name[] = "model-a";
    (void)state;
    setup_models(&t, 2);
    attempts_add(&t, SPAN_LIT("first"));
    assert_int_equal(t.count, 2);
    for (int c = 'a'; c <= 'z'; c++) {
        name[6] = (char)c;
        attempts_add(&t, span_of(name));
    }
    assert_int_equal(t.count, ATTEMPTS_MODELS);
    attempts_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_model_backs_off_until_its_budget_is_used_up),
        cmocka_unit_test(half_of_a_back_off_is_chance),
        cmocka_unit_test(each_model_is_asked_twice_and_then_the_next),
        cmocka_unit_test(a_model_that_cools_for_long_gives_way),
        cmocka_unit_test(a_first_request_waits_for_what_cools_only),
        cmocka_unit_test(the_note_goes_over_claims),
        cmocka_unit_test(what_is_no_note_changes_nothing),
        cmocka_unit_test(a_name_that_is_there_or_one_too_many_is_passed_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
