#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void answer_begin(struct answer *a)
{
    a->part = ANSWER_HEAD;
    a->line_len = 0;
    a->status = 0;
    a->is_chunked = a->is_last = false;
    a->left = -1;
}

static void head_ended(struct answer *a)
{
    if (a->is_chunked)
        a->part = ANSWER_SIZE;
    else
        a->part = a->left == 0 || a->status == 204 ? ANSWER_OVER : ANSWER_DATA;
}

static void head_line(struct answer *a)
{
    if (a->status == 0)
        a->status = a->line_len > 9 ? (int)strtol(a->line + 9, NULL, 10) : -1;
    else if (a->line_len == 0)
        head_ended(a);
    else if (strncasecmp(a->line, "content-length:", 15) == 0)
        a->left = strtoll(a->line + 15, NULL, 10);
    else if (strncasecmp(a->line, "transfer-encoding: chunked", 26) == 0)
        a->is_chunked = true;
}

static void size_line(struct answer *a)
{
    a->left = strtoll(a->line, NULL, 16);
    a->is_last = a->left == 0;
    a->part = a->is_last ? ANSWER_DATA_END : ANSWER_DATA;
}

static void line_ended(struct answer *a)
{
    if (a->line_len > 0 && a->line[a->line_len - 1] == '\r')
        a->line_len--;
    a->line[a->line_len] = '\0';
    if (a->part == ANSWER_HEAD)
        head_line(a);
    else if (a->part == ANSWER_SIZE)
        size_line(a);
    else
        a->part = a->is_last ? ANSWER_OVER : ANSWER_SIZE; /* the empty line behind a chunk */
    a->line_len = 0;
}

static size_t feed_line(struct answer *a, const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t n = end == NULL ? len : (size_t)(end - bytes);
    size_t room = sizeof a->line - 1 - a->line_len, kept = n < room ? n : room;
    memcpy(a->line + a->line_len, bytes, kept);
    a->line_len += kept;
    if (end == NULL)
        return len;
    line_ended(a);
    return n + 1;
}

static size_t feed_data(struct answer *a, const char *bytes, size_t len)
{
    size_t n = a->left >= 0 && (size_t)a->left < len ? (size_t)a->left : len;
    if (a->on_body != NULL)
        a->on_body(a->arg, bytes, n);
    if (a->left >= 0 && (a->left -= (int64_t)n) == 0)
        a->part = a->is_chunked ? ANSWER_DATA_END : ANSWER_OVER;
    return n;
}

size_t answer_feed(struct answer *a, const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && a->part != ANSWER_OVER)
        at += a->part == ANSWER_DATA ? feed_data(a, bytes + at, len - at)
                                     : feed_line(a, bytes + at, len - at);
    return at;
}
