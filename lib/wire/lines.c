/* Lines out of a stream. One that lies whole in a chunk is given where it lies; only a line cut by
 * a chunk's end is kept. Invariant: no more than max_bytes are kept. */
#include "wire/lines.h"
#include "base/err.h"

void lines_init(struct line_reader *r, size_t max_bytes, lines_on_line on_line, void *arg)
{
    *r = (struct line_reader){.on_line = on_line, .arg = arg};
    buf_init(&r->kept, max_bytes);
}

void lines_release(struct line_reader *r)
{
    buf_release(&r->kept);
}

static int give(struct line_reader *r, struct span line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line.len == 0 ? 0 : r->on_line(line, r->arg);
}

/* A line of which the beginning may be kept from an earlier chunk. */
static int end_line(struct line_reader *r, struct span tail)
{
    if (r->kept.len == 0)
        return tail.len > r->kept.max ? -ERR_TOO_LARGE : give(r, tail);
    int rc = buf_span(&r->kept, tail);
    if (rc == 0)
        rc = give(r, buf_as_span(&r->kept));
    buf_reset(&r->kept);
    return rc;
}

int lines_feed(struct line_reader *r, struct span bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        if (end == NULL)
            return buf_span(&r->kept, bytes);
        size_t len = (size_t)(end - bytes.ptr);
        int rc = end_line(r, span_make(bytes.ptr, len));
        if (rc != 0)
            return rc;
        bytes = span_make(end + 1, bytes.len - len - 1);
    }
    return 0;
}

int lines_end(struct line_reader *r)
{
    return r->kept.len == 0 ? 0 : end_line(r, SPAN_LIT(""));
}
