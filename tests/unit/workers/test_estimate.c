/* The estimate against what a tokenizer counts (o200k_base, gpt-tokenizer 4.0.0), within 15 %. */
#include "model/estimate.h"

#include "worker_test.h"

static const struct {
    const char *text;
    int64_t tokens;
} samples[] = {
    {"Sure! Here's a quick overview of how photosynthesis works. Plants absorb sunlight with "
     "chlorophyll, a green pigment found in their leaves, and use that energy to turn carbon "
     "dioxide and water into glucose and oxygen. The process happens in two stages: the "
     "light-dependent reactions, which take place in the thylakoid membranes, and the Calvin "
     "cycle, which runs in the stroma. In the first stage, light excites electrons, water "
     "molecules are split, and ATP and NADPH are made. In the second, those carriers power the "
     "fixing of carbon dioxide into sugars that the plant can store or burn later. If you'd like, "
     "I can also explain why leaves change colour in autumn, or how C4 plants such as maize differ "
     "from most others.",
     151},
    {"## Back-off\n\n| when | wait |\n|---|---|\n| first failure | 500 ms |\n| second failure | "
     "1,000 ms |\n\n1. **Stop** works at once, also while a model is waited for.\n2. A wait of "
     "more "
     "than one second holds no slot: the generation goes back to the queue.\n",
     70},
    {"static int put_text(struct answer *a, const struct piece *piece)\n{\n    int rc = "
     "run_put_piece(a->run, piece);\n    if (rc == 0)\n        reply_put_piece(&a->reply, "
     "piece);\n    return rc;\n}\n",
     53},
    {"Gerne! Die Photosynthese ist der Vorgang, bei dem Pflanzen mithilfe von Sonnenlicht aus "
     "Kohlendioxid und Wasser energiereichen Traubenzucker herstellen. Dabei entsteht Sauerstoff, "
     "den wir zum Atmen brauchen. Möchten Sie außerdem wissen, warum sich die Blätter im Herbst "
     "verfärben?",
     64},
    {"当然可以！光合作用是植物利用阳光，把二氧化碳和水转化为葡萄糖和氧气的过程。它分为两个阶段："
     "光反应和暗反应。如果你愿意，我还可以解释为什么树叶在秋天会变色。",
     62},
};

static void it_is_near_what_a_tokenizer_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        int64_t tokens = estimate_tokens(span_of(samples[i].text));
        if (tokens * 100 < samples[i].tokens * 85 || tokens * 100 > samples[i].tokens * 115)
            fail_msg("%.20s...: %lld, not %lld", samples[i].text, (long long)tokens,
                     (long long)samples[i].tokens);
    }
}

static void runs_are_counted_as_the_header_says(void **state)
{
    (void)state;
    assert_int_equal(estimate_tokens(SPAN_NONE), 0);
    assert_int_equal(estimate_tokens(SPAN_LIT("")), 0);
    assert_int_equal(estimate_tokens(SPAN_LIT(" ")), 0);
    assert_int_equal(estimate_tokens(SPAN_LIT("a b")), 2);
    assert_int_equal(estimate_tokens(SPAN_LIT("abcdefghij")), 1);
    assert_int_equal(estimate_tokens(SPAN_LIT("abcdefghijk")), 2);
    assert_int_equal(estimate_tokens(SPAN_LIT("1234")), 2);
    assert_int_equal(estimate_tokens(SPAN_LIT("    x")), 2);
    assert_int_equal(estimate_tokens(SPAN_LIT("\xbf\xbf")), 1); /* cut within a character */
}

/* Cut wherever, within a character too. */
static void pieces_count_what_the_whole_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct span text = span_of(samples[i].text);
        for (size_t step = 1; step < 8; step++) {
            struct estimate e = {.tokens = 0};
            for (size_t at = 0; at < text.len; at += step)
                estimate_put(&e,
                             span_make(text.ptr + at, text.len - at < step ? text.len - at : step));
            assert_int_equal(estimate_sum(&e), estimate_tokens(text));
        }
    }
}

static void texts_are_counted_apart(void **state)
{
    (void)state;
    struct estimate e = {.tokens = 0};
    estimate_put(&e, SPAN_LIT("one"));
    estimate_put(&e, SPAN_LIT("two"));
    assert_int_equal(estimate_sum(&e), 1);
    estimate_end(&e);
    estimate_put(&e, SPAN_LIT("three"));
    assert_int_equal(estimate_sum(&e), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_near_what_a_tokenizer_counts),
        cmocka_unit_test(runs_are_counted_as_the_header_says),
        cmocka_unit_test(pieces_count_what_the_whole_counts),
        cmocka_unit_test(texts_are_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
