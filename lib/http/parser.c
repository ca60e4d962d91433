/* The strict parser. It owns the header block and the body of one request.
 *
 *     LINE ─► FIELDS ─► (HEAD told) ─► BODY | CHUNK_SIZE ─► CHUNK_DATA ─► CHUNK_END ─► ... ─►
 * TRAILER ─► DONE        any ─► FAILED
 *
 * Invariant: a byte is looked at once, in order; nothing is repaired; after FAILED nothing more is
 * consumed. */
#include "http/parser.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "http/grammar.h"
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
    struct buf line;   /* a chunk-size or trailer line under way */
    size_t line_start; /* of the head's line under way */
    size_t trailer_bytes;
    size_t max_body;
    uint64_t left; /* of the body, or of the chunk */
    struct field_at fields[LIMIT_HEADER_FIELDS];
    size_t field_count;
    struct field_at method, target; /* name part only */
    int minor;
    bool head_told, is_chunked, keeps_alive, expects_continue, saw_leading_line;
    int error_status;
    const char *error_text;
};

struct parser *parser_new(size_t max_body_bytes)
{
    struct parser *p = MEM_NEW(struct parser);
    p->max_body = max_body_bytes;
    buf_init(&p->head, LIMIT_REQUEST_LINE + LIMIT_HEADER_BLOCK + 4);
    buf_init(&p->body, max_body_bytes);
    buf_init(&p->line, CHUNK_LINE_MAX > TRAILER_MAX ? CHUNK_LINE_MAX : TRAILER_MAX);
    return p;
}

void parser_free(struct parser *p)
{
    if (p == NULL)
        return;
    buf_release(&p->head);
    buf_release(&p->body);
    buf_release(&p->line);
    mem_free(p);
}

void parser_reset(struct parser *p)
{
    buf_reset(&p->head);
    buf_release(&p->body); /* a large body's memory is not kept for an idle connection */
    buf_reset(&p->line);
    p->state = LINE;
    p->line_start = p->trailer_bytes = 0;
    p->left = 0;
    p->field_count = 0;
    p->head_told = p->is_chunked = p->expects_continue = p->saw_leading_line = false;
    p->error_status = 0;
    p->error_text = NULL;
}

static enum parser_status fail(struct parser *p, int status, const char *text)
{
    p->state = FAILED;
    p->error_status = status;
    p->error_text = text;
    return PARSER_FAILED;
}

static struct span at(const struct parser *p, size_t start, size_t len)
{
    return span_make(p->head.ptr + start, len);
}

/* -- the request line
 * ------------------------------------------------------------------------------------------------------------
 */

static enum parser_status parse_version(struct parser *p, struct span version)
{
    if (span_is(version, "HTTP/1.1") || span_is(version, "HTTP/1.0")) {
        p->minor = version.ptr[7] - '0';
        return PARSER_MORE;
    }
    bool is_other = version.len == 8 && span_starts_with(version, "HTTP/") &&
                    version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
                    version.ptr[7] >= '0' && version.ptr[7] <= '9';
    return is_other ? fail(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                    : fail(p, 400, "malformed request line");
}

static enum parser_status parse_line(struct parser *p, struct span line)
{
    struct span rest = line, method = span_cut(&rest, ' '), target = span_cut(&rest, ' ');
    if (line.len == 0) {
        if (p->saw_leading_line)
            return fail(p, 400, "more than one empty line before the request");
        p->saw_leading_line = true; /* RFC 9112 2.2: one is let pass */
        buf_reset(&p->head);
        return PARSER_MORE;
    }
    if (!grammar_is_token(method) || rest.ptr == NULL || !grammar_is_target(target))
        return fail(p, 400, "malformed request line");
    if (target.ptr[0] != '/' && !span_is(target, "*") && !span_starts_with(target, "http://"))
        return fail(p, 400, "malformed request target");
    p->method = (struct field_at){.name = p->line_start, .name_len = method.len};
    p->target =
        (struct field_at){.name = (size_t)(target.ptr - p->head.ptr), .name_len = target.len};
    p->state = FIELDS;
    return parse_version(p, rest);
}

/* -- fields
 * ----------------------------------------------------------------------------------------------------------------------
 */

static enum parser_status parse_field(struct parser *p, struct span line)
{
    struct span rest = line, name = span_cut(&rest, ':'), value = span_trim(rest);
    if (rest.ptr == NULL || !grammar_is_token(name))
        return fail(p, 400, "malformed header field");
    if (!grammar_is_field_value(value))
        return fail(p, 400, "a control character in a header field");
    if (p->field_count == LIMIT_HEADER_FIELDS)
        return fail(p, 431, "too many header fields");
    p->fields[p->field_count++] = (struct field_at){(size_t)(name.ptr - p->head.ptr), name.len,
                                                    (size_t)(value.ptr - p->head.ptr), value.len};
    return PARSER_MORE;
}

static size_t count_of(const struct parser *p, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < p->field_count; i++)
        count += span_is_nocase(parser_field_at(p, i).name, name);
    return count;
}

/* The authority of an absolute target; SPAN_NONE for the origin form. */
static struct span authority_of(struct span target)
{
    if (!span_starts_with(target, "http://"))
        return SPAN_NONE;
    struct span rest = span_make(target.ptr + 7, target.len - 7);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    return span_make(rest.ptr, len);
}

static enum parser_status check_host(struct parser *p)
{
    size_t count = count_of(p, "host");
    struct span host = parser_field_get(p, "host"),
                target = at(p, p->target.name, p->target.name_len),
                authority = authority_of(target);
    if (count > 1 || (count == 0 && p->minor == 1))
        return fail(p, 400, "exactly one Host is needed");
    if (count == 1 && !grammar_is_host(host))
        return fail(p, 400, "malformed Host");
    if (authority.ptr != NULL && (count == 0 || authority.len != host.len ||
                                  strncasecmp(authority.ptr, host.ptr, host.len) != 0))
        return fail(p, 400, "the target's authority is not the Host");
    if (span_is(target, "*") && !span_is(at(p, p->method.name, p->method.name_len), "OPTIONS"))
        return fail(p, 400, "malformed request target");
    return PARSER_MORE;
}

/* How the body is told: RFC 9112 6. Whatever is ambiguous is refused. */
static enum parser_status check_framing(struct parser *p)
{
    size_t lengths = count_of(p, "content-length"), encodings = count_of(p, "transfer-encoding");
    struct span length = parser_field_get(p, "content-length"),
                encoding = parser_field_get(p, "transfer-encoding");
    if (lengths + encodings > 1)
        return fail(p, 400, "ambiguous body length");
    if (encodings == 1 && (p->minor == 0 || !span_is_nocase(encoding, "chunked")))
        return fail(p, 400, "only the transfer coding chunked is understood, in HTTP/1.1");
    if (lengths == 1 && num_parse_u64(length, &p->left) != 0)
        return fail(p, 400, "malformed Content-Length");
    p->is_chunked = encodings == 1;
    if (p->left > p->max_body)
        return fail(p, 413, "the body is too large");
    return PARSER_MORE;
}

/* Whether a comma-separated list holds a word. */
static bool lists(struct span value, const char *word)
{
    while (value.ptr != NULL)
        if (span_is_nocase(span_trim(span_cut(&value, ',')), word))
            return true;
    return false;
}

static enum parser_status check_wishes(struct parser *p)
{
    struct span expect = parser_field_get(p, "expect");
    bool wants_close = false, wants_alive = false;
    for (size_t i = 0; i < p->field_count; i++)
        if (span_is_nocase(parser_field_at(p, i).name, "connection")) {
            wants_close = wants_close || lists(parser_field_at(p, i).value, "close");
            wants_alive = wants_alive || lists(parser_field_at(p, i).value, "keep-alive");
        }
    p->keeps_alive = !wants_close && (p->minor == 1 || wants_alive);
    if (expect.ptr != NULL && (p->minor == 0 || !span_is_nocase(expect, "100-continue")))
        return p->minor == 0 ? PARSER_MORE : fail(p, 417, "that expectation cannot be met");
    p->expects_continue = expect.ptr != NULL && (p->is_chunked || p->left > 0);
    return PARSER_MORE;
}

static enum parser_status end_of_fields(struct parser *p)
{
    enum parser_status (*const checks[])(struct parser *) = {check_host, check_framing,
                                                             check_wishes};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i](p) == PARSER_FAILED)
            return PARSER_FAILED;
    p->state = p->is_chunked ? CHUNK_SIZE : p->left > 0 ? BODY : DONE;
    return PARSER_HEAD;
}

/* One byte of the header block. Lines end in CRLF and nothing else. */
static enum parser_status feed_head(struct parser *p, char c)
{
    size_t len = p->head.len - p->line_start;
    bool after_cr = len > 0 && p->head.ptr[p->head.len - 1] == '\r';
    if (after_cr != (c == '\n'))
        return fail(p, 400, "lines must end in CRLF");
    if ((unsigned char)c < ' ' && c != '\r' && c != '\n' && c != '\t')
        return fail(p, 400, "a control character in the header");
    if (p->state == LINE && len >= LIMIT_REQUEST_LINE && c != '\n')
        return fail(p, 414, "the request line is too long");
    if (p->state == FIELDS &&
        p->head.len - p->target.name - p->target.name_len >= LIMIT_HEADER_BLOCK)
        return fail(p, 431, "the header block is too large");
    if (buf_byte(&p->head, c) != 0)
        return fail(p, 431, "the header block is too large");
    if (c != '\n')
        return PARSER_MORE;
    struct span line = at(p, p->line_start, len - 1);
    enum parser_status status = p->state == LINE ? parse_line(p, line)
                                : line.len == 0  ? end_of_fields(p)
                                                 : parse_field(p, line);
    p->line_start = p->head.len;
    return status;
}

/* -- the body
 * --------------------------------------------------------------------------------------------------------------------
 */

static enum parser_status chunk_line(struct parser *p, struct span line)
{
    struct span extension = line, size = span_cut(&extension, ';');
    if (extension.ptr != NULL && !grammar_is_chunk_extension(extension))
        return fail(p, 400, "malformed chunk extension");
    if (!grammar_parse_hex(span_trim(size).len == size.len ? size : SPAN_NONE, &p->left))
        return fail(p, 400, "malformed chunk size");
    if (p->left > p->max_body - p->body.len)
        return fail(p, 413, "the body is too large");
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
        return fail(p, 400, "malformed trailer field");
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (span_is_nocase(name, forbidden[i]))
            return fail(p, 400, "that field may not stand in a trailer");
    return PARSER_MORE;
}

/* One byte of a line of the chunked coding: a size, the end of a chunk's data, a trailer. */
static enum parser_status feed_line(struct parser *p, char c)
{
    bool after_cr = p->line.len > 0 && p->line.ptr[p->line.len - 1] == '\r';
    if (after_cr != (c == '\n') || c == '\0')
        return fail(p, 400, "lines must end in CRLF");
    if (p->state == CHUNK_END && c != '\r' && c != '\n')
        return fail(p, 400, "a chunk's data is longer than its size");
    if (p->state == CHUNK_SIZE && p->line.len >= CHUNK_LINE_MAX)
        return fail(p, 400, "the chunk extension is too long");
    if (p->state == TRAILER && ++p->trailer_bytes > TRAILER_MAX)
        return fail(p, 431, "the trailer is too large");
    if (buf_byte(&p->line, c) != 0)
        return fail(p, 400, "the line is too long");
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
static size_t feed_data(struct parser *p, struct span bytes)
{
    size_t len = bytes.len < p->left ? bytes.len : (size_t)p->left;
    CHECK(buf_append(&p->body, bytes.ptr, len) ==
          0); /* compared with the limit when the length was told */
    p->left -= len;
    if (p->left == 0)
        p->state = p->is_chunked ? CHUNK_END : DONE;
    return len;
}

enum parser_status parser_feed(struct parser *p, struct span bytes, size_t *used)
{
    enum parser_status status = p->state == FAILED ? PARSER_FAILED : PARSER_MORE;
    *used = 0;
    while (status == PARSER_MORE && p->state != DONE && *used < bytes.len) {
        struct span rest = span_make(bytes.ptr + *used, bytes.len - *used);
        if (p->state == BODY || p->state == CHUNK_DATA) {
            *used += feed_data(p, rest);
        } else {
            status = p->state == LINE || p->state == FIELDS ? feed_head(p, rest.ptr[0])
                                                            : feed_line(p, rest.ptr[0]);
            *used += 1;
        }
    }
    if (status == PARSER_MORE && p->state == DONE)
        return PARSER_DONE;
    return status;
}

/* -- looking
 * ---------------------------------------------------------------------------------------------------------------------
 */

bool parser_is_idle(const struct parser *p)
{
    return p->state == LINE && p->head.len == 0;
}

int parser_error_status(const struct parser *p)
{
    return p->error_status;
}

const char *parser_error_text(const struct parser *p)
{
    return p->error_text == NULL ? "" : p->error_text;
}

struct span parser_method(const struct parser *p)
{
    return at(p, p->method.name, p->method.name_len);
}

struct span parser_target(const struct parser *p)
{
    struct span target = at(p, p->target.name, p->target.name_len),
                authority = authority_of(target);
    if (authority.ptr == NULL)
        return target;
    size_t skipped = (size_t)(authority.ptr + authority.len - target.ptr);
    struct span path = span_make(target.ptr + skipped, target.len - skipped);
    return path.len > 0 && path.ptr[0] == '/' ? path : SPAN_LIT("/");
}

int parser_minor(const struct parser *p)
{
    return p->minor;
}

bool parser_keeps_alive(const struct parser *p)
{
    return p->keeps_alive;
}

bool parser_expects_continue(const struct parser *p)
{
    return p->expects_continue;
}

size_t parser_field_count(const struct parser *p)
{
    return p->field_count;
}

struct parser_field parser_field_at(const struct parser *p, size_t index)
{
    CHECK(index < p->field_count);
    const struct field_at *f = &p->fields[index];
    return (struct parser_field){at(p, f->name, f->name_len), at(p, f->value, f->value_len)};
}

struct span parser_field_get(const struct parser *p, const char *name)
{
    for (size_t i = 0; i < p->field_count; i++)
        if (span_is_nocase(parser_field_at(p, i).name, name))
            return parser_field_at(p, i).value;
    return SPAN_NONE;
}

struct span parser_body(const struct parser *p)
{
    return buf_as_span(&p->body);
}
