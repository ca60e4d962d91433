/* What a generation has used: told, estimated, unknown or none, and never a false zero. */
#include "stream/spending.h"

#include "worker_test.h"

static const char text[] = "one two three four five";

struct fixture {
    struct reply reply;
    struct spending s;
};

static int setup(void **state)
{
    static struct fixture f;
    reply_init(&f.reply, 4096);
    spending_init(&f.s, false);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reply_release(&f->reply);
    return 0;
}

static void ask(struct fixture *f)
{
    const struct llm_message message = {.role = "user", .content = SPAN_LIT("Count to five")};
    const struct llm_request request = {.messages = &message, .message_count = 1};
    spending_begin(&f->s, &request, &f->reply);
    f->s.was_asked = true;
}

static void say(struct fixture *f)
{
    reply_put_piece(&f->reply, &(struct piece){.kind = EVENT_DELTA, .text = span_of(text)});
    f->s.pieces++;
}

static void check(const struct fixture *f, struct usage told, enum usage_source source,
                  int64_t input, int64_t output)
{
    struct usage usage = spending_usage(&f->s, told, &f->reply);
    assert_int_equal(usage.source, source);
    assert_int_equal(usage.input, input);
    assert_int_equal(usage.output, output);
}

static void who_was_not_asked_costs_nothing(void **state)
{
    struct fixture *f = *state;
    check(f, usage_none(), USAGE_NONE, 0, 0);
    f->s.is_dark = true;
    check(f, usage_none(), USAGE_UNKNOWN, -1, -1);
}

static void what_is_told_counts(void **state)
{
    struct fixture *f = *state;
    ask(f);
    say(f);
    check(f, (struct usage){11, 22, -1, -1, USAGE_PROVIDER, true}, USAGE_PROVIDER, 11, 22);
}

static void what_is_not_told_is_estimated(void **state)
{
    struct fixture *f = *state;
    ask(f);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 0);
    say(f);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 5);
    f->s.pieces = 9; /* each is a token at least */
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 9);
    check(f, (struct usage){11, -1, 3, -1, USAGE_PROVIDER, false}, USAGE_ESTIMATED, 11, 9);
}

static void a_refusal_is_not_counted(void **state)
{
    struct fixture *f = *state;
    ask(f);
    f->s.is_refused = true;
    check(f, usage_unknown(), USAGE_UNKNOWN, -1, -1);
    f->s.told = usage_unknown();
    spending_lose(&f->s, &f->reply);
    check(f, usage_none(), USAGE_NONE, 0, 0);
}

static void lost_requests_are_added(void **state)
{
    struct fixture *f = *state;
    ask(f);
    f->s.told = usage_unknown();
    spending_lose(&f->s, &f->reply);
    check(f, usage_none(), USAGE_ESTIMATED, 7, 0);
    ask(f);
    say(f);
    check(f, (struct usage){11, 22, -1, -1, USAGE_PROVIDER, true}, USAGE_ESTIMATED, 18, 22);
}

static void a_lost_claim_owes_its_input(void **state)
{
    struct fixture *f = *state;
    f->s.owes_input = true;
    f->s.lost_output = 4;
    ask(f);
    say(f);
    check(f, usage_unknown(), USAGE_ESTIMATED, 14, 9);
}

static void only_what_a_request_itself_said_is_its_output(void **state)
{
    struct fixture *f = *state;
    say(f); /* shown before */
    ask(f);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 0);
}

static void all_of_a_request_counts_as_input(void **state)
{
    (void)state;
    const struct llm_message message = {
        .role = "user",
        .content = SPAN_LIT("a b"),
        .attachments = SPAN_LIT("[{\"type\":\"image\",\"url\":\"https://x\"},{\"type\":\"text\","
                                "\"data\":\"YWJjZGVmZ2hpamts\"}]")};
    const struct llm_request request = {.messages = &message,
                                        .message_count = 1,
                                        .system = SPAN_LIT("c d"),
                                        .prefill = SPAN_LIT("e"),
                                        .params = SPAN_LIT("{\"tools\":[1]}")};
    assert_int_equal(spending_input(&request), (4 + 2 + 800 + 3) + (4 + 2) + 1 + 3);
    const struct llm_request raw = {
        .raw_messages = SPAN_LIT(
            "[{\"role\":\"user\",\"content\":\"a b\"},{\"role\":\"user\",\"content\":[{"
            "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:xxxxxxxxxxxxxxx\"}}]}]")};
    assert_int_equal(spending_input(&raw), (4 + 4) + (4 + 800));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_was_not_asked_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_told_is_estimated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_not_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_requests_are_added, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_claim_owes_its_input, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_a_request_itself_said_is_its_output, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_of_a_request_counts_as_input, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
