/* An end as data: what finish is told, and the error as clients see it. */
#include "common/ending.h"

#include "worker_test.h"

static int setup(void **state)
{
    static struct ending e;
    ending_init(&e);
    *state = &e;
    return 0;
}

static int teardown(void **state)
{
    ending_release(*state);
    return 0;
}

static char tenant[] = "default", generation[] = "gen_1", token[] = "1.w-1";
static const struct claimed CLAIMED = {.tenant = tenant, .generation = generation, .token = token};

static void done_says_what_there_is(void **state)
{
    struct ending *e = *state;
    const struct run_end end = {
        .state = "done",
        .usage = {3, 4, -1, -1, USAGE_PROVIDER, true},
        .finish_reason = SPAN_LIT("stop"),
        .reply = SPAN_LIT("bytes\0more"),
        .model = SPAN_LIT("m"),
        .system = SPAN_LIT(""),
    };
    ending_set(e, &end);
    struct finish f = ending_finish(e, &CLAIMED, 12);
    assert_string_equal(f.state, "done");
    assert_int_equal(f.expected_seq, 12);
    assert_string_equal(f.token, "1.w-1");
    assert_span(f.finish_reason, SPAN_LIT("stop"));
    assert_span(f.reply, SPAN_LIT("bytes\0more"));
    assert_span(f.system, SPAN_LIT("")); /* given, though empty */
    assert_span(f.output, SPAN_NONE);
    assert_span(f.error, SPAN_NONE);
    assert_span(f.reason, SPAN_NONE);
    assert_string_equal(f.usage_source, "provider");
    assert_span(f.usage, SPAN_LIT("{\"input\":3,\"output\":4,\"cached\":null,\"reasoning\":null,"
                                  "\"source\":\"provider\",\"settled\":true}"));
}

static void a_failure_names_code_and_status(void **state)
{
    struct ending *e = *state;
    struct run_end end = {
        .state = "failed",
        .usage = usage_none(),
        .code = -ERR_PROVIDER_RATE_LIMITED,
        .message = "slow \"down\"",
        .provider_status = 429,
    };
    ending_set(e, &end);
    struct finish f = ending_finish(e, &CLAIMED, 2);
    assert_span(f.reason, SPAN_LIT("provider_rate_limited"));
    assert_span(f.error, SPAN_LIT("{\"code\":\"provider_rate_limited\",\"message\":\"slow "
                                  "\\\"down\\\"\",\"retryable\":true,\"provider_status\":429}"));
    assert_false(f.is_resumable);
    end = (struct run_end){.state = "interrupted",
                           .usage = usage_unknown(),
                           .code = ERR_DRAINED,
                           .is_resumable = true};
    ending_set(e, &end); /* replaces all of it */
    f = ending_finish(e, &CLAIMED, 2);
    assert_string_equal(f.state, "interrupted");
    assert_true(f.is_resumable);
    assert_span(f.error, SPAN_LIT("{\"code\":\"drained\",\"message\":\"the worker was shut down "
                                  "before the end\",\"retryable\":true}"));
    assert_true(ending_bytes(e) > 0);
}

static void a_graph_that_asks_back(void **state)
{
    struct ending *e = *state;
    const struct run_end end = {
        .state = "done",
        .usage = usage_none(),
        .finish_reason = SPAN_LIT("ask"),
        .graph = SPAN_LIT("support"),
        .resume = SPAN_LIT("{\"expires_at\":5}"),
        .parked = SPAN_LIT("state\0of it"),
        .parked_ms = 1000,
    };
    ending_set(e, &end);
    struct finish f = ending_finish(e, &CLAIMED, 12);
    assert_span(f.graph, SPAN_LIT("support"));
    assert_span(f.resume, SPAN_LIT("{\"expires_at\":5}"));
    assert_span(f.parked, SPAN_LIT("state\0of it"));
    assert_int_equal(f.parked_ms, 1000);
}

static void a_failed_step_names_its_node(void **state)
{
    struct ending *e = *state;
    const struct run_end end = {
        .state = "failed",
        .usage = usage_none(),
        .code = ERR_INTERNAL,
        .message = "lookup: timeout",
        .node = SPAN_LIT("lookup"),
    };
    ending_set(e, &end);
    struct finish f = ending_finish(e, &CLAIMED, 2);
    assert_span(f.error, SPAN_LIT("{\"code\":\"internal\",\"message\":\"lookup: timeout\","
                                  "\"retryable\":false,\"node\":\"lookup\"}"));
    assert_span(f.parked, SPAN_NONE);
    assert_span(f.graph, SPAN_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(done_says_what_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_names_code_and_status, setup, teardown),
        cmocka_unit_test_setup_teardown(a_graph_that_asks_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_step_names_its_node, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
