/* Server-sent events: every stream of the table is fed whole, cut in two and in three at every
 * place, and byte by byte, and must give the same events each time. */
#include "wire/sse.h"
#include "wire_test.h"

/* Events as one line of text: `type|id|data;`, `-` for what is absent. */
struct journal {
    struct buf text;
    int answer; /* of on_event */
};

static void note(struct buf *b, struct span s)
{
    (void)buf_span(b, s.ptr == NULL ? SPAN_LIT("-") : s);
}

static int on_event(const struct sse_event *event, void *arg)
{
    struct journal *journal = arg;
    note(&journal->text, event->type);
    (void)buf_byte(&journal->text, '|');
    note(&journal->text, event->id);
    (void)buf_byte(&journal->text, '|');
    note(&journal->text, event->data);
    (void)buf_byte(&journal->text, ';');
    return journal->answer;
}

static const struct {
    struct span stream;
    const char *events;
    bool is_mid_event;
} streams[] = {
    {BYTES("data: x\n\n"), "-|-|x;", false},
    {BYTES("data: x\r\n\r\n"), "-|-|x;", false},
    {BYTES("data: x\r\r"), "-|-|x;", false},
    {BYTES("data: x\r\n\r"), "-|-|x;", false},
    {BYTES("data: x\n\r\ndata: y\r\n\n"), "-|-|x;-|-|y;", false},
    {BYTES("data: x\n\rdata: y\r\r\n"), "-|-|x;-|-|y;", false},
    {BYTES("event: t\r\ndata: a\r\ndata: b\r\n\r\n"), "t|-|a\nb;", false},
    {BYTES("event: t\rdata: a\rdata: b\r\r"), "t|-|a\nb;", false},
    /* the standard's examples */
    {BYTES("data: YHOO\ndata: +2\ndata: 10\n\n"), "-|-|YHOO\n+2\n10;", false},
    {BYTES(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
           "event"),
     "-|1|first event;-||second event;", true},
    {BYTES("data\n\ndata\ndata\n\ndata:"), "-|-|;-|-|\n;", true},
    {BYTES("data:test\n\ndata: test\n\n"), "-|-|test;-|-|test;", false},
    /* type */
    {BYTES("event: delta\ndata: 1\n\ndata: 2\n\n"), "delta|-|1;-|-|2;", false},
    {BYTES("event: a\nevent: b\ndata: 1\n\n"), "b|-|1;", false},
    {BYTES("event: a\nevent\ndata: 1\n\n"), "-|-|1;", false},
    {BYTES("event: lost\n\ndata: 1\n\n"), "-|-|1;", false},
    {BYTES("event: open\n"), "", true},
    /* id: kept over events, empty, with a NUL in it, without an event */
    {BYTES("id: 1\ndata: a\n\ndata: b\n\nid:\ndata: c\n\n"), "-|1|a;-|1|b;-||c;", false},
    {BYTES("id: 1\nid: 2\0\ndata: a\n\n"), "-|1|a;", false},
    {BYTES("id: 7\n\ndata: a\n\n"), "-|7|a;", false},
    /* comments, unknown fields, retry, case, spaces */
    {BYTES(": OPENROUTER PROCESSING\n\n:\n:x\ndata: a\n\n"), "-|-|a;", false},
    {BYTES("retry: 10\nfoo: bar\nDATA: no\n data: no\ndatax: no\ndata: a\n\n"), "-|-|a;", false},
    {BYTES("data:a\ndata:  b\ndata: : c\n\n"), "-|-|a\n b\n: c;", false},
    {BYTES("data: {\"a\":\"\xf0\x9f\x98\x80\"}\n\n"), "-|-|{\"a\":\"\xf0\x9f\x98\x80\"};", false},
    /* byte order marks: one at the very start goes */
    {BYTES("\xef\xbb\xbf"
           "data: a\n\n"),
     "-|-|a;", false},
    {BYTES("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\n"),
     "", false},
    {BYTES("\n\xef\xbb\xbf"
           "data: a\n\n"),
     "", false},
    {BYTES("\xef\xbb"
           "data: a\n\n"),
     "", false},
    {BYTES("\xef\xbb\xbf\ndata: a\n\n"), "-|-|a;", false},
    /* ends of streams */
    {BYTES(""), "", false},
    {BYTES("\n\n\r\r\n"), "", false},
    {BYTES("data: a\n\ndata: [DONE]\n"), "-|-|a;", true},
    {BYTES("data: a\n\ndata: [DONE]"), "-|-|a;", true},
    {BYTES("data: a\n\n: bye"), "-|-|a;", true},
};

enum { ENOUGH = 1024 };

static void journal_open(struct journal *journal, struct sse_reader *r, size_t max_bytes)
{
    *journal = (struct journal){.answer = 0};
    buf_init(&journal->text, ENOUGH);
    sse_init(r, max_bytes, on_event, journal);
}

static void journal_close(struct journal *journal, struct sse_reader *r)
{
    sse_release(r);
    buf_release(&journal->text);
}

static void assert_stream(size_t i, size_t first, size_t second)
{
    struct span s = streams[i].stream;
    struct journal journal;
    struct sse_reader r;
    journal_open(&journal, &r, ENOUGH);
    assert_int_equal(sse_feed(&r, span_make(s.ptr, first)), 0);
    assert_int_equal(sse_feed(&r, span_make(s.ptr + first, second - first)), 0);
    assert_int_equal(sse_feed(&r, span_make(s.ptr + second, s.len - second)), 0);
    assert_span(span_make(journal.text.len == 0 ? "" : journal.text.ptr, journal.text.len),
                span_of(streams[i].events));
    assert_int_equal(sse_is_mid_event(&r), streams[i].is_mid_event);
    journal_close(&journal, &r);
}

static void cut_anywhere_the_events_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        size_t len = streams[i].stream.len;
        for (size_t first = 0; first <= len; first++) {
            for (size_t second = first; second <= len; second++)
                assert_stream(i, first, second);
        }
    }
}

static void byte_by_byte_the_events_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct journal journal;
        struct sse_reader r;
        journal_open(&journal, &r, ENOUGH);
        for (size_t at = 0; at < streams[i].stream.len; at++)
            assert_int_equal(sse_feed(&r, span_make(streams[i].stream.ptr + at, 1)), 0);
        assert_span(span_make(journal.text.len == 0 ? "" : journal.text.ptr, journal.text.len),
                    span_of(streams[i].events));
        journal_close(&journal, &r);
    }
}

static const struct {
    struct span stream;
    bool is_too_large; /* for a reader of 10 bytes */
} sizes[] = {
    {BYTES("data: 0123\n\n"), false},
    {BYTES("data: 01234\n\n"), true},
    {BYTES(":123456789\n"), false},
    {BYTES(":1234567890\n"), true},
    {BYTES("0123456789"), false},
    {BYTES("01234567890"), true},
    {BYTES("data: 0123\ndata: 56789\n\n"), true},
    {BYTES("data: 0123\ndata:56789\n\n"), false},
    {BYTES("data: 0123\ndata:56789\ndata\n\n"), true},
    {BYTES("event: xyz\nid: 123456\ndata: 0123\n\n"), false},
};

static void lines_and_events_are_bounded_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct span s = sizes[i].stream;
        for (size_t cut = 0; cut <= s.len; cut++) {
            struct journal journal;
            struct sse_reader r;
            journal_open(&journal, &r, 10);
            int rc = sse_feed(&r, span_make(s.ptr, cut));
            if (rc == 0)
                rc = sse_feed(&r, span_make(s.ptr + cut, s.len - cut));
            assert_int_equal(rc, sizes[i].is_too_large ? -ERR_TOO_LARGE : 0);
            journal_close(&journal, &r);
        }
    }
}

static void what_on_event_returns_ends_the_feed(void **state)
{
    (void)state;
    struct span s = SPAN_LIT("data: a\n\ndata: b\n\n");
    for (size_t cut = 0; cut <= s.len; cut++) {
        struct journal journal;
        struct sse_reader r;
        journal_open(&journal, &r, ENOUGH);
        journal.answer = 42;
        int rc = sse_feed(&r, span_make(s.ptr, cut));
        if (rc == 0)
            rc = sse_feed(&r, span_make(s.ptr + cut, s.len - cut));
        assert_int_equal(rc, 42);
        assert_buf(&journal.text, "-|-|a;");
        journal_close(&journal, &r);
    }
}

static void feeding_nothing_changes_nothing(void **state)
{
    (void)state;
    struct journal journal;
    struct sse_reader r;
    journal_open(&journal, &r, ENOUGH);
    assert_int_equal(sse_feed(&r, SPAN_LIT("data: a\r")), 0);
    assert_int_equal(sse_feed(&r, SPAN_NONE), 0);
    assert_int_equal(sse_feed(&r, SPAN_LIT("\n\r")), 0);
    assert_int_equal(sse_feed(&r, SPAN_NONE), 0);
    assert_int_equal(sse_feed(&r, SPAN_LIT("\ndata: b\n\n")), 0);
    assert_buf(&journal.text, "-|-|a;-|-|b;");
    journal_close(&journal, &r);
}

static void the_writer_writes_frames(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, ENOUGH);
    sse_put_retry(&b, 1500);
    sse_put_comment(&b, "hello");
    sse_put_event(&b, SPAN_LIT("7"), "delta", SPAN_LIT("{}"));
    sse_put_event(&b, SPAN_NONE, "queued", SPAN_LIT(""));
    sse_put_event(&b, SPAN_NONE, "x", SPAN_LIT("a\nb\r\nc\rd\n"));
    sse_put_event(&b, SPAN_NONE, "x", SPAN_LIT("e\r"));
    assert_buf(
        &b,
        "retry: 1500\n\n: hello\n\nid: 7\nevent: delta\ndata: {}\n\nevent: queued\ndata: \n\n"
        "event: x\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\nevent: x\ndata: e\ndata: \n\n");
    struct journal journal;
    struct sse_reader r;
    journal_open(&journal, &r, ENOUGH);
    assert_int_equal(sse_feed(&r, buf_as_span(&b)), 0);
    assert_buf(&journal.text, "delta|7|{};queued|7|;x|7|a\nb\nc\nd\n;x|7|e\n;");
    journal_close(&journal, &r);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere_the_events_are_the_same),
        cmocka_unit_test(byte_by_byte_the_events_are_the_same),
        cmocka_unit_test(lines_and_events_are_bounded_however_cut),
        cmocka_unit_test(what_on_event_returns_ends_the_feed),
        cmocka_unit_test(feeding_nothing_changes_nothing),
        cmocka_unit_test(the_writer_writes_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
