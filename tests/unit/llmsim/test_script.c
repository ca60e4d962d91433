/* The words of a simulated provider's script: each alone, all together, and what is not understood.
 */
#include "script.h"

#include "base/buf.h"

#include "llmsim_test.h"

static struct script parse(const char *message)
{
    return script_parse(span_of(message));
}

static void assert_default(const char *message)
{
    struct script s = parse(message);
    assert_int_equal(s.tokens, -1);
    assert_int_equal(s.delay_ms, 15);
    assert_int_equal(s.first_ms, 0);
    assert_false(s.is_self);
    assert_true(s.tells_usage);
    assert_string_equal(s.tool, "");
    assert_int_equal(s.fault, FAULT_NONE);
    assert_int_equal(s.reasoning, 0);
    assert_int_equal(s.retry_after, RETRY_AFTER_USUAL);
    assert_int_equal(s.fail_times, -1);
    assert_string_equal(s.on_model, "");
}

static void an_ordinary_message_is_no_script(void **state)
{
    (void)state;
    assert_default("");
    assert_default("hello tokens=3");
    assert_default(" !sim tokens=3");
    assert_default("!simulate tokens=3");
    assert_default("!sim");
    struct script none = script_parse(SPAN_NONE);
    assert_int_equal(none.tokens, -1);
}

static void every_word_is_taken(void **state)
{
    (void)state;
    struct script s = parse("!sim tokens=200 delay_ms=20 first_ms=500 text=self usage=none "
                            "tool=look_up-1 reasoning=9 fault=stall@40");
    assert_int_equal(s.tokens, 200);
    assert_int_equal(s.delay_ms, 20);
    assert_int_equal(s.first_ms, 500);
    assert_true(s.is_self);
    assert_false(s.tells_usage);
    assert_string_equal(s.tool, "look_up-1");
    assert_int_equal(s.reasoning, 9);
    assert_int_equal(s.fault, FAULT_STALL);
    assert_int_equal(s.fault_at, 40);
    assert_true(parse("!sim text=clock").is_clock);
    assert_string_equal(parse("!sim tool=find,page").tool, "find,page");
    assert_int_equal(parse("!sim\ntokens=1\n\ttokens=2").tokens, 2); /* lines; the last counts */
}

static void every_fault_has_its_form(void **state)
{
    static const struct {
        const char *word;
        enum fault fault;
        int64_t at;
        int status;
    } rows[] = {
        {"stall@0", FAULT_STALL, 0, 0},
        {"reset@1", FAULT_RESET, 1, 0},
        {"truncate@2", FAULT_TRUNCATE, 2, 0},
        {"error@3", FAULT_ERROR, 3, 0},
        {"garbage@4", FAULT_GARBAGE, 4, 0},
        {"huge@10000000", FAULT_HUGE, SCRIPT_TOKENS_MAX, 0},
        {"drip", FAULT_DRIP, 0, 0},
        {"status:429", FAULT_STATUS, 0, 429},
        {"status:400", FAULT_STATUS, 0, 400},
        {"status:599", FAULT_STATUS, 0, 599},
        /* no fault at all */
        {"stall", FAULT_NONE, 0, 0},
        {"stall@", FAULT_NONE, 0, 0},
        {"stall@-1", FAULT_NONE, 0, 0},
        {"stall@10000001", FAULT_NONE, 0, 0},
        {"drip@3", FAULT_NONE, 0, 0},
        {"status:200", FAULT_NONE, 0, 0},
        {"status:600", FAULT_NONE, 0, 0},
        {"status:", FAULT_NONE, 0, 0},
        {"flood@1", FAULT_NONE, 0, 0},
        {"", FAULT_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[64];
        (void)snprintf(message, sizeof message, "!sim fault=%s", rows[i].word);
        struct script s = parse(message);
        if (s.fault != rows[i].fault || s.fault_at != rows[i].at || s.status != rows[i].status)
            fail_msg("%s: fault %d at %lld, status %d", rows[i].word, (int)s.fault,
                     (long long)s.fault_at, s.status);
    }
}

static void what_is_not_understood_changes_nothing(void **state)
{
    (void)state;
    assert_default("!sim tokens= delay_ms=x first_ms=-1 text=other usage=some tool= colour=red");
    assert_default("!sim tokens delay_ms first_ms tool=with.dot tool=a/b fault");
    assert_default("!sim tokens=10000001 delay_ms=3600001 first_ms=3600001");
    char longest[5 + 5 + SCRIPT_TOOL_MAX + 2] = "!sim tool=";
    memset(longest + 10, 'a', SCRIPT_TOOL_MAX);
    assert_int_equal(strlen(parse(longest).tool), SCRIPT_TOOL_MAX);
    longest[10 + SCRIPT_TOOL_MAX] = 'a';
    assert_default(longest);
}

static void retry_after_has_three_forms(void **state)
{
    static const struct {
        const char *word;
        enum retry_after form;
        int64_t seconds;
    } rows[] = {
        {"7", RETRY_AFTER_SECONDS, 7},     {"86400", RETRY_AFTER_SECONDS, 86400},
        {"date:30", RETRY_AFTER_DATE, 30}, {"none", RETRY_AFTER_NONE, 0},
        {"", RETRY_AFTER_USUAL, 0},        {"86401", RETRY_AFTER_USUAL, 0},
        {"date:", RETRY_AFTER_USUAL, 0},   {"date:none", RETRY_AFTER_USUAL, 0},
        {"soon", RETRY_AFTER_USUAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[64];
        (void)snprintf(message, sizeof message, "!sim retry_after=%s", rows[i].word);
        struct script s = parse(message);
        if (s.retry_after != rows[i].form || s.retry_after_s != rows[i].seconds)
            fail_msg("%s: form %d, %lld s", rows[i].word, (int)s.retry_after,
                     (long long)s.retry_after_s);
    }
}

static void a_spend_cap_is_a_429_of_its_own(void **state)
{
    (void)state;
    struct script s = parse("!sim spend_cap");
    assert_int_equal(s.fault, FAULT_STATUS);
    assert_int_equal(s.status, 429);
    assert_true(s.is_spending);
    assert_false(parse("!sim spend_cap fault=status:429").is_spending); /* the last counts */
    assert_default("!sim spend_cap=1");
}

static void whom_a_fault_hits(void **state)
{
    char longest[128 + 2 + 14] = "!sim on_model=";
    (void)state;
    struct script s = parse("!sim fault=status:500 fail_times=2 on_model=vendor/model-1.5:latest");
    assert_int_equal(s.fail_times, 2);
    assert_string_equal(s.on_model, "vendor/model-1.5:latest");
    assert_int_equal(parse("!sim fail_times=0").fail_times, 0);
    assert_default("!sim on_model= fail_times=-1 fail_times=x");
    memset(longest + 14, 'm', SCRIPT_MODEL_MAX);
    assert_int_equal(strlen(parse(longest).on_model), SCRIPT_MODEL_MAX);
    longest[14 + SCRIPT_MODEL_MAX] = 'm';
    assert_default(longest);
}

/* What is left of a message is what an agent would go by. */
static void the_rest_is_no_script(void **state)
{
    static const struct {
        const char *message, *rest;
    } rows[] = {
        {"Where is a=b?", "Where is a=b?"},
        {"!simple words", "!simple words"},
        {"!sim delay_ms=5 where is order 17?", "where is order 17?"},
        {"!sim spend_cap\nsecond  line\tends", "second line\tends"},
        {"!sim", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf rest;
        buf_init(&rest, 256);
        script_rest(span_of(rows[i].message), &rest);
        assert_string_equal(rest.len == 0 ? "" : rest.ptr, rows[i].rest);
        buf_release(&rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_is_no_script),
        cmocka_unit_test(an_ordinary_message_is_no_script),
        cmocka_unit_test(every_word_is_taken),
        cmocka_unit_test(every_fault_has_its_form),
        cmocka_unit_test(what_is_not_understood_changes_nothing),
        cmocka_unit_test(retry_after_has_three_forms),
        cmocka_unit_test(a_spend_cap_is_a_429_of_its_own),
        cmocka_unit_test(whom_a_fault_hits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
