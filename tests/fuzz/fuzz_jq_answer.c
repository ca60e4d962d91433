/* What a jq child answers, as its parent reads it: whatever is taken for an answer keeps its limits
 * and comes back from its encoding. */
#include "base/err.h"
#include "fuzz.h"
#include "graphs/jq_wire.h"
#include "wire/mp.h"

static struct span inside(const struct buf *frame)
{
    return span_make(frame->ptr + 4, frame->len - 4);
}

static void put(struct buf *out, const struct jq_reply *r)
{
    if (r->outcome != JQ_DONE) {
        CHECK(jq_failure_put(out, r) == 0);
        return;
    }
    frame_begin(out);
    jq_done_head(out, r->number, r->count);
    for (size_t i = 0; i < r->count; i++)
        mp_put_str(out, jq_reply_value(r, i));
    CHECK(frame_end(out) == 0);
}

static void check_same(const struct jq_reply *a, const struct jq_reply *b)
{
    CHECK(a->number == b->number && a->outcome == b->outcome && a->count == b->count);
    CHECK(a->failed == b->failed && a->line == b->line && span_equal(a->message, b->message));
    for (size_t i = 0; i < a->count; i++)
        CHECK(span_equal(jq_reply_value(a, i), jq_reply_value(b, i)));
}

static int on_frame(struct span frame, void *arg)
{
    struct jq_reply r, back;
    struct buf again;
    (void)arg;
    if (jq_reply_read(frame, &r) != 0)
        return -ERR_MALFORMED;
    CHECK(r.number >= 0 && r.outcome < JQ_OUTCOMES && r.count <= JQ_PROGRAMS_MAX);
    CHECK(r.message.len <= JQ_MESSAGE_MAX && r.line >= 0 && r.failed < JQ_PROGRAMS_MAX);
    buf_init(&again, JQ_FRAME_ROOM);
    put(&again, &r);
    CHECK(jq_reply_read(inside(&again), &back) == 0);
    check_same(&r, &back);
    jq_reply_close(&back);
    jq_reply_close(&r);
    buf_release(&again);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frames f;
    frames_init(&f);
    int rc = frames_feed(&f, span_make((const char *)data, size), on_frame, NULL);
    CHECK(rc == 0 || rc == -ERR_MALFORMED || rc == -ERR_TOO_LARGE);
    frames_release(&f);
    return 0;
}
