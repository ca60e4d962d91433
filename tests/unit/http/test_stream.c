/* Answers without an end: chunks, who leaves or sends, producers that must wait, clients that never
 * read. */
#include "http/server_fixture.h"

static void streams_in_chunks_and_ends_properly(void **state)
{
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *answer = hear(f, fd, ": ok", 1000, &closed);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "\r\nDate: "));
    assert_non_null(strstr(answer, "Cache-Control: no-cache, no-transform\r\n"));
    assert_non_null(strstr(answer, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(answer, "X-Own: yes\r\n"));
    assert_non_null(strstr(answer, "6\r\n: ok\n\n\r\n"));
    http_stream_write(f->stream, SPAN_LIT("a"));
    http_stream_write(f->stream, SPAN_LIT("b"));
    assert_string_equal(hear(f, fd, "ab", 1000, &closed), "2\r\nab\r\n"); /* one write a pass */
    http_stream_write(f->stream, SPAN_LIT("end"));
    http_stream_close(f->stream);
    assert_string_equal(hear(f, fd, NULL, 3000, &closed), "3\r\nend\r\n0\r\n\r\n");
    assert_true(closed);
    assert_int_equal(f->gone, 0);
    (void)close(fd);

    fd = dial(f, 0);
    say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(hear(f, fd, ": ok", 1000, &closed), "\r\n\r\n: ok\n\n"));
    http_stream_abort(f->stream);
    (void)hear(f, fd, NULL, 1000, &closed);
    assert_true(closed);
    (void)close(fd);
    tear_down(f);
}

static void notices_whoever_leaves_or_sends(void **state)
{
    static const struct {
        const char *way, *reason;
    } rows[] = {{"close", "client closed"},
                {"half", "client closed"},
                {"reset", "connection error"},
                {"data", "client sent on a stream"}};
    const struct linger reset = {.l_onoff = 1};
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool closed;
        int fd = dial(f, 0);
        say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)hear(f, fd, ": ok", 1000, &closed);
        if (i == 1)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        if (i == 2)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        if (i == 3)
            say(fd, "x");
        if (i == 0 || i == 2)
            (void)close(fd);
        turn(f, 1000);
        assert_int_equal(f->gone, (int)i + 1);
        assert_string_equal(f->gone_reason, rows[i].reason);
        if (i == 1 || i == 3)
            (void)close(fd);
    }
    int fd = dial(f, 0); /* what was pipelined behind the request counts like what comes later */
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/a HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(f, 1000);
    turn(f, 1000);
    assert_int_equal(f->gone, (int)(sizeof rows / sizeof *rows) + 1);
    assert_string_equal(f->gone_reason, "client sent on a stream");
    (void)close(fd);
    assert_int_equal(metric_get(METRIC_HTTP_STREAMS), 0);
    tear_down(f);
}

static void says_full_then_writable_and_drops_who_never_reads(void **state)
{
    static char block[32 * 1024];
    bool closed;
    struct fixture *f = set_up((struct http_options){.stall_ms = 300});
    int fd = dial(f, 64 * 1024);
    (void)state;
    memset(block, 'x', sizeof block);
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)hear(f, fd, ": ok", 1000, &closed);
    for (int i = 0; i < 1000 && !http_stream_is_full(f->stream); i++) {
        http_stream_write(f->stream, span_make(block, sizeof block));
        turn(f, 0);
    }
    assert_true(http_stream_is_full(f->stream));
    assert_true(http_stream_pending(f->stream) < LIMIT_SSE_BUFFER + 2 * sizeof block);
    for (int i = 0; i < 2000 && f->writable == 0; i++)
        (void)hear(f, fd, "x", 5, &closed);
    assert_int_equal(f->writable, 1);
    for (int i = 0; i < 1000 && !http_stream_is_full(f->stream); i++) {
        http_stream_write(f->stream, span_make(block, sizeof block));
        turn(f, 0);
    }
    for (int i = 0; i < 40 && f->gone == 0; i++)
        turn(f, 100);
    assert_int_equal(f->gone, 1);
    assert_string_equal(f->gone_reason, "the client does not read");
    (void)close(fd);
    tear_down(f);
}

/* Where all that wait have enough, a reader has a small part of what it may have else, and goes on
 * as soon as it reads. */
static void many_that_do_not_read_share_what_there_is(void **state)
{
    static char block[8 * 1024];
    struct http_stream *streams[4];
    int fds[4];
    bool closed;
    struct fixture *f = set_up((struct http_options){.max_output_bytes = 200 * 1024});
    (void)state;
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(f, 4096);
        say(fds[i], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        turn(f, 1000);
        streams[i] = f->stream;
        while (!http_stream_is_full(streams[i])) {
            http_stream_write(streams[i], span_make(block, sizeof block));
            turn(f, 0);
        }
    }
    assert_true(http_stream_pending(streams[0]) > 200 * 1024);
    assert_true(http_stream_pending(streams[3]) <= LIMIT_SSE_BUFFER / 16 + 2 * sizeof block);
    for (int i = 0; i < 2000 && f->writable == 0; i++)
        (void)hear(f, fds[3], "x", 5, &closed);
    assert_int_equal(f->writable, 1);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
    tear_down(f);
}

/* More than the mark in one pass, and a socket that takes all of it at once: the producer must
 * still be told. */
static void says_writable_when_all_was_taken_at_once(void **state)
{
    static char block[32 * 1024];
    bool closed;
    struct fixture *f = set_up((struct http_options){0});
    int fd = dial(f, 0);
    (void)state;
    memset(block, 'x', sizeof block);
    say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)hear(f, fd, ": ok", 1000, &closed);
    for (int round = 1; round <= 20; round++) {
        while (!http_stream_is_full(f->stream))
            http_stream_write(f->stream, span_make(block, sizeof block));
        for (int i = 0; i < 400 && f->writable < round; i++)
            (void)hear(f, fd, "x", 5, &closed);
        assert_int_equal(f->writable, round);
    }
    (void)close(fd);
    tear_down(f);
}

/* Reads to the end and keeps the last bytes in `tail`. */
static void read_tail(struct fixture *f, int fd, char tail[6])
{
    static char some[256 * 1024];
    for (int patience = 400; patience > 0; patience--) {
        ssize_t n = recv(fd, some, sizeof some, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return;
        if (n >= 5)
            memcpy(tail, some + n - 5, 5);
        if (n < 0)
            turn(f, 5);
    }
    fail_msg("the answer does not end");
}

/* More than a stream may hold at once, then its end: the client sees a broken answer, not a whole
 * one with a hole. */
static void does_not_end_properly_what_was_too_much(void **state)
{
    static char block[1024 * 1024];
    (void)state;
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 2; i++) {
        char tail[6] = "";
        struct fixture *f = set_up((struct http_options){0});
        int fd = dial(f, 0);
        say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        turn(f, 1000);
        for (int k = 0; k < (i == 0 ? 15 : 17); k++) /* it may hold 16 MiB */
            http_stream_write(f->stream, span_make(block, sizeof block));
        http_stream_close(f->stream);
        read_tail(f, fd, tail);
        assert_int_equal(strcmp(tail, "0\r\n\r\n") == 0, i == 0);
        (void)close(fd);
        tear_down(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_in_chunks_and_ends_properly),
        cmocka_unit_test(notices_whoever_leaves_or_sends),
        cmocka_unit_test(says_full_then_writable_and_drops_who_never_reads),
        cmocka_unit_test(many_that_do_not_read_share_what_there_is),
        cmocka_unit_test(says_writable_when_all_was_taken_at_once),
        cmocka_unit_test(does_not_end_properly_what_was_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
