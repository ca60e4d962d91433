/* The table of errors, and how one is told. */
#include "base/err.h"

#include "base/check.h"
#include "base/span.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct row {
    const char *name;
    int status;
    bool is_retryable;
    const char *message;
} ROWS[ERR_COUNT] = {
    [ERR_OK] = {"ok", 200, false, "no error"},
#define X(name, code, status, retryable, message) [ERR_##name] = {code, status, retryable, message},
#include "base/err.def"
#undef X
};

static const struct row *row_of(int code)
{
    int index = abs(code);
    CHECK(index < ERR_COUNT);
    return &ROWS[index];
}

/* Cuts a text that filled its space back to whole UTF-8 characters. */
static void cut_at_character(char *text, size_t len)
{
    while (len > 0 && !span_is_utf8(span_make(text, len)))
        text[--len] = '\0';
}

int err_set(struct err *err, enum err_code code, const char *param, const char *format, ...)
{
    CHECK(code > ERR_OK && code < ERR_COUNT);
    if (err == NULL)
        return -(int)code;
    err->code = code;
    (void)snprintf(err->param, sizeof err->param, "%s", param == NULL ? "" : param);
    va_list args;
    va_start(args, format);
    int len = format == NULL ? snprintf(err->message, sizeof err->message, "%s", ROWS[code].message)
                             : vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (len >= (int)sizeof err->message)
        cut_at_character(err->message, sizeof err->message - 1);
    cut_at_character(err->param, strnlen(err->param, sizeof err->param));
    return -(int)code;
}

const char *err_name(int code)
{
    return row_of(code)->name;
}

const char *err_message(int code)
{
    return row_of(code)->message;
}

int err_status(int code)
{
    return row_of(code)->status;
}

bool err_is_retryable(int code)
{
    return row_of(code)->is_retryable;
}
