/* What the example tools know. */
#include "corpus.h"

#include "llmsim_test.h"

static void pages_are_found_by_their_words(void **state)
{
    static const struct {
        const char *question, *first;
    } rows[] = {
        {"How does a canal lock work?", "canal-lock"},
        {"tell me about weirs", "weir"},
        {"what is a tide mill", "tide-mill"},
        {"the Maeslantkering", "storm-surge-barrier"},
        {"fish", "fish-ladder"},
    };
    const struct page *hits[CORPUS_HITS];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(corpus_search(span_of(rows[i].question), hits) > 0);
        assert_string_equal(hits[0]->id, rows[i].first);
        assert_ptr_equal(corpus_page(span_of(hits[0]->id)), hits[0]);
    }
    assert_int_equal(corpus_search(SPAN_LIT("zzz"), hits), 0);
    assert_int_equal(corpus_search(SPAN_NONE, hits), 0);
    assert_int_equal(corpus_search(SPAN_LIT("water river mill gate"), hits), CORPUS_HITS);
    assert_null(corpus_page(SPAN_LIT("zzz")));
    assert_null(corpus_page(SPAN_NONE));
}

static void orders_are_those_of_four_digits(void **state)
{
    static const struct {
        const char *number;
        bool is_there;
    } rows[] = {{"999", false},  {"1000", true}, {"9999", true}, {"10000", false},
                {"-100", false}, {"", false},    {"4711", true}, {"47 11", false}};
    struct parcel parcel = {0}, again = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(corpus_order(span_of(rows[i].number), &parcel), rows[i].is_there);
    assert_true(corpus_order(SPAN_LIT("4711"), &parcel) && corpus_order(SPAN_LIT("4711"), &again));
    assert_string_equal(parcel.state, again.state);
    assert_int_equal(parcel.number, 4711);
    assert_string_equal(parcel.state, "delivered");
    assert_int_equal(parcel.days, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_found_by_their_words),
        cmocka_unit_test(orders_are_those_of_four_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
