/* The HTTP parser: however the bytes are cut it comes to the same end, it never takes more than it
 * was given, its buffers keep their limits, and whatever it accepts llhttp accepts too, with the
 * same method, target and body. Where the two differ by intent the difference is in EXPLAINED. */
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

/* EXPLAINED: methods that llhttp does not know or gives a meaning of their own (CONNECT, and
 * upgrades, after which it no longer reads HTTP), the absolute form, which we give without its
 * authority, and tabs around a Content-Length, which RFC 9110 5.5 allows and llhttp does not. */
static bool is_comparable(const struct parser *p, struct span request)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        is_known = is_known || span_is(parser_method(p), methods[i]);
    bool has_tab = memchr(request.ptr, '\t', request.len) != NULL;
    return is_known && !has_tab && parser_field_get(p, "upgrade").ptr == NULL;
}

static void compare(const struct parser *p, struct span request)
{
    struct oracle oracle = {.is_complete = false};
    llhttp_settings_t settings;
    llhttp_t l;
    if (!is_comparable(p, request))
        return;
    buf_init(&oracle.url, LIMIT_REQUEST_LINE);
    buf_init(&oracle.body, BODY_MAX);
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&l, HTTP_REQUEST, &settings);
    l.data = &oracle;
    (void)llhttp_execute(&l, request.ptr, request.len); /* told by is_complete */
    CHECK(oracle.is_complete);
    CHECK(span_is(parser_method(p), llhttp_method_name((llhttp_method_t)l.method)));
    struct span url = buf_as_span(&oracle.url), target = parser_target(p);
    if (!span_starts_with(url, "http://"))
        CHECK(span_equal(url, target));
    CHECK(span_equal(buf_as_span(&oracle.body), parser_body(p)));
    buf_release(&oracle.url);
    buf_release(&oracle.body);
}
#else
static void compare(const struct parser *p, struct span request)
{
    (void)p, (void)request; /* no oracle on this machine */
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7};
    struct span bytes = span_make((const char *)data, size);
    struct parser *p = parser_new(BODY_MAX);
    struct outcome whole = run(p, bytes, 0);
    if (whole.status == PARSER_DONE) {
        check_parts(p);
        compare(p, span_make(bytes.ptr, whole.used));
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
