/* Commands in RESP2. The count of arguments stands in front and is known last, so room for it is
 * kept free: it is written backwards from where the arguments begin. */
#include "bus/command.h"

#include <inttypes.h>
#include <stdio.h>

enum { HEADER = 16, COMMAND_MAX = 256 * 1024 * 1024 };

void command_reset(struct command *c)
{
    static const char room[HEADER];
    c->count = 0;
    buf_reset(&c->bytes);
    (void)buf_append(&c->bytes, room, HEADER); /* far below the maximum */
}

void command_init(struct command *c)
{
    buf_init(&c->bytes, COMMAND_MAX);
    command_reset(c);
}

void command_release(struct command *c)
{
    buf_release(&c->bytes);
}

/* `$<length>` and the line's end, written from its last digit on: a command has a dozen arguments,
 * and printf costs more than all else of them. */
static struct span length_line(size_t length, char *room, size_t size)
{
    char *at = room + size;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + length % 10);
    while ((length /= 10) > 0);
    *--at = '$';
    return span_make(at, (size_t)(room + size - at));
}

void command_arg(struct command *c, struct span s)
{
    char room[32];
    c->count++;
    (void)buf_span(&c->bytes,
                   length_line(s.len, room, sizeof room)); /* looked at once, in command_bytes */
    (void)buf_span(&c->bytes, s);
    (void)buf_append(&c->bytes, "\r\n", 2);
}

void command_join(struct command *c, const struct command *more)
{
    c->count += more->count;
    (void)buf_append(&c->bytes, more->bytes.ptr + HEADER, more->bytes.len - HEADER);
}

void command_text(struct command *c, const char *text)
{
    command_arg(c, span_of(text));
}

void command_int(struct command *c, int64_t v)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, v);
    command_arg(c, span_make(text, (size_t)len));
}

struct span command_bytes(struct command *c)
{
    char header[HEADER];
    if (buf_error(&c->bytes) != 0)
        return SPAN_NONE;
    int len = snprintf(header, sizeof header, "*%" PRIu32 "\r\n", c->count);
    CHECK(len > 0 && len < HEADER);
    char *start = c->bytes.ptr + HEADER - len;
    memcpy(start, header, (size_t)len);
    return span_make(start, c->bytes.len - HEADER + (size_t)len);
}
