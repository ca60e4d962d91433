/* The HTTP parser: however the bytes are cut it comes to the same end, it never takes more than it
 * was given, its buffers keep their limits, and llhttp says the same of it: accepted by both with
 * the same method, target and body, or by neither. Where the two differ by intent the difference is
 * in EXPLAINED. */
#include "base/mem.h"
#include "fuzz.h"
#include "http/parser.h"
#include "wire/limits.h"

#include <string.h>

enum { BODY_MAX = 4096 };

struct outcome {
    enum parser_status status;
    int error_status;
    size_t used;
};

/* Feeds pieces of `step` bytes (0: all at once) to the first end. */
static struct outcome run(struct parser *p, struct span bytes, size_t step)
{
    struct outcome o = {PARSER_MORE, 0, 0};
    parser_reset(p);
    do {
        size_t left = bytes.len - o.used, len = step == 0 || step > left ? left : step, used = 0;
        o.status = parser_feed(p, span_make(bytes.ptr + o.used, len), &used);
        CHECK(used <= len);
        o.used += used;
        if (o.status == PARSER_MORE)
            CHECK(used == len);
    } while (o.status == PARSER_HEAD || (o.status == PARSER_MORE && o.used < bytes.len));
    o.error_status = parser_error_status(p);
    return o;
}

static void check_parts(const struct parser *p)
{
    CHECK(parser_body(p).len <= BODY_MAX);
    CHECK(parser_method(p).len > 0 && parser_target(p).len > 0);
    CHECK(parser_field_count(p) <= LIMIT_HEADER_FIELDS);
    for (size_t i = 0; i < parser_field_count(p); i++)
        CHECK(memchr(parser_field_at(p, i).value.ptr, '\n', parser_field_at(p, i).value.len) ==
              NULL);
}

#ifdef HAVE_LLHTTP
#include <llhttp.h>

struct oracle {
    struct buf url, body;
    bool is_complete;
};

static int on_url(llhttp_t *l, const char *at, size_t len)
{
    return buf_append(&((struct oracle *)l->data)->url, at, len);
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    return buf_append(&((struct oracle *)l->data)->body, at, len);
}

static int on_complete(llhttp_t *l)
{
    ((struct oracle *)l->data)->is_complete = true;
    return HPE_PAUSED;
}

struct difference {
    const char *ours; /* our error's text; NULL: we accept */
    bool (*is)(const struct parser *p,
               struct span request); /* of an accepted request; NULL: whatever it is */
    const char *why;
};

static bool has_other_method(const struct parser *p, struct span request)
{
    (void)request;
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (span_is(parser_method(p), methods[i]))
            return false;
    return true;
}

static bool has_upgrade(const struct parser *p, struct span request)
{
    (void)request;
    return parser_field_get(p, "upgrade").ptr != NULL;
}

/* Tabs before or behind the value of a field that tells the body's length. */
static bool has_tab_at_length(const struct parser *p, struct span request)
{
    (void)request;
    static const char *const names[] = {"content-length", "transfer-encoding", "connection"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct span value = parser_field_get(p, names[n]);
        if (value.ptr == NULL)
            continue;
        const char *before = value.ptr - 1, *behind = value.ptr + value.len;
        while (*before == ' ')
            before--;
        while (*behind == ' ')
            behind++;
        if (*before == '\t' || *behind == '\t')
            return true;
    }
    return false;
}

/* Chunk extensions with a backslash, or with one behind a value. */
static bool has_odd_extension(const struct parser *p, struct span request)
{
    static const char end_of_head[] = "\r\n\r\n";
    const char *body = memmem(request.ptr, request.len, end_of_head, sizeof end_of_head - 1);
    if (parser_field_get(p, "transfer-encoding").ptr == NULL)
        return false;
    struct span rest = span_make(body, request.len - (size_t)(body - request.ptr));
    while (rest.ptr != NULL) {
        struct span line = span_cut(&rest, '\n');
        const char *value = line.len == 0 ? NULL : memchr(line.ptr, '=', line.len);
        if (memchr(line.ptr, '\\', line.len) != NULL ||
            (value != NULL && memchr(value, ';', line.len - (size_t)(value - line.ptr)) != NULL))
            return true;
    }
    return false;
}

/* Every difference that is meant. What the two say differently and is not here ends the fuzzer. */
static const struct difference EXPLAINED[] = {
    /* we accept, llhttp does not or reads on in another way */
    {NULL, has_other_method,
     "any token is a method (RFC 9110 9.1), refused by the server with 501; llhttp has a list, and "
     "reads no HTTP behind CONNECT"},
    {NULL, has_upgrade, "llhttp stops reading HTTP at an upgrade that nobody granted"},
    {NULL, has_tab_at_length, "tabs may stand around a value (RFC 9110 5.5); llhttp takes spaces"},
    {NULL, has_odd_extension,
     "llhttp 8.1 knows no \\ in quotes (RFC 9110 5.6.4), and takes what follows ;a=b; for a size"},
    /* llhttp accepts, we refuse */
    {"lines must end in CRLF", NULL, "a bare LF or CR is read in two ways (RFC 9112 2.2)"},
    {"more than one empty line before the request", NULL, "one is to be let pass (RFC 9112 2.2)"},
    {"malformed request line", NULL, "one blank between its three parts (RFC 9112 3)"},
    {"malformed request target", NULL, "origin form, or absolute form with http (RFC 9112 3.2)"},
    {"only HTTP/1.1 and HTTP/1.0 are spoken here", NULL, "505; llhttp takes 0.9 and 2.0"},
    {"exactly one Host is needed", NULL, "llhttp does not look at Host (RFC 9112 3.2)"},
    {"malformed Host", NULL, "the same"},
    {"the target's authority is not the Host", NULL, "two servers might be meant"},
    {"malformed header field", NULL, "no folding, no blank before the colon (RFC 9112 5)"},
    {"a control character in the header", NULL, "RFC 9110 5.5"},
    {"a control character in a header field", NULL, "RFC 9110 5.5"},
    {"ambiguous body length", NULL, "more than one field that tells it (RFC 9112 6.3)"},
    {"malformed Content-Length", NULL, "digits only"},
    {"only the transfer coding chunked is understood, in HTTP/1.1", NULL,
     "any other leaves the length to be guessed (RFC 9112 6.1)"},
    {"that expectation cannot be met", NULL, "417 (RFC 9110 10.1.1)"},
    {"malformed chunk size", NULL, "1 to 15 hex digits, no blank (RFC 9112 7.1)"},
    {"a chunk's data is longer than its size", NULL,
     "llhttp does not look at the byte where a chunk's CR stands"},
    {"malformed chunk extension", NULL, "RFC 9112 7.1.1; llhttp skips it"},
    {"the chunk extension is too long", NULL, "a limit"},
    {"malformed trailer field", NULL, "as a header field"},
    {"that field may not stand in a trailer", NULL, "it would change the framing (RFC 9110 6.5.1)"},
    {"the trailer is too large", NULL, "a limit"},
    {"too many header fields", NULL, "a limit"},
    {"the header block is too large", NULL, "a limit"},
    {"the request line is too long", NULL, "a limit"},
    {"the body is too large", NULL, "a limit"},
};

static bool is_explained(const char *ours, const struct parser *p, struct span bytes)
{
    for (size_t i = 0; i < sizeof EXPLAINED / sizeof *EXPLAINED; i++) {
        const struct difference *d = &EXPLAINED[i];
        if (ours == NULL ? d->ours == NULL && d->is(p, bytes)
                         : d->ours != NULL && strcmp(d->ours, ours) == 0)
            return true;
    }
    return false;
}

static llhttp_method_t ask_oracle(struct oracle *oracle, struct span bytes)
{
    llhttp_settings_t settings;
    llhttp_t l;
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&l, HTTP_REQUEST, &settings);
    l.data = oracle;
    (void)llhttp_execute(&l, bytes.ptr, bytes.len); /* told by is_complete */
    return (llhttp_method_t)l.method;
}

/* Whatever we accept it accepts, with the same method, target and body. */
static void compare_accepted(const struct parser *p, struct oracle *oracle, struct span request)
{
    llhttp_method_t method = ask_oracle(oracle, request);
    if (is_explained(NULL, p, request))
        return;
    CHECK(oracle->is_complete);
    CHECK(span_is(parser_method(p), llhttp_method_name(method)));
    struct span url = buf_as_span(&oracle->url), target = parser_target(p);
    if (!span_starts_with(url, "http://")) /* which we give without its authority */
        CHECK(span_equal(url, target));
    CHECK(span_equal(buf_as_span(&oracle->body), parser_body(p)));
}

static void compare(const struct parser *p, const struct outcome *o, struct span bytes)
{
    struct oracle oracle = {.is_complete = false};
    buf_init(&oracle.url, bytes.len + 1);
    buf_init(&oracle.body, bytes.len + 1);
    if (o->status == PARSER_DONE) {
        compare_accepted(p, &oracle, span_make(bytes.ptr, o->used));
    } else {
        (void)ask_oracle(&oracle, bytes);
        if (o->status == PARSER_FAILED && oracle.is_complete)
            CHECK(is_explained(parser_error_text(p), p, bytes));
        if (o->status == PARSER_MORE) /* a request that is whole to it would wait here for ever */
            CHECK(!oracle.is_complete);
    }
    buf_release(&oracle.url);
    buf_release(&oracle.body);
}
#else
static void compare(const struct parser *p, const struct outcome *o, struct span bytes)
{
    (void)p, (void)o, (void)bytes; /* no oracle on this machine */
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7};
    struct span bytes = span_make((const char *)data, size);
    struct parser *p = parser_new(BODY_MAX);
    struct outcome whole = run(p, bytes, 0);
    compare(p, &whole, bytes);
    if (whole.status == PARSER_DONE) {
        check_parts(p);
    } else if (whole.status == PARSER_FAILED) {
        CHECK(whole.error_status >= 400 && whole.error_status <= 505 &&
              parser_error_text(p)[0] != '\0');
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct outcome cut = run(p, bytes, steps[i]);
        CHECK(cut.status == whole.status && cut.error_status == whole.error_status &&
              cut.used == whole.used);
    }
    parser_free(p);
    return 0;
}
