/* Expressions through the real child: values, faults and their words, what may not be reached, what
 * runs away, and that nothing of it harms the next evaluation. */
#include "jq_fixture.h"

#include <stdlib.h>

static const struct jq_options OPTIONS = {.program = SLUICE_JQ};

static void gives_each_programs_value(void **state)
{
    struct fixture f;
    const struct span programs[] = {SPAN_LIT(".a"), SPAN_LIT("[.b[] | . + 1]"),
                                    SPAN_LIT("\"\\(.a)!\""), SPAN_LIT("null")};
    struct result r = {.f = &f, .stops = true};
    (void)state;
    fixture_begin(&f, &OPTIONS);
    (void)jq_eval(f.jq, SPAN_LIT("{\"a\":\"x\\ny\",\"b\":[1,2]}"), programs, 4, on_result, &r);
    loop_run(f.loop);
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.values, "\"x\\ny\"\n[2,3]\n\"x\\ny!\"\nnull\n");
    fixture_end(&f);
}

static void says_what_is_wrong(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    assert_fault(&f, "1", ".a |", "syntax error");
    assert_fault(&f, "1", "nowhere(.)", "nowhere/1 is not defined");
    assert_fault(&f, "{}", "empty", "gave no value");
    assert_fault(&f, "{}", "1, 2", "gave more than one value");
    assert_fault(&f, "{}", "1, error(\"late\")", "late");
    assert_fault(&f, "{}", "error({a: 1})", "{\"a\":1}");
    assert_fault(&f, "\"text\"", ".a", "Cannot index string");
    assert_fault(&f, "{", ".", "its input is no JSON");
    assert_fault(&f, "", ".", "its input is no JSON");
    assert_fault(&f, "{}", "reduce range(40) as $i (0; [.])", "cannot be kept");
    assert_fault(&f, "{}", "(\"a\" * 1000) * 1100", "gave more than 1048576 bytes");
    assert_value(&f, "{\"a\":5}", ".a", "5");
    fixture_end(&f);
}

static void says_in_which_line(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    struct result r = eval(&f, "1", ".a |\n.b |\n| .c\n");
    assert_int_equal(r.status, -ERR_BAD_REQUEST);
    assert_int_equal(r.line, 3);
    assert_memory_equal(r.message, "syntax error, unexpected '|'", 28);
    r = eval(&f, "1", ".a\n| nowhere");
    assert_int_equal(r.line, 2);
    assert_string_equal(r.message, "nowhere/0 is not defined");
    r = eval(&f, "1", "\n\n env");
    assert_int_equal(r.line, 3);
    assert_string_equal(r.message, "`env` is not allowed in expressions");
    fixture_end(&f);
}

static void says_which_program(void **state)
{
    struct fixture f;
    const struct span programs[] = {SPAN_LIT("."), SPAN_LIT(".a"), SPAN_LIT(".b.c")};
    struct result r = {.f = &f, .stops = true};
    (void)state;
    fixture_begin(&f, &OPTIONS);
    (void)jq_eval(f.jq, SPAN_LIT("{\"a\":1,\"b\":2}"), programs, 3, on_result, &r);
    loop_run(f.loop);
    assert_int_equal(r.status, -ERR_BAD_REQUEST);
    assert_int_equal(r.failed, 2);
    assert_int_equal(r.count, 0);
    fixture_end(&f);
}

static void compiles_without_running(void **state)
{
    struct fixture f;
    struct span programs[] = {SPAN_LIT(".a"), SPAN_LIT("def f: f; f"), SPAN_LIT(".b |")};
    struct result good = {.f = &f, .stops = true}, bad = good;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    (void)jq_compile(f.jq, programs, 2, on_result, &good);
    loop_run(f.loop);
    assert_int_equal(good.status, 0);
    assert_int_equal(good.count, 0);
    (void)jq_compile(f.jq, programs, 3, on_result, &bad);
    loop_run(f.loop);
    assert_int_equal(bad.status, -ERR_BAD_REQUEST);
    assert_int_equal(bad.failed, 2);
    assert_int_equal(bad.line, 1);
    fixture_end(&f);
}

/* The words are refused before jq sees them; the rest of what could reach out is not there. */
static void reaches_nothing(void **state)
{
    static const char *const refused[] = {"env",
                                          "$ENV",
                                          "env.PATH",
                                          "import \"a\" as a; 1",
                                          "include \"a\"; 1",
                                          "input",
                                          "[inputs]",
                                          "debug",
                                          "halt",
                                          "halt_error",
                                          "stderr",
                                          "$__loc__",
                                          "modulemeta",
                                          "input_filename",
                                          "$secret.x",
                                          "\"\\(env)\"",
                                          "get_search_list"};
    struct fixture f;
    (void)state;
    assert_int_equal(setenv("SLUICE_TEST_SECRET", "hidden", 1), 0);
    fixture_begin(&f, &OPTIONS);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct result r = eval(&f, "{}", refused[i]);
        assert_int_equal(r.status, -ERR_BAD_REQUEST);
        if (strstr(r.message, "not allowed") == NULL)
            assert_non_null(strstr(r.message, "may stand only alone"));
    }
    assert_value(&f, "{\"env\":1,\"input\":{\"debug\":2}}", ".env + .input.debug", "3");
    fixture_end(&f);
    assert_int_equal(unsetenv("SLUICE_TEST_SECRET"), 0);
}

/* What runs for ever or for long. Of a primitive that is fast in a later release the memory ends.
 */
static const char *const RUNAWAYS[] = {
    "def f: f; f",
    "last(range(1e12))",
    "reduce range(1e12) as $i (0; . + $i)",
    "[recurse(. + 1)]",
    "first(range(1e12) | select(. < 0))",
    "[limit(1e9; repeat(1))] | length",
    "\"a\" * (. + 1e9) | length",
    "[range(1e12)]",
    "(\"x\" * 1e6) as $x | [range(1e6)] | map($x) | add | length",
};
enum { RUNAWAY_COUNT = sizeof RUNAWAYS / sizeof *RUNAWAYS };

static void ends_what_runs_away(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    for (size_t i = 0; i < RUNAWAY_COUNT; i++) {
        int64_t began_us = clock_mono_us();
        struct result r = eval(&f, "0", RUNAWAYS[i]);
        (void)printf("%-60s %4lld ms: %s\n", RUNAWAYS[i], (long long)(r.came_us - began_us) / 1000,
                     r.message);
        assert_int_equal(r.status, -ERR_BAD_REQUEST);
        if (strcmp(r.message, "needs more memory than an expression may have") != 0)
            assert_string_equal(r.message, "took longer than 50 ms");
        assert_value(&f, "{\"a\":1}", ".a + 1", "2");
    }
    fixture_end(&f);
}

/* libjq 1.7 computes constants then. The child ends itself after 2 s of processor time; where
 * it is not given that in five seconds it is ended as one that stands still. */
static void ends_what_runs_away_while_compiled(void **state)
{
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    struct result r = eval(&f, "0", "\"a\" * 1e9 | length");
    (void)printf("compiling: %s\n", r.message);
    if (r.status != -ERR_UNAVAILABLE)
        assert_int_equal(r.status, -ERR_BAD_REQUEST);
    assert_value(&f, "{\"a\":1}", ".a + 1", "2");
    fixture_end(&f);
}

static bool has_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#elif defined __has_feature
    return __has_feature(address_sanitizer);
#else
    return false;
#endif
}

static void ends_what_takes_too_much_memory(void **state)
{
    struct fixture f;
    (void)state;
    if (has_sanitizer())
        skip(); /* it reserves more than any limit */
    fixture_begin(&f, &(struct jq_options){.program = SLUICE_JQ,
                                           .eval_ms = 20000,
                                           .memory_bytes = 64 * 1024 * 1024});
    assert_fault(&f, "0", "[range(1e8)] | length", "needs more memory than an expression may have");
    assert_value(&f, "{\"a\":1}", ".a + 1", "2");
    fixture_end(&f);
}

/* How long the answer to `.a` takes when `count` calls went before it, which end so. */
static int64_t delayed_us(struct fixture *f, const char *before, size_t count, int status)
{
    struct result away[2] = {{.f = f}, {.f = f}}, r = {.f = f, .stops = true};
    const struct span bad = span_of(before), good = SPAN_LIT(".a");
    assert_true(count <= 2);
    for (size_t i = 0; i < count; i++)
        (void)jq_eval(f->jq, SPAN_LIT("{\"a\":1}"), &bad, 1, on_result, &away[i]);
    int64_t began_us = clock_mono_us();
    (void)jq_eval(f->jq, SPAN_LIT("{\"a\":1}"), &good, 1, on_result, &r);
    loop_run(f->loop);
    assert_string_equal(r.values, "1\n");
    for (size_t i = 0; i < count; i++) /* whoever is not over yet */
        if (!away[i].is_over) {
            away[i].stops = true;
            loop_run(f->loop);
            assert_int_equal(away[i].status, status);
        }
    return r.came_us - began_us;
}

static void a_runaway_delays_others_little(void **state)
{
    enum { BOUND_US = 20 * 1000 * 1000, ROUNDS = 3 }; /* gross; the goal is 100 ms behind one */
    static const char *const kinds[][2] = {{"loop", "def f: f; f"},
                                           {"primitive", "\"a\" * (.a + 1e9) | length"}};
    struct fixture f;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    (void)delayed_us(&f, "1", 2, 0); /* both children have compiled it */
    for (size_t k = 0; k < 2; k++)
        for (size_t count = 0; count <= 2; count++) {
            int64_t most_us = 0;
            for (int i = 0; i < ROUNDS; i++) {
                int64_t us = delayed_us(&f, kinds[k][1], count, -ERR_BAD_REQUEST);
                most_us = us > most_us ? us : most_us;
            }
            (void)printf("behind %zu %s: answered after %.1f ms at most\n", count, kinds[k][0],
                         (double)most_us / 1000);
            assert_true(count > 1 || most_us < BOUND_US);
        }
    fixture_end(&f);
}

struct rate {
    struct fixture f;
    int asked, answered, want;
};

static void ask_one(struct rate *rate);

static void on_one(int status, const struct jq_answer *answer, void *arg)
{
    struct rate *rate = arg;
    assert_int_equal(status, 0);
    assert_true(span_is(answer->values[1], "\"hello, world\""));
    rate->answered++;
    if (rate->answered == rate->want)
        loop_stop(rate->f.loop);
    else if (rate->asked < rate->want)
        ask_one(rate);
}

static void ask_one(struct rate *rate)
{
    const struct span programs[] = {SPAN_LIT(".out.classify.kind == \"order\""),
                                    SPAN_LIT("\"hello, \\(.input.message)\"")};
    rate->asked++;
    (void)jq_eval(rate->f.jq,
                  SPAN_LIT("{\"input\":{\"message\":\"world\"},\"history\":[{\"role\":\"user\","
                           "\"content\":\"hi\"}],\"out\":{\"classify\":{\"kind\":\"order\"}}}"),
                  programs, 2, on_one, rate);
}

static void evaluates_thousands_a_second(void **state)
{
    enum { CALLS = 5000, AT_ONCE = 20, LEAST = 200 };
    struct rate rate = {.want = CALLS};
    (void)state;
    fixture_begin(&rate.f, &OPTIONS);
    assert_value(&rate.f, "1", ".", "1");
    int64_t began_us = clock_mono_us();
    for (int i = 0; i < AT_ONCE; i++)
        ask_one(&rate);
    loop_run(rate.f.loop);
    double per_second = CALLS * 1e6 / (double)(clock_mono_us() - began_us);
    (void)printf("%.0f calls a second, %.0f evaluations\n", per_second, 2 * per_second);
    assert_true(per_second > LEAST);
    fixture_end(&rate.f);
}

/* A state of the usual size, and one that is too large to be sent. */
static void carries_large_inputs(void **state)
{
    enum { USUAL = 256 * 1024, TOO_LARGE = 9 * 1024 * 1024 };
    struct fixture f;
    struct buf input;
    (void)state;
    fixture_begin(&f, &OPTIONS);
    buf_init(&input, TOO_LARGE + 16);
    assert_int_equal(buf_byte(&input, '"'), 0);
    while (input.len <= USUAL)
        assert_int_equal(buf_text(&input, "0123456789abcdef"), 0);
    assert_int_equal(buf_byte(&input, '"'), 0);
    assert_value(&f, input.ptr, "length", "262144");
    while (input.len <= TOO_LARGE - 16)
        assert_int_equal(buf_text(&input, "0123456789abcdef"), 0);
    assert_fault(&f, input.ptr, "length", "too much to read");
    assert_value(&f, "\"x\"", "length", "1");
    buf_release(&input);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_programs_value),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(says_in_which_line),
        cmocka_unit_test(says_which_program),
        cmocka_unit_test(compiles_without_running),
        cmocka_unit_test(reaches_nothing),
        cmocka_unit_test(ends_what_runs_away),
        cmocka_unit_test(ends_what_runs_away_while_compiled),
        cmocka_unit_test(ends_what_takes_too_much_memory),
        cmocka_unit_test(a_runaway_delays_others_little),
        cmocka_unit_test(evaluates_thousands_a_second),
        cmocka_unit_test(carries_large_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
