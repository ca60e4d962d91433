/* Frames however they are cut, and what either side refuses of the other. */
#include "graphs/jq_wire.h"

#include "base/err.h"
#include "base/mem.h"
#include "wire/mp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct taken {
    struct buf text; /* of all frames, each with a bar */
    int until;       /* that many */
};

static int on_frame(struct span frame, void *arg)
{
    struct taken *t = arg;
    assert_int_equal(buf_span(&t->text, frame), 0);
    assert_int_equal(buf_byte(&t->text, '|'), 0);
    return --t->until == 0 ? -ERR_MALFORMED : 0;
}

static void cuts_frames_out_of_any_pieces(void **state)
{
    static const char bytes[] = "\0\0\0\3abc\0\0\0\0\0\0\0\1d\0\0\0\2e";
    struct span all = span_make(bytes, sizeof bytes - 1);
    (void)state;
    for (size_t step = 1; step <= all.len; step++) {
        struct frames f;
        struct taken t = {.until = 100};
        frames_init(&f);
        buf_init(&t.text, 100);
        for (size_t at = 0; at < all.len; at += step) {
            size_t len = step < all.len - at ? step : all.len - at;
            assert_int_equal(frames_feed(&f, span_make(bytes + at, len), on_frame, &t), 0);
        }
        assert_string_equal(t.text.ptr, "abc||d|"); /* the last is not whole */
        buf_release(&t.text);
        frames_release(&f);
    }
}

static void ends_where_the_reader_ends(void **state)
{
    struct frames f;
    struct taken t = {.until = 2};
    (void)state;
    frames_init(&f);
    buf_init(&t.text, 100);
    assert_int_equal(frames_feed(&f, SPAN_LIT("\0\0\0\1a\0\0\0\1b\0\0\0\1c"), on_frame, &t),
                     -ERR_MALFORMED);
    assert_string_equal(t.text.ptr, "a|b|");
    buf_release(&t.text);
    frames_release(&f);
}

static void refuses_a_frame_that_is_too_large(void **state)
{
    struct frames f;
    struct taken t = {.until = 1};
    (void)state;
    frames_init(&f);
    assert_int_equal(frames_feed(&f, SPAN_LIT("\0\200\0\1"), on_frame, &t), -ERR_TOO_LARGE);
    frames_release(&f);
    frames_init(&f); /* the largest that is none too large waits for the rest */
    assert_int_equal(frames_feed(&f, SPAN_LIT("\0\200\0\0"), on_frame, &t), 0);
    assert_true(f.bytes.cap < 1024);
    frames_release(&f);
}

/* The frame without its length. */
static struct span inside(const struct buf *frame)
{
    assert_true(frame->len >= 4);
    return span_make(frame->ptr + 4, frame->len - 4);
}

static void carries_a_request(void **state)
{
    const struct span programs[] = {SPAN_LIT(".a"), SPAN_LIT("")};
    struct jq_request r;
    struct buf b;
    (void)state;
    buf_init(&b, JQ_FRAME_ROOM);
    assert_int_equal(jq_request_put(&b, 7, true, SPAN_LIT("{}"), programs, 2), 0);
    assert_int_equal(b.ptr[3], b.len - 4);
    assert_int_equal(jq_request_read(inside(&b), &r), 0);
    assert_int_equal(r.number, 7);
    assert_true(r.is_eval);
    assert_true(span_is(r.input, "{}"));
    assert_int_equal(r.count, 2);
    assert_true(span_is(jq_request_program(&r, 0), ".a"));
    assert_true(span_is(jq_request_program(&r, 1), ""));
    jq_request_close(&r);
    buf_reset(&b);
    assert_int_equal(jq_request_put(&b, 8, false, SPAN_NONE, programs, 0), 0);
    assert_int_equal(jq_request_read(inside(&b), &r), 0);
    assert_false(r.is_eval);
    assert_int_equal(r.count, 0);
    jq_request_close(&r);
    buf_release(&b);
}

static void sends_no_request_that_is_too_large(void **state)
{
    struct span *programs = mem_new_array(JQ_PROGRAMS_MAX + 1, sizeof *programs);
    char *large = mem_new_array(JQ_FRAME_MAX, 1);
    struct buf b;
    (void)state;
    buf_init(&b, JQ_FRAME_ROOM);
    assert_int_equal(jq_request_put(&b, 1, true, span_make(large, JQ_FRAME_MAX), NULL, 0),
                     -ERR_TOO_LARGE);
    buf_release(&b);
    assert_int_equal(jq_request_put(&b, 1, true, SPAN_LIT("1"), programs, JQ_PROGRAMS_MAX + 1),
                     -ERR_TOO_LARGE);
    buf_release(&b);
    mem_free(large);
    mem_free(programs);
}

static void refuses_what_is_no_request(void **state)
{
    const struct span broken[] = {
        SPAN_LIT(""),
        SPAN_LIT("\x01"),
        SPAN_LIT("\x94"), /* nothing in it */
        SPAN_LIT("\x93\x01\xa4"
                 "eval\xa1"
                 "1"), /* three */
        SPAN_LIT("\x95\x01\xa4"
                 "eval\xa1"
                 "1\x90\x90"), /* five */
        SPAN_LIT("\x94\x00\xa4"
                 "eval\xa1"
                 "1\x90"), /* the number of readiness */
        SPAN_LIT("\x94\xff\xa4"
                 "eval\xa1"
                 "1\x90"), /* a negative one */
        SPAN_LIT("\x94\xa1"
                 "1\xa4"
                 "eval\xa1"
                 "1\x90"), /* a text */
        SPAN_LIT("\x94\x01\xa4"
                 "evil\xa1"
                 "1\x90"), /* another verb */
        SPAN_LIT("\x94\x01\xa4"
                 "eval\xc0\x90"), /* no input */
        SPAN_LIT("\x94\x01\xa4"
                 "eval\xa1"
                 "1\x80"), /* a map of programs */
        SPAN_LIT("\x94\x01\xa4"
                 "eval\xa1"
                 "1\x91\x01"), /* a number as program */
        SPAN_LIT("\x94\x01\xa4"
                 "eval\xa1"
                 "1\xdd\xff\xff\xff\xff"), /* counts that are lies */
        SPAN_LIT("\x94\x01\xa4"
                 "eval\xa1"
                 "1\x90\x00"), /* bytes behind it */
        SPAN_LIT("\x84\x01\xa4"
                 "eval\xa1"
                 "1\x90"), /* a map */
    };
    struct jq_request r;
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(jq_request_read(broken[i], &r), -ERR_MALFORMED);
}

static void carries_replies(void **state)
{
    struct jq_reply r;
    struct buf b;
    (void)state;
    buf_init(&b, JQ_FRAME_ROOM);
    frame_begin(&b);
    jq_done_head(&b, 9, 2);
    mp_put_str(&b, SPAN_LIT("1"));
    mp_put_str(&b, SPAN_LIT("{}"));
    assert_int_equal(frame_end(&b), 0);
    assert_int_equal(jq_reply_read(inside(&b), &r), 0);
    assert_int_equal(r.number, 9);
    assert_int_equal(r.outcome, JQ_DONE);
    assert_int_equal(r.count, 2);
    assert_true(span_is(jq_reply_value(&r, 1), "{}"));
    jq_reply_close(&r);
    for (int outcome = JQ_FAILED; outcome <= JQ_ENDING; outcome++) {
        const struct jq_reply sent = {.number = 3,
                                      .outcome = (enum jq_outcome)outcome,
                                      .failed = 4,
                                      .line = 5,
                                      .message = SPAN_LIT("why")};
        buf_reset(&b);
        assert_int_equal(jq_failure_put(&b, &sent), 0);
        assert_int_equal(jq_reply_read(inside(&b), &r), 0);
        assert_int_equal(r.outcome, outcome);
        assert_int_equal(r.failed, 4);
        assert_int_equal(r.line, 5);
        assert_true(span_is(r.message, "why"));
        jq_reply_close(&r);
    }
    buf_release(&b);
}

static void refuses_what_is_no_reply(void **state)
{
    const struct span broken[] = {
        SPAN_LIT(""),
        SPAN_LIT("\x90"),
        SPAN_LIT("\x92\x01\x00"),         /* no values */
        SPAN_LIT("\x93\x01\x03\x90"),     /* another outcome */
        SPAN_LIT("\x93\x01\xff\x90"),     /* a negative one */
        SPAN_LIT("\x93\xff\x00\x90"),     /* a negative number */
        SPAN_LIT("\x94\x01\x00\x90\x01"), /* four */
        SPAN_LIT("\x93\x01\x00\x91\x01"), /* a value that is no text */
        SPAN_LIT("\x93\x01\x00\xa1"
                 "1"), /* values that are none */
        SPAN_LIT("\x95\x01\x01\xff\x00\xa1"
                 "x"), /* program -1 */
        SPAN_LIT("\x95\x01\x01\xcd\x10\x00\x00\xa1"
                 "x"), /* program 4096 */
        SPAN_LIT("\x95\x01\x01\x00\xff\xa1"
                 "x"), /* line -1 */
        SPAN_LIT("\x95\x01\x01\x00\xce\xff\xff\xff\xff\xa1"
                 "x"),                            /* a line beyond an int */
        SPAN_LIT("\x95\x01\x01\x00\x00\x01"),     /* a message that is no text */
        SPAN_LIT("\x95\x01\x01\x00\x00\xa1\xff"), /* one that is no UTF-8 */
        SPAN_LIT("\x94\x01\x01\x00\x00"),         /* no message */
        SPAN_LIT("\x83\x01\x00\x90"),             /* a map */
    };
    struct jq_reply r;
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(jq_reply_read(broken[i], &r), -ERR_MALFORMED);
}

static void refuses_texts_beyond_their_limits(void **state)
{
    char *large = mem_new_array(JQ_RESULT_MAX + 1, 1);
    struct jq_reply r;
    struct buf b;
    (void)state;
    memset(large, '1', JQ_RESULT_MAX + 1);
    buf_init(&b, JQ_FRAME_ROOM);
    for (size_t over = 0; over < 2; over++) {
        buf_reset(&b);
        frame_begin(&b);
        jq_done_head(&b, 1, 1);
        mp_put_str(&b, span_make(large, JQ_RESULT_MAX + over));
        assert_int_equal(frame_end(&b), 0);
        assert_int_equal(jq_reply_read(inside(&b), &r), over ? -ERR_MALFORMED : 0);
        if (!over)
            jq_reply_close(&r);
        buf_reset(&b);
        const struct jq_reply sent = {
            .number = 1, .outcome = JQ_FAILED, .message = span_make(large, JQ_MESSAGE_MAX + over)};
        assert_int_equal(jq_failure_put(&b, &sent), 0);
        assert_int_equal(jq_reply_read(inside(&b), &r), over ? -ERR_MALFORMED : 0);
        if (!over)
            jq_reply_close(&r);
    }
    buf_release(&b);
    mem_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_frames_out_of_any_pieces),
        cmocka_unit_test(ends_where_the_reader_ends),
        cmocka_unit_test(refuses_a_frame_that_is_too_large),
        cmocka_unit_test(carries_a_request),
        cmocka_unit_test(sends_no_request_that_is_too_large),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(carries_replies),
        cmocka_unit_test(refuses_what_is_no_reply),
        cmocka_unit_test(refuses_texts_beyond_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
