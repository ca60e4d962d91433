/* The strict parser: a table of requests with the status that each must have, whole and split at
 * every point. */
#include "http/parser.h"

#include "base/mem.h"
#include "http/corpus.h"
#include "wire/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

enum { BODY_MAX = 1000 };

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

/* One byte after the other. */
static int drip(struct parser *p, struct span text, size_t *total)
{
    enum parser_status status = PARSER_MORE;
    *total = 0;
    for (size_t used = 0; *total < text.len && status != PARSER_DONE; *total += used) {
        status = parser_feed(p, span_make(text.ptr + *total, 1), &used);
        if (status == PARSER_HEAD) /* what is there may be whole without a further byte */
            status = parser_feed(p, SPAN_LIT(""), &used), used = 1;
        if (status == PARSER_FAILED)
            return parser_error_status(p);
    }
    return status == PARSER_DONE ? 0 : -1;
}

/* What the parser says of a row: an unknown method is the server's to refuse. */
static int wanted_of(const struct corpus_row *row)
{
    return row->is_legal || row->statuses[0] == 501 ? 0 : row->statuses[0];
}

static size_t requests_of(const struct corpus_row *row)
{
    size_t count = 0;
    for (size_t i = 0; i < row->status_count; i++)
        count += row->statuses[i] != 100;
    return count;
}

static void check(const struct corpus_row *row, const struct parser *p, int status)
{
    if (status != wanted_of(row))
        print_error("%s: %d instead of %d: %.200s\n", row->name, status, wanted_of(row),
                    row->bytes.ptr);
    assert_int_equal(status, wanted_of(row));
    if (status != 0)
        assert_true(parser_error_text(p)[0] != '\0');
}

/* Whole and in two parts, cut everywhere; long rows only at some places. */
static void every_row_whole_and_split_everywhere(void **state)
{
    enum { SHORT = 1500, STRIDE = 997 };
    struct corpus corpus = corpus_read();
    struct parser *p = parser_new(LIMIT_BODY);
    size_t total = 0, malformed = 0;
    (void)state;
    for (const struct corpus_row *row = corpus.rows; row < corpus.rows + corpus.count; row++) {
        malformed += !row->is_legal;
        if (row->bytes.len > 100 * 1024)
            continue;
        for (size_t cut = 0; cut <= row->bytes.len; cut += row->bytes.len > SHORT ? STRIDE : 1) {
            parser_reset(p);
            int status = feed(p, row->bytes, cut, &total);
            check(row, p, status);
        }
        parser_reset(p);
        int status = drip(p, row->bytes, &total);
        check(row, p, status);
    }
    assert_true(malformed >= 400 && corpus.count - malformed >= 100);
    parser_free(p);
    corpus_release(&corpus);
}

/* A legal row is as many requests as it has answers (or fewer, when one closes), to its last byte,
 * and its last body is the row's. */
static void every_legal_row_is_read_to_its_end(void **state)
{
    struct corpus corpus = corpus_read();
    struct parser *p = parser_new(LIMIT_BODY);
    (void)state;
    for (const struct corpus_row *row = corpus.rows; row < corpus.rows + corpus.count; row++) {
        struct span rest = row->bytes;
        if (!row->is_legal)
            continue;
        for (size_t i = 0; i < requests_of(row); i++) {
            size_t total = 0;
            parser_reset(p);
            assert_int_equal(feed(p, rest, rest.len, &total), 0);
            rest = span_make(rest.ptr + total, rest.len - total);
        }
        if (rest.len > 0 && row->stays)
            print_error("%s: %zu bytes are left\n", row->name, rest.len);
        assert_true(rest.len == 0 || !row->stays);
        assert_true(parser_keeps_alive(p) == row->stays);
        assert_true(span_equal(parser_body(p), row->body));
    }
    parser_free(p);
    corpus_release(&corpus);
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
    size_t line = 8 * 1024 - strlen("GET / HTTP/1.1\r\n");
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
        cmocka_unit_test(every_legal_row_is_read_to_its_end),
        cmocka_unit_test(limits_plus_and_minus_one),
        cmocka_unit_test(takes_pipelined_requests_one_by_one),
        cmocka_unit_test(tells_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
