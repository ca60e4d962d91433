/* The strict parser. It owns the header block and the body of one request.
 *
 *     LINE ─► FIELDS ─► DONE
 *                   └─► BODY ─► DONE
 *                   └─► CHUNK_SIZE ─► CHUNK_DATA ─► CHUNK_END ─► CHUNK_SIZE
 *                            └─► TRAILER ─► DONE                               any ─► FAILED
 *
 * Invariant: a byte is looked at once, in order; nothing is repaired; after FAILED nothing more is
 * consumed. */
#include "http/parser.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "http/grammar.h"
#include "http/parser_inner.h"
#include "wire/limits.h"

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
    p->line_start = p->block_start = p->trailer_bytes = 0;
    p->left = 0;
    p->field_count = 0;
    p->is_chunked = p->expects_continue = p->saw_leading_line = false;
    p->error_status = 0;
    p->error_text = NULL;
}

enum parser_status parser_fail(struct parser *p, int status, const char *text)
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

/* The request line. */

static enum parser_status parse_version(struct parser *p, struct span version)
{
    if (span_is(version, "HTTP/1.1") || span_is(version, "HTTP/1.0")) {
        p->minor = version.ptr[7] - '0';
        return PARSER_MORE;
    }
    bool is_other = version.len == 8 && span_starts_with(version, "HTTP/") &&
                    version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
                    version.ptr[7] >= '0' && version.ptr[7] <= '9';
    return is_other ? parser_fail(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                    : parser_fail(p, 400, "malformed request line");
}

static enum parser_status parse_line(struct parser *p, struct span line)
{
    struct span rest = line, method = span_cut(&rest, ' '), target = span_cut(&rest, ' ');
    if (line.len == 0) {
        if (p->saw_leading_line)
            return parser_fail(p, 400, "more than one empty line before the request");
        p->saw_leading_line = true; /* RFC 9112 2.2: one is let pass */
        buf_reset(&p->head);
        return PARSER_MORE;
    }
    if (!grammar_is_token(method) || rest.ptr == NULL || !grammar_is_target(target))
        return parser_fail(p, 400, "malformed request line");
    if (target.ptr[0] != '/' && !span_is(target, "*") && !span_starts_with(target, "http://"))
        return parser_fail(p, 400, "malformed request target");
    p->method = (struct field_at){.name = p->line_start, .name_len = method.len};
    p->target =
        (struct field_at){.name = (size_t)(target.ptr - p->head.ptr), .name_len = target.len};
    p->state = FIELDS;
    return parse_version(p, rest);
}

/* Fields. */

static enum parser_status parse_field(struct parser *p, struct span line)
{
    struct span rest = line, name = span_cut(&rest, ':'), value = span_trim(rest);
    if (rest.ptr == NULL || !grammar_is_token(name))
        return parser_fail(p, 400, "malformed header field");
    if (!grammar_is_field_value(value))
        return parser_fail(p, 400, "a control character in a header field");
    if (p->field_count == LIMIT_HEADER_FIELDS)
        return parser_fail(p, 431, "too many header fields");
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
        return parser_fail(p, 400, "exactly one Host is needed");
    if (count == 1 && !grammar_is_host(host))
        return parser_fail(p, 400, "malformed Host");
    if (authority.ptr != NULL && (host.ptr == NULL || authority.len != host.len ||
                                  strncasecmp(authority.ptr, host.ptr, host.len) != 0))
        return parser_fail(p, 400, "the target's authority is not the Host");
    if (span_is(target, "*") && !span_is(at(p, p->method.name, p->method.name_len), "OPTIONS"))
        return parser_fail(p, 400, "malformed request target");
    return PARSER_MORE;
}

/* How the body is told: RFC 9112 6. Whatever is ambiguous is refused. */
static enum parser_status check_framing(struct parser *p)
{
    size_t lengths = count_of(p, "content-length"), encodings = count_of(p, "transfer-encoding");
    struct span length = parser_field_get(p, "content-length"),
                encoding = parser_field_get(p, "transfer-encoding");
    if (lengths + encodings > 1)
        return parser_fail(p, 400, "ambiguous body length");
    if (encodings == 1 && (p->minor == 0 || !span_is_nocase(encoding, "chunked")))
        return parser_fail(p, 400, "only the transfer coding chunked is understood, in HTTP/1.1");
    if (lengths == 1 && num_parse_u64(length, &p->left) != 0)
        return parser_fail(p, 400, "malformed Content-Length");
    p->is_chunked = encodings == 1;
    if (p->left > p->max_body)
        return parser_fail(p, 413, "the body is too large");
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
    if (expect.ptr != NULL &&
        (p->minor == 0 || count_of(p, "expect") > 1 || !span_is_nocase(expect, "100-continue")))
        return p->minor == 0 ? PARSER_MORE : parser_fail(p, 417, "that expectation cannot be met");
    p->expects_continue = expect.ptr != NULL && (p->is_chunked || p->left > 0);
    return PARSER_MORE;
}

static enum parser_status end_of_fields(struct parser *p)
{
    static enum parser_status (*const checks[])(struct parser *) = {check_host, check_framing,
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
        return parser_fail(p, 400, "lines must end in CRLF");
    if ((unsigned char)c < ' ' && c != '\r' && c != '\n' && c != '\t')
        return parser_fail(p, 400, "a control character in the header");
    if (p->state == LINE && len >= LIMIT_REQUEST_LINE)
        return parser_fail(p, 414, "the request line is too long");
    if (p->state == FIELDS && p->head.len - p->block_start >= LIMIT_HEADER_BLOCK)
        return parser_fail(p, 431, "the header block is too large");
    if (buf_byte(&p->head, c) != 0)
        return parser_fail(p, 431, "the header block is too large");
    if (c != '\n')
        return PARSER_MORE;
    bool was_line = p->state == LINE;
    struct span line = at(p, p->line_start, len - 1);
    enum parser_status status = was_line        ? parse_line(p, line)
                                : line.len == 0 ? end_of_fields(p)
                                                : parse_field(p, line);
    p->line_start = p->head.len;
    if (was_line)
        p->block_start = p->line_start;
    return status;
}

enum parser_status parser_feed(struct parser *p, struct span bytes, size_t *used)
{
    enum parser_status status = p->state == FAILED ? PARSER_FAILED : PARSER_MORE;
    *used = 0;
    while (status == PARSER_MORE && p->state != DONE && *used < bytes.len) {
        struct span rest = span_make(bytes.ptr + *used, bytes.len - *used);
        if (p->state == BODY || p->state == CHUNK_DATA) {
            *used += parser_feed_data(p, rest);
        } else {
            status = p->state == LINE || p->state == FIELDS ? feed_head(p, rest.ptr[0])
                                                            : parser_feed_line(p, rest.ptr[0]);
            *used += 1;
        }
    }
    if (status == PARSER_MORE && p->state == DONE)
        return PARSER_DONE;
    return status;
}

/* Looking. */

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
