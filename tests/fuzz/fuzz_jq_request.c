/* What a jq child reads: however the bytes are cut the same frames come out of them; whatever is
 * taken for a request comes back from its encoding; its programs are scanned, and one that the
 * scanner lets through it lets through again when a comment stands before it. */
#include "base/err.h"
#include "fuzz.h"
#include "graphs/expr.h"
#include "graphs/jq_wire.h"

#include "base/mem.h"

static void try_program(struct span program)
{
    size_t offset = program.len + 1;
    int rc = expr_is_allowed(program, &offset, NULL);
    struct buf longer;
    CHECK(rc == 0 ? offset == program.len + 1 : rc == -ERR_CONFIG && offset <= program.len);
    buf_init(&longer, JQ_FRAME_MAX);
    CHECK(buf_text(&longer, "# \"(\n") == 0 && buf_span(&longer, program) == 0);
    CHECK(expr_is_allowed(buf_as_span(&longer), NULL, NULL) == rc);
    buf_release(&longer);
}

static int on_frame(struct span frame, void *arg)
{
    struct buf *all = arg;
    struct jq_request r, back;
    struct buf again;
    CHECK(buf_span(all, frame) == 0 && buf_byte(all, '|') == 0);
    if (jq_request_read(frame, &r) != 0)
        return -ERR_MALFORMED;
    struct span *programs = mem_new_array(r.count, sizeof *programs);
    for (size_t i = 0; i < r.count; i++) {
        programs[i] = jq_request_program(&r, i);
        try_program(programs[i]);
    }
    buf_init(&again, JQ_FRAME_ROOM);
    CHECK(jq_request_put(&again, r.number, r.is_eval, r.input, programs, r.count) == 0);
    CHECK(jq_request_read(span_make(again.ptr + 4, again.len - 4), &back) == 0);
    CHECK(back.number == r.number && back.is_eval == r.is_eval && back.count == r.count);
    CHECK(span_equal(back.input, r.input));
    jq_request_close(&back);
    jq_request_close(&r);
    buf_release(&again);
    mem_free(programs);
    return 0;
}

static int feed(struct span bytes, size_t step, struct buf *all)
{
    struct frames f;
    int rc = 0;
    frames_init(&f);
    for (size_t at = 0; rc == 0 && at < bytes.len; at += step) {
        size_t len = step < bytes.len - at ? step : bytes.len - at;
        rc = frames_feed(&f, span_make(bytes.ptr + at, len), on_frame, all);
    }
    frames_release(&f);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct buf whole, pieces;
    buf_init(&whole, 2 * size);
    buf_init(&pieces, 2 * size);
    int rc = size == 0 ? 0 : feed(bytes, size, &whole);
    CHECK(feed(bytes, 7, &pieces) == rc);
    CHECK(span_equal(buf_as_span(&whole), buf_as_span(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    try_program(bytes);
    return 0;
}
