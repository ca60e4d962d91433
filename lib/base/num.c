/* From text to numbers. Invariant: *out is written once, when the whole text was a number. */
#include "base/num.h"

#include "base/err.h"

#include <limits.h>

struct unit {
    const char *suffix;
    uint64_t factor;
};

int num_parse_u64(struct span s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return -ERR_MALFORMED;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -ERR_MALFORMED;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return -ERR_MALFORMED;
    }
    *out = value;
    return 0;
}

int num_parse_i64(struct span s, int64_t *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t value;
    if (num_parse_u64(is_negative ? span_make(s.ptr + 1, s.len - 1) : s, &value) != 0)
        return -ERR_MALFORMED;
    if (value > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return -ERR_MALFORMED;
    *out = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

/* Digits and one of the units. */
static int parse_with_unit(struct span s, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
        digits++;
    if (num_parse_u64(span_make(s.ptr, digits), &value) != 0)
        return -ERR_MALFORMED;
    struct span suffix = span_make(s.ptr + digits, s.len - digits);
    for (size_t i = 0; i < count; i++)
        if (span_is(suffix, units[i].suffix)) {
            if (__builtin_mul_overflow(value, units[i].factor, &value) || value > INT64_MAX)
                return -ERR_MALFORMED;
            *out = value;
            return 0;
        }
    return -ERR_MALFORMED;
}

int num_parse_ms(struct span s, int64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t ms;
    if (span_is(s, "forever")) {
        *out_ms = INT64_MAX;
        return 0;
    }
    if (parse_with_unit(s, units, sizeof units / sizeof *units, &ms) != 0)
        return -ERR_MALFORMED;
    *out_ms = (int64_t)ms;
    return 0;
}

int num_parse_bytes(struct span s, uint64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1}, {"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};
    return parse_with_unit(s, units, sizeof units / sizeof *units, out_bytes);
}
