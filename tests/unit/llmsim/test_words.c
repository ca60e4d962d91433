/* Words that fit, numbers, codes, what is quoted. */
#include "words.h"

#include "llmsim_test.h"

static void words_are_runs_of_letters_and_digits(void **state)
{
    struct span rest = SPAN_LIT(" find_order: na\xc3\xafve-2!"), word;
    static const char *const wanted[] = {"find", "order", "na\xc3\xafve", "2"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(words_next(&rest, &word));
        assert_true(span_is(word, wanted[i]));
    }
    assert_false(words_next(&rest, &word));
}

static void what_fits(void **state)
{
    static const struct {
        const char *message, *about;
        int score;
    } rows[] = {
        {"Where are my orders?", "find_order", 1},
        {"ORDER", "look up an order by its number", 1},
        {"what is the", "what is the", 0}, /* they say nothing */
        {"a pan", "pans", 0},              /* short words must be the same */
        {"pan and pan", "a pan", 2},
        {"weather in Rome tomorrow", "weather_forecast for a city: Rome", 2},
        {"", "order", 0},
        {"order", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(words_score(span_of(rows[i].message), span_of(rows[i].about)),
                         rows[i].score);
    assert_int_equal(words_score(SPAN_NONE, SPAN_NONE), 0);
}

static void what_is_far_behind_does_not_count(void **state)
{
    static char text[WORDS_LOOKED_AT + 16];
    (void)state;
    memset(text, ' ', sizeof text - 1);
    memcpy(text + WORDS_LOOKED_AT, "order 17", 8);
    assert_int_equal(words_score(span_of(text), SPAN_LIT("order")), 0);
    assert_null(words_code(span_of(text), 0).ptr);
}

static void numbers_and_codes(void **state)
{
    struct span text = SPAN_LIT("Orders 17, A-18b and 99999999999999999999, please; 3 of them.");
    int64_t number = 0;
    (void)state;
    assert_true(words_number(text, 0, &number) && number == 17);
    assert_true(words_number(text, 1, &number) && number == 18);
    assert_true(words_number(text, 2, &number) && number == 3); /* what is too large is none */
    assert_false(words_number(text, 3, &number));
    assert_true(span_is(words_code(text, 0), "17"));
    assert_true(span_is(words_code(text, 1), "A-18b"));
    assert_null(words_code(text, 9).ptr);
    assert_null(words_code(SPAN_NONE, 0).ptr);
}

static void what_is_marked(void **state)
{
    (void)state;
    assert_true(span_is(words_quoted(SPAN_LIT("say \"how high\" or")), "how high"));
    assert_null(words_quoted(SPAN_LIT("say \"how high")).ptr);
    assert_null(words_quoted(SPAN_LIT("nothing \"\"")).ptr);
    assert_true(span_is(words_with(SPAN_LIT("to a@b.c now"), "@"), "a@b.c"));
    assert_null(words_with(SPAN_LIT("to nobody"), "@").ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_and_digits),
        cmocka_unit_test(what_fits),
        cmocka_unit_test(what_is_far_behind_does_not_count),
        cmocka_unit_test(numbers_and_codes),
        cmocka_unit_test(what_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
