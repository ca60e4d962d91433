/* How steps fail: JSON there and back, and who is tried again when. */
#include "graph/failing.h"

#include "base/err.h"
#include "worker_test.h"

static void test_json(void **state)
{
    struct failing failing, back;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    failing_set(&failing, STEP_HTTP_STATUS, 503, -1, "it said \"no\"");
    failing_write(&failing, "look", &b);
    assert_string_equal(b.ptr, "{\"node\":\"look\",\"code\":\"http_status\",\"message\":\"it said "
                               "\\\"no\\\"\",\"status\":503}");
    assert_int_equal(failing_read(buf_as_span(&b), &back), 0);
    assert_int_equal(back.error, STEP_HTTP_STATUS);
    assert_int_equal(back.status, 503);
    assert_string_equal(back.message, "it said \"no\"");
    buf_reset(&b);
    failing_set(&failing, STEP_TIMEOUT, 0, -1, NULL);
    failing_write(&failing, NULL, &b);
    assert_string_equal(b.ptr, "{\"code\":\"timeout\",\"message\":\"It took too long.\"}");
    buf_release(&b);
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
    struct failing failing;
    char text[600];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "ä", 3);
    failing_set(&failing, STEP_MODEL, 0, -1, text);
    assert_true(strlen(failing.message) > 200);
    assert_true(span_is_utf8(span_of(failing.message)));
}

static void test_from_within(void **state)
{
    struct failing failing;
    (void)state;
    failing_set(&failing, STEP_TIMEOUT, 0, -1, NULL);
    failing_within(&failing, "both");
    failing_within(&failing, "inside");
    assert_string_equal(failing.message, "inside: both: It took too long.");
    assert_int_equal(failing.error, STEP_TIMEOUT);
}

static void test_what_is_no_failure(void **state)
{
    struct failing failing;
    (void)state;
    assert_int_equal(failing_read(SPAN_LIT("{}"), &failing), -ERR_MALFORMED);
    assert_int_equal(failing_read(SPAN_LIT("{\"code\":\"other\"}"), &failing), -ERR_MALFORMED);
    assert_int_equal(failing_read(SPAN_LIT("[1"), &failing), -ERR_MALFORMED);
    assert_int_equal(failing_read(SPAN_LIT("{\"code\":\"model\"}"), &failing), 0);
}

static void test_every_code_has_a_name_and_a_message(void **state)
{
    struct failing failing;
    (void)state;
    for (enum step_error e = 0; e < STEP_ERRORS; e++) {
        assert_non_null(step_error_name(e));
        failing_set(&failing, e, 0, -1, NULL);
        assert_true(failing.message[0] != '\0');
    }
}

static int64_t wait_ms(enum step_error error, int status, int64_t after_ms, unsigned on,
                       int64_t tried)
{
    const struct retry retry = {.times = 3, .on = on, .backoff_ms = 100};
    struct failing failing;
    failing_set(&failing, error, status, after_ms, NULL);
    return failing_wait_ms(&failing, &retry, tried);
}

static void test_tries(void **state)
{
    enum { ALL = RETRY_TIMEOUT | RETRY_CONNECT | RETRY_429 | RETRY_5XX | RETRY_BAD_JSON };
    (void)state;
    assert_int_equal(wait_ms(STEP_TIMEOUT, 0, -1, RETRY_TIMEOUT, 0), 100);
    assert_int_equal(wait_ms(STEP_TIMEOUT, 0, -1, RETRY_TIMEOUT, 1), 200);
    assert_int_equal(wait_ms(STEP_TIMEOUT, 0, -1, RETRY_TIMEOUT, 2), 400);
    assert_int_equal(wait_ms(STEP_TIMEOUT, 0, -1, RETRY_TIMEOUT, 3), -1);
    assert_int_equal(wait_ms(STEP_TIMEOUT, 0, -1, ALL & ~(unsigned)RETRY_TIMEOUT, 0), -1);
    assert_int_equal(wait_ms(STEP_CONNECT, 0, -1, RETRY_CONNECT, 0), 100);
    assert_int_equal(wait_ms(STEP_BAD_JSON, 0, -1, RETRY_BAD_JSON, 0), 100);
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 429, -1, RETRY_429, 0), 100);
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 429, -1, RETRY_5XX, 0), -1);
    assert_int_equal(wait_ms(STEP_MODEL, 529, -1, RETRY_5XX, 0), 100);
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 404, -1, ALL, 0), -1);
    assert_int_equal(wait_ms(STEP_BAD_EXPRESSION, 0, -1, ALL, 0), -1);
    assert_int_equal(wait_ms(STEP_EFFECT_UNKNOWN, 0, -1, ALL, 0), -1);
}

static void test_patience(void **state)
{
    const struct retry retry = {.times = 100, .on = RETRY_429, .backoff_ms = 20 * 1000};
    struct failing failing;
    (void)state;
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 429, 5000, RETRY_429, 0), 5000);
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 429, 50, RETRY_429, 0), 100);
    assert_int_equal(wait_ms(STEP_HTTP_STATUS, 429, FAILING_BACKOFF_MS + 1, RETRY_429, 0), -1);
    failing_set(&failing, STEP_HTTP_STATUS, 429, -1, NULL);
    assert_int_equal(failing_wait_ms(&failing, &retry, 1), FAILING_BACKOFF_MS);
    assert_int_equal(failing_wait_ms(&failing, &retry, 99), FAILING_BACKOFF_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_a_long_message_is_cut_between_characters),
        cmocka_unit_test(test_from_within),
        cmocka_unit_test(test_what_is_no_failure),
        cmocka_unit_test(test_every_code_has_a_name_and_a_message),
        cmocka_unit_test(test_tries),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
