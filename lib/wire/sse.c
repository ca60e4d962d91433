/* Server-sent events, as the HTML standard says (section 9.2.6, "Interpreting an event stream").
 * Lines that lie whole in one chunk are read where they lie; only a line cut by a chunk's end is
 * kept. Invariant: no line, event, type or id grows beyond max_bytes. `retry:` is the business of
 * whoever reconnects by himself: nobody here does. */
#include "wire/sse.h"
#include "base/err.h"

void sse_init(struct sse_reader *r, size_t max_bytes, sse_on_event on_event, void *arg)
{
    *r = (struct sse_reader){.at_start = true, .on_event = on_event, .arg = arg};
    buf_init(&r->line, max_bytes);
    buf_init(&r->data, max_bytes);
    buf_init(&r->type, max_bytes);
    buf_init(&r->id, max_bytes);
}

void sse_release(struct sse_reader *r)
{
    buf_release(&r->line);
    buf_release(&r->data);
    buf_release(&r->type);
    buf_release(&r->id);
}

static int set(struct buf *b, struct span value)
{
    buf_reset(b);
    return buf_span(b, value);
}

static int add_data(struct sse_reader *r, struct span value)
{
    int rc = r->has_data ? buf_byte(&r->data, '\n') : 0;
    r->has_data = true;
    return rc == 0 ? buf_span(&r->data, value) : rc;
}

static int on_field(struct sse_reader *r, struct span name, struct span value)
{
    if (span_is(name, "data"))
        return add_data(r, value);
    if (span_is(name, "event"))
        return set(&r->type, value);
    if (span_is(name, "id") && memchr(value.ptr, '\0', value.len) == NULL) {
        r->has_id = true;
        return set(&r->id, value);
    }
    return 0;
}

static struct span text_or_none(const struct buf *b, bool is_there)
{
    return is_there ? span_make(b->len == 0 ? "" : b->ptr, b->len) : SPAN_NONE;
}

static int dispatch(struct sse_reader *r)
{
    struct sse_event event = {.type = text_or_none(&r->type, r->type.len > 0),
                              .id = text_or_none(&r->id, r->has_id),
                              .data = text_or_none(&r->data, true)};
    int rc = r->has_data ? r->on_event(&event, r->arg) : 0;
    buf_reset(&r->type);
    buf_reset(&r->data);
    r->has_data = false;
    return rc;
}

/* A whole line, without its end. */
static int on_line(struct sse_reader *r, struct span line)
{
    if (r->at_start && span_starts_with(line, "\xef\xbb\xbf"))
        line = span_make(line.ptr + 3, line.len - 3);
    r->at_start = false;
    if (line.len == 0)
        return dispatch(r);
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == line.ptr)
        return 0; /* a comment */
    if (colon == NULL)
        return on_field(r, line, SPAN_LIT(""));
    struct span name = span_make(line.ptr, (size_t)(colon - line.ptr));
    struct span value = span_make(colon + 1, line.len - name.len - 1);
    if (value.len > 0 && value.ptr[0] == ' ')
        value = span_make(value.ptr + 1, value.len - 1);
    return on_field(r, name, value);
}

/* A line of which the beginning may be kept from an earlier chunk. */
static int end_line(struct sse_reader *r, struct span tail)
{
    if (r->line.len == 0)
        return tail.len > r->line.max ? -ERR_TOO_LARGE : on_line(r, tail);
    int rc = buf_span(&r->line, tail);
    if (rc == 0)
        rc = on_line(r, buf_as_span(&r->line));
    buf_reset(&r->line);
    return rc;
}

int sse_feed(struct sse_reader *r, struct span bytes)
{
    if (bytes.len == 0)
        return 0;
    if (r->after_cr) {
        r->after_cr = false;
        if (bytes.ptr[0] == '\n')
            bytes = span_make(bytes.ptr + 1, bytes.len - 1);
    }
    size_t begin = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        char c = bytes.ptr[at];
        if (c != '\n' && c != '\r')
            continue;
        int rc = end_line(r, span_make(bytes.ptr + begin, at - begin));
        if (rc != 0)
            return rc;
        r->after_cr = c == '\r' && at + 1 == bytes.len;
        if (c == '\r' && at + 1 < bytes.len && bytes.ptr[at + 1] == '\n')
            at++;
        begin = at + 1;
    }
    return buf_append(&r->line, bytes.ptr + begin, bytes.len - begin);
}

bool sse_is_mid_event(const struct sse_reader *r)
{
    return r->line.len > 0 || r->has_data || r->type.len > 0;
}

void sse_put_comment(struct buf *b, const char *text)
{
    (void)buf_printf(b, ": %s\n\n",
                     text); /* the buffer remembers: so everywhere in this file's writers */
}

void sse_put_retry(struct buf *b, int ms)
{
    (void)buf_printf(b, "retry: %d\n\n", ms);
}

static void put_line(struct buf *b, const char *name, struct span value)
{
    (void)buf_text(b, name);
    (void)buf_span(b, value);
    (void)buf_byte(b, '\n');
}

/* Up to the first CR, LF or CRLF of `rest`, which goes behind it, or to SPAN_NONE at the end. */
static struct span cut_line(struct span *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '\n' && rest->ptr[len] != '\r')
        len++;
    struct span line = span_make(rest->ptr, len);
    if (len == rest->len) {
        *rest = SPAN_NONE;
        return line;
    }
    bool is_crlf = rest->ptr[len] == '\r' && len + 1 < rest->len && rest->ptr[len + 1] == '\n';
    len += is_crlf ? 2 : 1;
    *rest = span_make(rest->ptr + len, rest->len - len);
    return line;
}

void sse_put_event(struct buf *b, struct span id, const char *type, struct span data)
{
    if (id.ptr != NULL)
        put_line(b, "id: ", id);
    put_line(b, "event: ", span_of(type));
    do {
        put_line(b, "data: ", cut_line(&data));
    } while (data.ptr != NULL);
    (void)buf_byte(b, '\n');
}
