/* The response's head: its headers one by one, and what they say of trying again. */
#include "base/clock.h"
#include "base/num.h"
#include "fetch/multi.h"
#include <time.h>

enum { RETRY_AFTER_MAX_MS = 24 * 3600 * 1000 };

bool fetch_next_header(const struct fetch *fetch, struct span *rest, struct span *name,
                       struct span *value)
{
    CHECK_MAGIC(fetch, FETCH_MAGIC);
    if (rest->ptr == NULL)
        *rest = buf_as_span(&fetch->head);
    while (rest->len > 0) {
        *value = span_cut(rest, '\n');
        if (rest->ptr == NULL)
            *rest = SPAN_LIT("");
        if (value->len > 0 && value->ptr[value->len - 1] == '\r')
            value->len--;
        *name = span_cut(value, ':');
        if (value->ptr == NULL)
            continue; /* the status line, or the blank one */
        *value = span_trim(*value);
        return true;
    }
    return false;
}

struct span fetch_response_header(const struct fetch *fetch, const char *name)
{
    struct span rest = SPAN_NONE, field, value;
    while (fetch_next_header(fetch, &rest, &field, &value))
        if (span_is_nocase(field, name))
            return value;
    return SPAN_NONE;
}

static int64_t retry_after(struct span exact_ms, struct span value, int64_t now_wall_ms)
{
    uint64_t ms;
    uint64_t seconds;
    if (num_parse_u64(exact_ms, &ms) == 0)
        return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (int64_t)ms;
    if (num_parse_u64(value, &seconds) == 0)
        return seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)seconds * 1000;
    char text[64];
    if (value.len == 0 || value.len >= sizeof(text))
        return -1;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end == NULL || *end != '\0')
        return -1;
    int64_t wait = (int64_t)timegm(&tm) * 1000 - now_wall_ms;
    if (wait < 0)
        return 0;
    return wait > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : wait;
}

int64_t fetch_retry_after_ms(const struct fetch *fetch)
{
    return retry_after(fetch_response_header(fetch, "retry-after-ms"),
                       fetch_response_header(fetch, "retry-after"), clock_wall_ms());
}
