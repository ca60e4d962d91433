/* One write(2) per line, so that lines of several processes on one pipe do not mix. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

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

bool log_is_on(enum log_level level)
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
    (void)buf_append(line, text, len); /* a full line is cut: buf says so itself */
    (void)buf_printf(line, ".%03dZ", (int)(ms % 1000));
}

/* In quotes, with ", \ and control characters escaped as JSON has it. */
static void put_quoted(struct buf *line, struct span value)
{
    (void)buf_byte(line, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            (void)buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            (void)buf_printf(line, "\\u%04x", c);
        else
            (void)buf_byte(line, (char)c);
    }
    (void)buf_byte(line, '"');
}

static bool needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] <= ' ' || value.ptr[i] == '"' || value.ptr[i] == '\\' || value.ptr[i] == 0x7f)
            return true;
    return value.len == 0;
}

static void put_pair(struct buf *line, struct span name, struct span value)
{
    if (settings.as_json) {
        (void)buf_printf(line, ",\"%.*s\":", SPAN_ARG(name));
        put_quoted(line, value);
    } else {
        (void)buf_printf(line, " %.*s=", SPAN_ARG(name));
        if (needs_quotes(value))
            put_quoted(line, value);
        else
            (void)buf_span(line, value);
    }
}

/* The conversions of one `name=value` pair, so that a value with spaces stays one value: formats each pair by itself is not possible with one va_list,
 * so the separators between pairs are marked with a byte that no text holds. */
static char *mark_separators(const char *format)
{
    char *marked = mem_strdup(format);
    for (char *c = marked; *c != '\0'; c++)
        if (*c == ' ')
            *c = '\x1f';
    return marked;
}

static void put_pairs(struct buf *line, struct span pairs)
{
    while (pairs.ptr != NULL) {
        struct span pair = span_cut(&pairs, '\x1f');
        struct span name = span_cut(&pair, '=');
        if (name.len > 0)
            put_pair(line, name, pair.ptr == NULL ? span_of("") : pair);
    }
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_is_on(level))
        return;
    struct buf line;
    char text[8192];
    va_list args;
    char *marked = mark_separators(format);
    va_start(args, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the caller's format, checked there, with its spaces marked */
    int len = vsnprintf(text, sizeof text, marked, args);
#pragma GCC diagnostic pop
    va_end(args);
    mem_free(marked);
    buf_init(&line, LINE_MAX_BYTES);
    if (settings.as_json)
        (void)buf_text(&line, "{\"ts\":\"");
    put_time(&line);
    (void)buf_printf(&line, settings.as_json ? "\",\"level\":\"%s\",\"process\":\"%s\",\"event\":\"%s\"" : " %s %s %s", LEVELS[level], settings.process, event);
    put_pairs(&line, span_make(text, len < 0 ? 0 : strnlen(text, sizeof text)));
    (void)buf_text(&line, settings.as_json ? "}\n" : "\n");
    struct span all = buf_as_span(&line);
    ssize_t written = write(STDERR_FILENO, all.ptr, all.len);
    (void)written; /* nowhere to tell */
    buf_release(&line);
}
