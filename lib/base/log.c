/* One write(2) per line, so that lines of several processes on one pipe do not mix. Owns the log's
 * settings of this process. Invariant: a line has the names of the caller's format and no others,
 * whatever the values hold. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line holds its pairs even when each of their bytes is escaped. */
enum { PAIRS_MAX_BYTES = 2048, LINE_MAX_BYTES = 8 * PAIRS_MAX_BYTES };

/* Stands for the spaces between pairs while they are formatted; it is in no UTF-8 text. */
static const char SEPARATOR = '\xff';

static struct {
    const char *process;
    enum log_level level;
    bool as_json;
} settings = {"sluice", LOG_INFO, false};

static const char *const LEVELS[] = {"error", "warn", "info", "debug"};

void log_setup(const char *process, enum log_level level, bool as_json)
{
    settings.process = process;
    settings.level = level;
    settings.as_json = as_json;
}

static bool is_on(enum log_level level)
{
    return level <= settings.level;
}

static void put_time(struct buf *line)
{
    int64_t ms = clock_wall_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[32];
    (void)gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)buf_append(line, text, len); /* the line has room: LINE_MAX_BYTES */
    (void)buf_printf(line, ".%03dZ", (int)(ms % 1000));
}

/* In quotes, escaped as JSON has it; what is not UTF-8 is shown as U+FFFD. */
static void put_quoted(struct buf *line, struct span value)
{
    bool is_utf8 = span_is_utf8(value);
    (void)buf_byte(line, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            (void)buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            (void)buf_printf(line, "\\u%04x", c);
        else if (c >= 0x80 && !is_utf8)
            (void)buf_text(line, "\\ufffd");
        else
            (void)buf_byte(line, (char)c);
    }
    (void)buf_byte(line, '"');
}

static bool needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == 0x7f)
            return true;
    }
    return value.len == 0 || !span_is_utf8(value);
}

static void put_pair(struct buf *line, struct span name, struct span value)
{
    (void)buf_printf(line, settings.as_json ? ",\"%.*s\":" : " %.*s=", SPAN_ARG(name));
    if (settings.as_json || needs_quotes(value))
        put_quoted(line, value);
    else
        (void)buf_span(line, value);
}

/* The format with SEPARATOR between its pairs (owned). One va_list cannot be used pair by pair, so
 * all are formatted at once. */
static char *separate(const char *format)
{
    char *separated = mem_strdup(format);
    for (char *c = separated; *c != '\0'; c++)
        if (*c == ' ')
            *c = SEPARATOR;
    return separated;
}

/* How much of `text` is a value: up to a separator that `next_name` and = follow, or all of it. */
static size_t value_length(struct span text, struct span next_name)
{
    for (size_t i = 0; next_name.len > 0 && i + next_name.len + 1 < text.len; i++)
        if (text.ptr[i] == SEPARATOR && text.ptr[i + 1 + next_name.len] == '=' &&
            memcmp(text.ptr + i + 1, next_name.ptr, next_name.len) == 0)
            return i;
    return text.len;
}

static struct span skip(struct span s, size_t len)
{
    return s.len < len ? span_of("") : span_make(s.ptr + len, s.len - len);
}

/* `text` is what `format` made: its pairs, their names known from the format. */
static void put_pairs(struct buf *line, const char *format, struct span text)
{
    struct span pairs = span_of(format);
    while (pairs.len > 0) {
        struct span pair = span_cut(&pairs, ' ');
        struct span name = span_cut(&pair, '=');
        struct span rest = pairs;
        text = skip(text, name.len + 1);
        size_t len = value_length(text, span_cut(&rest, '='));
        put_pair(line, name, span_make(text.ptr, len));
        text = skip(text, len + 1);
    }
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!is_on(level))
        return;
    struct buf line;
    char pairs[PAIRS_MAX_BYTES];
    va_list args;
    char *separated = separate(format);
    va_start(args, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
    "-Wformat-nonliteral" /* the caller's format, checked there; only its spaces changed */
    int len = vsnprintf(pairs, sizeof pairs, separated, args);
#pragma GCC diagnostic pop
    va_end(args);
    mem_free(separated);
    buf_init(&line, LINE_MAX_BYTES);
    if (settings.as_json)
        (void)buf_text(&line, "{\"ts\":\"");
    put_time(&line);
    (void)buf_printf(&line,
                     settings.as_json ? "\",\"level\":\"%s\",\"process\":\"%s\",\"event\":\"%s\""
                                      : " %s %s %s",
                     LEVELS[level], settings.process, event);
    put_pairs(&line, format, span_make(pairs, len < 0 ? 0 : strnlen(pairs, sizeof pairs)));
    (void)buf_text(&line, settings.as_json ? "}\n" : "\n");
    struct span all = buf_as_span(&line);
    ssize_t written = write(STDERR_FILENO, all.ptr, all.len);
    (void)written; /* nowhere to tell */
    buf_release(&line);
}
