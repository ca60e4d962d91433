/* The words of a script, in tables. Invariant: every number that comes out
 * is within its bounds; what is not understood leaves its default. */
#include "script.h"

#include "base/buf.h"
#include "base/num.h"

#include <stdio.h>

enum { DEFAULT_DELAY_MS = 15, STATUS_MIN = 400, STATUS_MAX = 599, RETRY_AFTER_MAX_S = 86400 };

static const struct {
    const char *name;
    enum fault fault;
    bool has_place; /* `@n` follows */
} FAULTS[] = {
    {"stall", FAULT_STALL, true},       {"reset", FAULT_RESET, true},
    {"truncate", FAULT_TRUNCATE, true}, {"error", FAULT_ERROR, true},
    {"garbage", FAULT_GARBAGE, true},   {"huge", FAULT_HUGE, true},
    {"drip", FAULT_DRIP, false},
};

static void parse_fault(struct script *s, struct span value)
{
    struct span place = value, name = span_cut(&place, '@');
    uint64_t number;
    if (span_starts_with(value, "status:")) {
        struct span code = span_make(value.ptr + 7, value.len - 7);
        if (num_parse_u64(code, &number) == 0 && number >= STATUS_MIN && number <= STATUS_MAX) {
            s->fault = FAULT_STATUS;
            s->status = (int)number;
            s->is_spending = false;
        }
        return;
    }
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        bool is_placed =
            place.ptr != NULL && num_parse_u64(place, &number) == 0 && number <= SCRIPT_TOKENS_MAX;
        if (!span_is(name, FAULTS[i].name) || is_placed != FAULTS[i].has_place)
            continue;
        s->fault = FAULTS[i].fault;
        s->fault_at = is_placed ? (int64_t)number : 0;
    }
}

static void parse_number(struct span value, int64_t max, int64_t *out)
{
    uint64_t number;
    if (num_parse_u64(value, &number) == 0 && number <= (uint64_t)max)
        *out = (int64_t)number;
}

/* `7`, `date:7` or `none`. */
static void parse_retry_after(struct script *s, struct span value)
{
    uint64_t number;
    bool is_date = span_starts_with(value, "date:");
    if (is_date)
        (void)span_cut(&value, ':');
    if (num_parse_u64(value, &number) == 0 && number <= RETRY_AFTER_MAX_S) {
        s->retry_after = is_date ? RETRY_AFTER_DATE : RETRY_AFTER_SECONDS;
        s->retry_after_s = (int64_t)number;
    } else if (!is_date && span_is(value, "none")) {
        s->retry_after = RETRY_AFTER_NONE;
    }
}

/* The account's money is used up: a 429 that no waiting helps. */
static void spend_cap(struct script *s)
{
    s->fault = FAULT_STATUS;
    s->status = 429;
    s->is_spending = true;
}

/* One name, or several with commas between them. */
static bool is_tool_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') ||
              (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '_' || s.ptr[i] == '-' ||
              s.ptr[i] == ','))
            return false;
    return s.len > 0 && s.len <= SCRIPT_TOOL_MAX;
}

static bool is_model_name(struct span s)
{
    return s.len > 0 && s.len <= SCRIPT_MODEL_MAX;
}

static void parse_word(struct script *s, struct span word)
{
    struct span value = word, name = span_cut(&value, '=');
    struct {
        const char *name;
        int64_t max, *out;
    } numbers[] = {{"tokens", SCRIPT_TOKENS_MAX, &s->tokens},
                   {"reasoning", SCRIPT_TOKENS_MAX, &s->reasoning},
                   {"delay_ms", SCRIPT_MS_MAX, &s->delay_ms},
                   {"first_ms", SCRIPT_MS_MAX, &s->first_ms},
                   {"fail_times", SCRIPT_TOKENS_MAX, &s->fail_times}};
    if (value.ptr == NULL && span_is(name, "spend_cap"))
        spend_cap(s);
    if (value.ptr == NULL)
        return;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (span_is(name, numbers[i].name))
            parse_number(value, numbers[i].max, numbers[i].out);
    if (span_is(name, "text") && span_is(value, "self"))
        s->is_self = true;
    else if (span_is(name, "text") && span_is(value, "clock"))
        s->is_clock = true;
    else if (span_is(name, "usage") && span_is(value, "none"))
        s->tells_usage = false;
    else if (span_is(name, "tool") && is_tool_name(value))
        (void)snprintf(s->tool, sizeof s->tool, "%.*s", SPAN_ARG(value));
    else if (span_is(name, "on_model") && is_model_name(value))
        (void)snprintf(s->on_model, sizeof s->on_model, "%.*s", SPAN_ARG(value));
    else if (span_is(name, "retry_after"))
        parse_retry_after(s, value);
    else if (span_is(name, "fault"))
        parse_fault(s, value);
}

static bool is_script(struct span message)
{
    return span_starts_with(message, "!sim") && (message.len == 4 || message.ptr[4] == ' ' ||
                                                 message.ptr[4] == '\n' || message.ptr[4] == '\t');
}

struct script script_parse(struct span message)
{
    struct script s = {
        .tokens = -1, .delay_ms = DEFAULT_DELAY_MS, .tells_usage = true, .fail_times = -1};
    bool is_one = is_script(message);
    while (is_one && message.ptr != NULL) {
        struct span line = span_cut(&message, '\n');
        while (line.ptr != NULL)
            parse_word(&s, span_trim(span_cut(&line, ' ')));
    }
    return s;
}

void script_rest(struct span message, struct buf *out)
{
    if (!is_script(message)) {
        (void)buf_span(out, message); /* the caller's buffer holds a message */
        return;
    }
    (void)span_cut(&message, 'm'); /* of !sim */
    while (message.ptr != NULL) {
        struct span line = span_cut(&message, '\n');
        while (line.ptr != NULL) {
            struct span word = span_trim(span_cut(&line, ' '));
            bool is_word = word.len > 0 && memchr(word.ptr, '=', word.len) == NULL &&
                           !span_is(word, "spend_cap");
            if (is_word)
                (void)buf_printf(out, "%s%.*s", out->len > 0 ? " " : "", SPAN_ARG(word));
        }
    }
}
