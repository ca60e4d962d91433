/* The strict parser: a table of requests with the status that each must have, whole and split at
 * every point. */
#include "http/parser.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 1000 };

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct row {
    int status; /* 0: a legal request */
    const char *text;
    size_t len; /* 0: strlen */
    const char *body;
} ROWS[] = {
    /* legal */
    {0, GET "\r\n", 0, ""},
    {0, "\r\n" GET "\r\n", 0, ""},
    {0, "GET /a/b?c=d&e=%20 HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", 0, ""},
    {0, "GET / HTTP/1.0\r\n\r\n", 0, ""},
    {0, "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 0, ""},
    {0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0, ""},
    {0, "PATCH / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n", 0, ""},
    {0, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 0, ""}, /* the method is the server's to refuse */
    {0, POST "Content-Length: 5\r\n\r\nhello", 0, "hello"},
    {0, POST "Content-Length:5\r\n\r\nhello", 0, "hello"},
    {0, POST "content-length: \t 5 \t \r\n\r\nhello", 0, "hello"},
    {0, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, "hello"},
    {0, POST "Transfer-Encoding: ChUnKeD\r\n\r\n2\r\nhe\r\n03\r\nllo\r\n0\r\n\r\n", 0, "hello"},
    {0, POST "Transfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\n0;last\r\n\r\n", 0,
     "hello"},
    {0, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n", 0,
     "hello"},
    {0, POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 0, "x"},
    {0, GET "X-Empty:\r\nX-Obs: \xe9\r\n\r\n", 0, ""},
    /* the request line */
    {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /\r\n\r\n", 0, NULL},
    {400, "GET / http/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 0, NULL},
    {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 0, NULL},
    {505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 0, NULL},
    {505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET /#fragment HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "\x16\x03\x01\x02", 4, NULL},
    /* line ends */
    {400, "GET / HTTP/1.1\nHost: a\n\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\rHost: a\r\n\r\n", 0, NULL},
    {400, GET "X: a\rb\r\n\r\n", 0, NULL},
    {400, GET "X: a\0b\r\n\r\n", sizeof(GET "X: a\0b\r\n\r\n") - 1, NULL},
    /* fields */
    {400, GET "X : a\r\n\r\n", 0, NULL},
    {400, GET "X\t: a\r\n\r\n", 0, NULL},
    {400, GET " X: a\r\n\r\n", 0, NULL},
    {400, GET "X: a\r\n b\r\n\r\n", 0, NULL},
    {400, GET "X: a\r\n\tb\r\n\r\n", 0, NULL},
    {400, GET ": a\r\n\r\n", 0, NULL},
    {400, GET "X\r\n\r\n", 0, NULL},
    {400, GET "X(Y): a\r\n\r\n", 0, NULL},
    {400, GET "X\x01Y: a\r\n\r\n", 0, NULL},
    {400, GET "X: a\x01\r\n\r\n", 0, NULL},
    {400, GET "X: a\x7f\r\n\r\n", 0, NULL},
    {400, GET "X\xe9: a\r\n\r\n", 0, NULL},
    /* Host */
    {400, "GET / HTTP/1.1\r\n\r\n", 0, NULL},
    {400, GET "Host: a\r\n\r\n", 0, NULL},
    {400, GET "host: b\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 0, NULL},
    {400, "GET / HTTP/1.1\r\nHost: [xyz]\r\n\r\n", 0, NULL},
    {400, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    {400, "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, NULL},
    /* framing */
    {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Content-Length: 0\r\nContent-Length: 35\r\n\r\n", 0, NULL},
    {400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: 5, 5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length : 5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: +5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: -5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: 0x5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: 5 5\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length: 5a\r\n\r\nhello", 0, NULL},
    {400, POST "Content-Length:\r\n\r\n", 0, NULL},
    {400, POST "Content-Length: 99999999999999999999\r\n\r\n", 0, NULL},
    {413, POST "Content-Length: 1001\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0,
     NULL},
    {400, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: identity\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding:\r\n\r\n", 0, NULL},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, NULL},
    /* chunks */
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 0, NULL},
    {0, POST "Transfer-Encoding: chunked\r\n\r\n5;a=\"x;\\\" y\";b\r\nhello\r\n0\r\n\r\n", 0,
     "hello"},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;a b\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;a=\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;a=\"x\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;a=\"x\"y\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5 zzz\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 0, NULL},
    {413, POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", 0, NULL},
    {413, POST "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nhost: b\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", 0, NULL},
    {400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: \x01\r\n\r\n", 0, NULL},
    {417, POST "Expect: a-miracle\r\nContent-Length: 1\r\n\r\nx", 0, NULL},
};

/* Feeds the text in two parts and returns 0 for a whole request, the error's status, or -1 for a
 * request that is not complete. */
static int feed(struct parser *p, struct span text, size_t cut, size_t *total)
{
    struct span parts[2] = {span_make(text.ptr, cut), span_make(text.ptr + cut, text.len - cut)};
    *total = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t used = 0, done = 0;
        enum parser_status status = PARSER_MORE;
        do {
            status = parser_feed(p, span_make(parts[i].ptr + done, parts[i].len - done), &used);
            done += used;
        } while (status == PARSER_HEAD);
        *total += done;
        if (status == PARSER_DONE)
            return 0;
        if (status == PARSER_FAILED)
            return parser_error_status(p);
    }
    return -1;
}

static void every_row_whole_and_split_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const struct row *row = &ROWS[i];
        struct span text = span_make(row->text, row->len > 0 ? row->len : strlen(row->text));
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct parser *p = parser_new(BODY_MAX);
            size_t total = 0;
            parser_reset(p);
            int status = feed(p, text, cut, &total);
            if (status != row->status)
                print_error("row %zu cut at %zu: %s\n", i, cut, row->text);
            assert_int_equal(status, row->status);
            if (status == 0) {
                assert_int_equal(total, text.len);
                assert_true(span_is(parser_body(p), row->body));
            } else {
                assert_true(parser_error_text(p)[0] != '\0');
            }
            parser_free(p);
        }
    }
}

/* A text of `count` bytes 'a' between two others, owned. */
static char *stretched(const char *before, size_t count, const char *after)
{
    char *text = mem_new(strlen(before) + count + strlen(after) + 1);
    char *at = stpcpy(text, before);
    memset(at, 'a', count);
    (void)stpcpy(at + count, after);
    return text;
}

static int status_of(char *text)
{
    struct parser *p = parser_new(BODY_MAX);
    size_t total = 0;
    parser_reset(p);
    int status = feed(p, span_of(text), strlen(text), &total);
    parser_free(p);
    mem_free(text);
    return status;
}

static void limits_plus_and_minus_one(void **state)
{
    (void)state;
    size_t line = 8 * 1024 - strlen("GET / HTTP/1.1\r");
    assert_int_equal(status_of(stretched("GET /", line, " HTTP/1.1\r\nHost: a\r\n\r\n")), 0);
    assert_int_equal(status_of(stretched("GET /", line + 1, " HTTP/1.1\r\nHost: a\r\n\r\n")), 414);
    assert_int_equal(status_of(stretched(GET "X: ", 16 * 1024 - 200, "\r\n\r\n")), 0);
    assert_int_equal(status_of(stretched(GET "X: ", 16 * 1024 + 1, "\r\n\r\n")), 431);
    for (int extra = 0; extra < 2; extra++) {
        char *text = mem_new(sizeof GET + 100 * 6 + 16), *at = stpcpy(text, GET);
        for (int i = 0; i < 99 + extra; i++)
            at = stpcpy(at, "X: y\r\n");
        (void)stpcpy(at, "\r\n");
        assert_int_equal(status_of(text), extra == 0 ? 0 : 431);
    }
    assert_int_equal(status_of(stretched(POST "Content-Length: 1000\r\n\r\n", 1000, "")), 0);
    assert_int_equal(status_of(stretched(POST "Transfer-Encoding: chunked\r\n\r\n5;", 250,
                                         "\r\nhello\r\n0\r\n\r\n")),
                     0);
    assert_int_equal(status_of(stretched(POST "Transfer-Encoding: chunked\r\n\r\n5;", 300,
                                         "\r\nhello\r\n0\r\n\r\n")),
                     400);
    assert_int_equal(
        status_of(stretched(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", 5000, "\r\n\r\n")),
        431);
}

static void takes_pipelined_requests_one_by_one(void **state)
{
    static const char text[] = POST "Content-Length: 2\r\n\r\nab" GET "\r\n";
    struct parser *p = parser_new(BODY_MAX);
    size_t total = 0;
    (void)state;
    parser_reset(p);
    assert_true(parser_is_idle(p));
    assert_int_equal(feed(p, span_of(text), 3, &total), 0);
    assert_int_equal(total, strlen(POST "Content-Length: 2\r\n\r\nab"));
    assert_true(span_is(parser_method(p), "POST"));
    assert_true(span_is(parser_body(p), "ab"));
    parser_reset(p);
    assert_int_equal(feed(p, span_of(text + total), 0, &total), 0);
    assert_true(span_is(parser_method(p), "GET"));
    assert_true(parser_keeps_alive(p));
    parser_free(p);
}

static void tells_what_was_asked(void **state)
{
    static const char text[] = "GET http://a.b:1/x?y=1 HTTP/1.1\r\nHost: A.b:1\r\nConnection: foo, "
                               "Close\r\nX: 1\r\nx: 2\r\n\r\n";
    struct parser *p = parser_new(BODY_MAX);
    size_t total = 0;
    (void)state;
    parser_reset(p);
    assert_int_equal(feed(p, span_of(text), 10, &total), 0);
    assert_true(span_is(parser_target(p), "/x?y=1"));
    assert_int_equal(parser_minor(p), 1);
    assert_false(parser_keeps_alive(p));
    assert_false(parser_expects_continue(p));
    assert_int_equal(parser_field_count(p), 4);
    assert_true(span_is(parser_field_get(p, "X"), "1"));
    assert_true(span_is(parser_field_at(p, 3).value, "2"));
    parser_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_whole_and_split_everywhere),
        cmocka_unit_test(limits_plus_and_minus_one),
        cmocka_unit_test(takes_pipelined_requests_one_by_one),
        cmocka_unit_test(tells_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
