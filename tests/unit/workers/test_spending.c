/* What a generation has used: told, estimated, unknown or none, and never a false zero. */
#include "model/spending.h"

#include "worker_test.h"

static const char text[] = "one two three four five";

struct fixture {
    struct spending s;
};

static int setup(void **state)
{
    static struct fixture f;
    spending_init(&f.s, false);
    *state = &f;
    return 0;
}

static void ask(struct fixture *f)
{
    const struct llm_message message = {.role = "user", .content = SPAN_LIT("Count to five")};
    const struct llm_request request = {.messages = &message, .message_count = 1};
    spending_begin(&f->s, &request);
    f->s.was_asked = true;
}

static void say(struct fixture *f)
{
    spending_piece(&f->s, &(struct piece){.kind = EVENT_DELTA, .text = span_of(text)});
}

static void check(const struct fixture *f, struct usage told, enum usage_source source,
                  int64_t input, int64_t output)
{
    struct usage usage = spending_usage(&f->s, told);
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
    spending_lose(&f->s);
    check(f, usage_none(), USAGE_NONE, 0, 0);
}

static void lost_requests_are_added(void **state)
{
    struct fixture *f = *state;
    ask(f);
    f->s.told = usage_unknown();
    spending_lose(&f->s);
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
    ask(f);
    say(f);
    ask(f);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 0);
}

/* However it was cut, a text costs the same, if not less than its pieces; parts are texts of their
 * own. */
static void a_text_in_pieces_costs_what_it_costs_whole(void **state)
{
    struct fixture *f = *state;
    const struct span words = SPAN_LIT("extraordinarily long 1234567890");
    ask(f);
    spending_piece(&f->s, &(struct piece){.kind = EVENT_DELTA, .text = {words.ptr, 7}});
    spending_piece(&f->s,
                   &(struct piece){.kind = EVENT_DELTA, .text = {words.ptr + 7, words.len - 7}});
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 2 + 1 + 4);
    spending_piece(&f->s, &(struct piece){.kind = EVENT_DELTA, .part = 1, .text = SPAN_LIT("1")});
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 2 + 1 + 4 + 1);
}

static void a_call_of_a_tool_counts_once(void **state)
{
    struct fixture *f = *state;
    const struct call_piece fragments[] = {
        {.kind = EVENT_TOOL_CALL_DELTA, .name = SPAN_LIT("find"), .arguments = SPAN_LIT("{\"qu")},
        {.kind = EVENT_TOOL_CALL_DELTA, .arguments = SPAN_LIT("ery\":\"a b c\"}")},
        {.kind = EVENT_TOOL_CALL,
         .name = SPAN_LIT("find"),
         .arguments = SPAN_LIT("{\"query\":\"a b c\"}")}};
    ask(f);
    for (size_t i = 0; i < 2; i++)
        spending_call(&f->s, &fragments[i]);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 1 + 1 + 1 + 1 + 3 + 1);
    spending_call(&f->s, &fragments[2]);
    check(f, usage_unknown(), USAGE_ESTIMATED, 7, 1 + 1 + 1 + 1 + 3 + 1);
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
    const struct llm_message turn = {.role = "assistant",
                                     .content = SPAN_LIT("a b"),
                                     .reasoning = SPAN_LIT("a b"),
                                     .tool_calls = SPAN_LIT("a b")};
    assert_int_equal(spending_input(&(struct llm_request){.messages = &turn, .message_count = 1}),
                     4 + 2 + 2 + 2);
    const struct llm_request raw = {
        .raw_messages = SPAN_LIT(
            "[{\"role\":\"user\",\"content\":\"a b\"},{\"role\":\"user\",\"content\":[{"
            "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:xxxxxxxxxxxxxxx\"}}]}]")};
    assert_int_equal(spending_input(&raw), (4 + 4) + (4 + 800));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_was_not_asked_costs_nothing, setup),
        cmocka_unit_test_setup(what_is_told_counts, setup),
        cmocka_unit_test_setup(what_is_not_told_is_estimated, setup),
        cmocka_unit_test_setup(a_refusal_is_not_counted, setup),
        cmocka_unit_test_setup(lost_requests_are_added, setup),
        cmocka_unit_test_setup(a_lost_claim_owes_its_input, setup),
        cmocka_unit_test_setup(only_what_a_request_itself_said_is_its_output, setup),
        cmocka_unit_test_setup(a_text_in_pieces_costs_what_it_costs_whole, setup),
        cmocka_unit_test_setup(a_call_of_a_tool_counts_once, setup),
        cmocka_unit_test_setup(all_of_a_request_counts_as_input, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
