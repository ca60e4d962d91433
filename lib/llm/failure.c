/* How a provider's failures are named: HTTP answers, errors inside a stream. Pure: no socket, no
 * timer. Invariant: what people read of a failure has no control characters and is cut
 * at a character. */
#include "llm/format.h"
#include <stdarg.h>
#include <stdio.h>

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

/* Words in an error's code and type. Those of money come first: whatever else is said, no waiting
 * helps. */
static const struct {
    const char *word;
    int code;
    bool is_money;
} words[] = {
    {"insufficient_quota", -ERR_PROVIDER_REFUSED, true},
    {"billing_hard_limit_reached", -ERR_PROVIDER_REFUSED, true},
    {"billing_not_active", -ERR_PROVIDER_REFUSED, true},
    {"billing_error", -ERR_PROVIDER_REFUSED, true},
    {"insufficient_credits", -ERR_PROVIDER_REFUSED, true},
    {"insufficient_balance", -ERR_PROVIDER_REFUSED, true},
    {"credit_limit_reached", -ERR_PROVIDER_REFUSED, true},
    {"enforced_spend_limit_reached", -ERR_PROVIDER_REFUSED, true},
    {"access_terminated", -ERR_PROVIDER_REFUSED, true},
    {"account_deactivated", -ERR_PROVIDER_REFUSED, true},
    {"429", -ERR_PROVIDER_RATE_LIMITED, false},
    {"rate_limit_exceeded", -ERR_PROVIDER_RATE_LIMITED, false},
    {"rate_limit_error", -ERR_PROVIDER_RATE_LIMITED, false},
    {"invalid_request_error", -ERR_PROVIDER_REFUSED, false},
    {"authentication_error", -ERR_PROVIDER_REFUSED, false},
    {"permission_error", -ERR_PROVIDER_REFUSED, false},
    {"not_found_error", -ERR_PROVIDER_REFUSED, false},
    {"request_too_large", -ERR_PROVIDER_REFUSED, false},
    {"invalid_api_key", -ERR_PROVIDER_REFUSED, false},
    {"model_not_found", -ERR_PROVIDER_REFUSED, false},
    {"context_length_exceeded", -ERR_PROVIDER_REFUSED, false},
};

/* Money again, where the message alone tells. */
static bool is_money_message(struct span message)
{
    static const char *const phrases[] = {"credit balance is too low", "API usage limits",
                                          "Insufficient Balance", "weekly usage limit"};
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (message.len > 0 &&
            memmem(message.ptr, message.len, phrases[i], strlen(phrases[i])) != NULL)
            return true;
    return false;
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

/* What the error says of itself; 0 when that is nothing known. */
static int code_of_words(const struct json *error, bool only_money)
{
    const struct span said[] = {json_string(json_get(error, "code")),
                                json_string(json_get(json_get(error, "details"), "error_code")),
                                json_string(json_get(error, "type"))};
    if (is_money_message(message_of(error)))
        return -ERR_PROVIDER_REFUSED;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (size_t j = 0; j < sizeof(said) / sizeof(said[0]); j++)
            if (span_is(said[j], words[i].word) && (words[i].is_money || !only_money))
                return words[i].code;
    return 0;
}

static int code_of_status(int status)
{
    static const int passing[] = {408, 409, 425}; /* a time-out, a lock, too early */
    if (status == 429)
        return -ERR_PROVIDER_RATE_LIMITED;
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (status == passing[i])
            return -ERR_PROVIDER_ERROR;
    return status >= 500 || status < 300 ? -ERR_PROVIDER_ERROR : -ERR_PROVIDER_REFUSED;
}

void failure_from_answer(struct llm_failure *failure, int status, struct span body)
{
    struct json_doc *doc = NULL;
    if (json_parse(body, &doc, NULL) != 0)
        doc = NULL;
    const struct json *error = doc == NULL ? NULL : error_of(json_root(doc));
    struct span message = message_of(error);
    int code = code_of_words(error, true);
    if (code == 0)
        code = code_of_status(status);
    if (message.len > 0)
        (void)failure_set(failure, code, "the provider answered %d: %.*s", status,
                          SPAN_ARG(message));
    else
        (void)failure_set(failure, code, "the provider answered %d", status);
    json_free(doc);
}

/* Of an error in a stream: its words, else the status that it would have been. */
static int code_of_event(const struct json *root, const struct json *error)
{
    int64_t status;
    int code = code_of_words(error, false);
    if (code != 0)
        return code;
    if (!json_int(json_get(error, "code"), &status) && !json_int(json_get(root, "status"), &status))
        return -ERR_PROVIDER_ERROR;
    return status >= 400 && status < 600 ? code_of_status((int)status) : -ERR_PROVIDER_ERROR;
}

int failure_from_event(struct llm_failure *failure, const struct json *root)
{
    bool is_error = json_type(json_get(root, "error")) != JSON_NULL ||
                    span_is(json_string(json_get(root, "object")), "error");
    if (!is_error)
        return 0;
    const struct json *error = error_of(root);
    int code = code_of_event(root, error);
    struct span message = message_of(error);
    if (message.len > 0)
        return failure_set(failure, code, "the provider broke off: %.*s", SPAN_ARG(message));
    return failure_set(failure, code, "the provider broke off with an error");
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
