/* The body of a request as the parser reads it: by length, or chunk by chunk (RFC 9112 6 and 7). */
#include "http/grammar.h"
#include "http/parser_inner.h"

static enum parser_status chunk_line(struct parser *p, struct span line)
{
    struct span extension = line, size = span_cut(&extension, ';');
    if (extension.ptr != NULL && !grammar_is_chunk_extension(extension))
        return parser_fail(p, 400, "malformed chunk extension");
    if (!grammar_parse_hex(span_trim(size).len == size.len ? size : SPAN_NONE, &p->left))
        return parser_fail(p, 400, "malformed chunk size");
    if (p->left > p->max_body - p->body.len)
        return parser_fail(p, 413, "the body is too large");
    p->state = p->left > 0 ? CHUNK_DATA : TRAILER;
    return PARSER_MORE;
}

/* Trailers are checked like fields, bounded, and dropped; those that would change the framing or
 * the routing are refused (RFC 9110 6.5.1). */
static enum parser_status trailer_line(struct parser *p, struct span line)
{
    static const char *const forbidden[] = {"transfer-encoding", "content-length", "host",
                                            "connection",        "upgrade",        "te",
                                            "trailer",           "expect"};
    struct span value = line, name = span_cut(&value, ':');
    if (line.len == 0) {
        p->state = DONE;
        return PARSER_DONE;
    }
    if (value.ptr == NULL || !grammar_is_token(name) || !grammar_is_field_value(value))
        return parser_fail(p, 400, "malformed trailer field");
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (span_is_nocase(name, forbidden[i]))
            return parser_fail(p, 400, "that field may not stand in a trailer");
    return PARSER_MORE;
}

/* One byte of a line of the chunked coding: a size, the end of a chunk's data, a trailer. */
enum parser_status parser_feed_line(struct parser *p, char c)
{
    bool after_cr = p->line.len > 0 && p->line.ptr[p->line.len - 1] == '\r';
    if (after_cr != (c == '\n') || c == '\0')
        return parser_fail(p, 400, "lines must end in CRLF");
    if (p->state == CHUNK_END && c != '\r' && c != '\n')
        return parser_fail(p, 400, "a chunk's data is longer than its size");
    if (p->state == CHUNK_SIZE && p->line.len >= CHUNK_LINE_MAX)
        return parser_fail(p, 400, "the chunk extension is too long");
    if (p->state == TRAILER && ++p->trailer_bytes > TRAILER_MAX)
        return parser_fail(p, 431, "the trailer is too large");
    if (buf_byte(&p->line, c) != 0)
        return parser_fail(p, 400, "the line is too long");
    if (c != '\n')
        return PARSER_MORE;
    enum state was = p->state;
    struct span line = span_make(p->line.ptr, p->line.len - 2);
    enum parser_status status = PARSER_MORE;
    if (was == CHUNK_SIZE)
        status = chunk_line(p, line);
    else if (was == TRAILER)
        status = trailer_line(p, line);
    else
        p->state = CHUNK_SIZE;
    buf_reset(&p->line);
    return status;
}

/* As many bytes of the body as are there and belong to it. */
size_t parser_feed_data(struct parser *p, struct span bytes)
{
    size_t len = bytes.len < p->left ? bytes.len : (size_t)p->left;
    CHECK(buf_append(&p->body, bytes.ptr, len) ==
          0); /* compared with the limit when the length was told */
    p->left -= len;
    if (p->left == 0)
        p->state = p->is_chunked ? CHUNK_END : DONE;
    return len;
}
