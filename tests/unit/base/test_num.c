/* Strict numbers: the whole text or nothing, and the output is left alone on failure. */
#include "base/num.h"

#include "base/base_test.h"
#include "base/err.h"

static void parses_unsigned(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0}, {"7", 7}, {"00012", 12}, {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "-1",
                                      "0x10",
                                      "1e3",
                                      "1.0",
                                      "18446744073709551616",
                                      "99999999999999999999999",
                                      "1a",
                                      "٣"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t value = 99;
        assert_int_equal(num_parse_u64(span_of(good[i].text), &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t value = 99;
        assert_int_equal(num_parse_u64(span_of(bad[i]), &value), -ERR_MALFORMED);
        assert_int_equal(value, 99);
    }
    uint64_t value = 99;
    assert_int_equal(num_parse_u64(SPAN_NONE, &value), -ERR_MALFORMED);
    assert_int_equal(num_parse_u64(SPAN_LIT("1\0"), &value), -ERR_MALFORMED);
}

static void parses_signed(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"-5", -5},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {
        "", "-", "--1", "+1", "- 1", "9223372036854775808", "-9223372036854775809"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 99;
        assert_int_equal(num_parse_i64(span_of(good[i].text), &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 99;
        assert_int_equal(num_parse_i64(span_of(bad[i]), &value), -ERR_MALFORMED);
        assert_int_equal(value, 99);
    }
}

static void parses_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0s", 0},         {"150ms", 150},    {"10s", 10000},        {"5m", 300000},
                {"24h", 86400000}, {"7d", 604800000}, {"forever", INT64_MAX}};
    static const char *const bad[] = {"",    "10",    "s",     "10 s",    "-1s",          "1.5s",
                                      "10S", "10sec", "1m30s", "Forever", "106751991168d"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 99;
        assert_int_equal(num_parse_ms(span_of(good[i].text), &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 99;
        assert_int_equal(num_parse_ms(span_of(bad[i]), &value), -ERR_MALFORMED);
        assert_int_equal(value, 99);
    }
}

static void parses_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},           {"12", 12},        {"512B", 512},
                {"256KiB", 262144}, {"1MiB", 1048576}, {"2GiB", 2147483648}};
    static const char *const bad[] = {"",      "KiB", "1KB",           "1kib",
                                      "1 MiB", "-1B", "8589934592GiB", "18446744073709551615"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t value = 99;
        assert_int_equal(num_parse_bytes(span_of(good[i].text), &value), 0);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t value = 99;
        assert_int_equal(num_parse_bytes(span_of(bad[i]), &value), -ERR_MALFORMED);
        assert_int_equal(value, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_unsigned),
        cmocka_unit_test(parses_signed),
        cmocka_unit_test(parses_durations),
        cmocka_unit_test(parses_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
