/* How a provider's failures are named: HTTP answers, errors inside a stream, Retry-After. Pure: no
 * socket, no timer. Invariant: what people read of a failure has no control characters and is cut
 * at a character. */
#include "base/num.h"
#include "llm/format.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { RETRY_AFTER_MAX_MS = 24 * 3600 * 1000 };

static void tidy(char *text, size_t room)
{
    size_t len = strlen(text);
    if (len + 1 == room) /* perhaps cut within a character */
        while (len > 0 && !span_is_utf8(span_make(text, len)) && room - len < 6)
            text[--len] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

int failure_set(struct llm_failure *failure, int code, const char *format, ...)
{
    failure->code = code;
    failure->is_retryable = err_is_retryable(code);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(failure->message, sizeof(failure->message), format, args); /* cut if it must */
    va_end(args);
    tidy(failure->message, sizeof(failure->message));
    return code;
}

/* Codes and types that mean money: no waiting helps. */
static bool is_spending(struct span word)
{
    static const char *const words[] = {
        "insufficient_quota",   "billing_hard_limit_reached",   "billing_not_active",
        "billing_error",        "insufficient_credits",         "insufficient_balance",
        "credit_limit_reached", "enforced_spend_limit_reached", "access_terminated",
        "account_deactivated",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(word, words[i]))
            return true;
    return false;
}

static bool has_spending_code(const struct json *error)
{
    return is_spending(json_string(json_get(error, "code"))) ||
           is_spending(json_string(json_get(error, "type")));
}

static bool has_rate_code(const struct json *error)
{
    int64_t number;
    struct span code = json_string(json_get(error, "code"));
    struct span type = json_string(json_get(error, "type"));
    return (json_int(json_get(error, "code"), &number) && number == 429) || span_is(code, "429") ||
           span_is(code, "rate_limit_exceeded") || span_is(type, "rate_limit_error") ||
           span_is(type, "rate_limit_exceeded");
}

/* The object that describes an error, in the shapes that servers send: {error: {...}}, {error:
 * "..."}, or {message} itself. */
static const struct json *error_of(const struct json *root)
{
    const struct json *error = json_get(root, "error");
    return json_type(error) == JSON_NULL ? root : error;
}

static struct span message_of(const struct json *error)
{
    if (json_type(error) == JSON_STRING)
        return json_string(error);
    struct span message = json_string(json_get(error, "message"));
    return message.ptr != NULL ? message : json_string(json_get(error, "detail"));
}

static int code_of_status(int status, const struct json *error)
{
    if (has_spending_code(error))
        return -ERR_PROVIDER_REFUSED;
    if (status == 429)
        return -ERR_PROVIDER_RATE_LIMITED;
    if (status >= 500 || status == 408 || status < 300)
        return -ERR_PROVIDER_ERROR;
    return -ERR_PROVIDER_REFUSED;
}

void failure_from_answer(struct llm_failure *failure, int status, struct span body)
{
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, NULL) != 0)
        doc = NULL;
    const struct json *error = doc == NULL ? NULL : error_of(json_root(doc));
    struct span message = message_of(error);
    int code = code_of_status(status, error);
    if (message.len > 0)
        (void)failure_set(failure, code, "the provider answered %d: %.*s", status,
                          SPAN_ARG(message));
    else
        (void)failure_set(failure, code, "the provider answered %d", status);
    json_free(doc);
}

int failure_from_event(struct llm_failure *failure, const struct json *root)
{
    bool is_error = json_type(json_get(root, "error")) != JSON_NULL ||
                    span_is(json_string(json_get(root, "object")), "error");
    if (!is_error)
        return 0;
    const struct json *error = error_of(root);
    int code = -ERR_PROVIDER_ERROR;
    if (has_spending_code(error))
        code = -ERR_PROVIDER_REFUSED;
    else if (has_rate_code(error))
        code = -ERR_PROVIDER_RATE_LIMITED;
    struct span message = message_of(error);
    if (message.len > 0)
        return failure_set(failure, code, "the provider broke off: %.*s", SPAN_ARG(message));
    return failure_set(failure, code, "the provider broke off with an error");
}

int64_t failure_retry_after(struct span value, int64_t now_wall_ms)
{
    uint64_t seconds;
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

void failure_hide(struct llm_failure *failure, const char *key)
{
    size_t len = strlen(key);
    char *at = failure->message;
    while (len > 3 && (at = strstr(at, key)) != NULL) {
        memmove(at + 3, at + len, strlen(at + len) + 1);
        at[0] = at[1] = at[2] = '*';
        at += 3;
    }
}
