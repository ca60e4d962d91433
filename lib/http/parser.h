/* The strict HTTP/1.1 request parser (RFC 9112): bytes in, one request out. No sockets. Every
 * malformed row of the protocol document's table is refused; nothing is repaired. Fuzzed against
 * llhttp. */
#ifndef SLUICE_HTTP_PARSER_H
#define SLUICE_HTTP_PARSER_H

#include "base/buf.h"

enum parser_status {
    PARSER_MORE,  /* needs more bytes */
    PARSER_HEAD,  /* the header block is complete: fields may be looked at; feed goes on with the
                     body */
    PARSER_DONE,  /* one whole request; `used` bytes were consumed; the rest is the next one's */
    PARSER_FAILED /* http status in `error_status`; answer and close */
};

struct parser_field {
    struct span name; /* as sent */
    struct span value;
};

struct parser;

struct parser *parser_new(size_t max_body_bytes);
void parser_free(struct parser *p);
void parser_reset(struct parser *p); /* for the next request of the connection */
/* Consumes from `bytes`, tells how many were used. After HEAD call again with the rest. */
enum parser_status parser_feed(struct parser *p, struct span bytes, size_t *used);
bool parser_is_idle(const struct parser *p); /* no byte of a request has come yet */

int parser_error_status(const struct parser *p); /* 400 413 414 417 431 501 505 */
const char *parser_error_text(const struct parser *p);
struct span parser_method(const struct parser *p);
struct span
parser_target(const struct parser *p);    /* origin form, or "*" for OPTIONS; the authority of an
                                             absolute form was checked against Host */
int parser_minor(const struct parser *p); /* 0 or 1 */
bool parser_keeps_alive(const struct parser *p);
bool parser_expects_continue(const struct parser *p);
size_t parser_field_count(const struct parser *p);
struct parser_field parser_field_at(const struct parser *p, size_t index);
struct span parser_field_get(const struct parser *p, const char *name); /* first; SPAN_NONE */
struct span parser_body(const struct parser *p);

#endif
