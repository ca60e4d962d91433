/* The parser's insides, shared by parser.c (the header block) and parser_body.c. */
#ifndef SLUICE_HTTP_PARSER_INNER_H
#define SLUICE_HTTP_PARSER_INNER_H

#include "http/parser.h"
#include "wire/limits.h"

enum state { LINE, FIELDS, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, DONE, FAILED };

enum { CHUNK_LINE_MAX = 16 + LIMIT_CHUNK_EXTENSION, TRAILER_MAX = 4 * 1024 };

struct field_at {
    size_t name, name_len, value, value_len; /* offsets in head: it moves while it grows */
};

struct parser {
    enum state state;
    struct buf head; /* request line and fields, CRLF included */
    struct buf body;
    struct buf line;    /* a chunk-size or trailer line under way */
    size_t line_start;  /* of the head's line under way */
    size_t block_start; /* of the fields: the header block ends with the empty line */
    size_t trailer_bytes;
    size_t max_body;
    uint64_t left; /* of the body, or of the chunk */
    struct field_at fields[LIMIT_HEADER_FIELDS];
    size_t field_count;
    struct field_at method, target; /* name part only */
    int minor;
    bool is_chunked, keeps_alive, expects_continue, saw_leading_line;
    int error_status;
    const char *error_text;
};

/* Enters FAILED; nothing more is consumed. */
enum parser_status parser_fail(struct parser *p, int status, const char *text);
/* One byte of a line of the chunked coding: a size, the end of a chunk's data, a trailer. */
enum parser_status parser_feed_line(struct parser *p, char c);
/* As many bytes of the body as are there and belong to it; how many. */
size_t parser_feed_data(struct parser *p, struct span bytes);

#endif
