/* msgpack from Redis: whatever the check accepts, msgpack-c unpacks and every accessor reads;
 * events render into one whole frame; jobs come back from their encoding. */
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "wire/event.h"
#include "wire/job.h"
#include "wire/json.h"
#include "wire/sse.h"

enum { ROOM = 64 * 1024 * 1024 };

/* Reads all of a value in every way there is; returns how many values it has. At most
 * LIMIT_MP_DEPTH deep. */
static size_t read_all(const struct mp_value *v)
{
    size_t nodes = 1;
    struct span text = mp_str(v, SPAN_NONE);
    CHECK(mp_is_str(v) == (text.ptr != NULL));
    CHECK(mp_is_int(v) == (mp_int(v, 1) == mp_int(v, 2)));
    CHECK(mp_is_bool(v) == (mp_bool(v, true) == mp_bool(v, false)));
    CHECK(mp_get(v, "") == NULL || mp_is_map(v));
    for (size_t i = 0; i < mp_count(v); i++) {
        const struct mp_value *key, *value = mp_at(v, i);
        if (mp_is_map(v)) {
            mp_pair(v, i, &key, &value);
            nodes += read_all(key);
        }
        nodes += read_all(value);
    }
    return nodes;
}

static void try_value(struct span bytes)
{
    struct mp_doc *doc;
    int rc = mp_check(bytes);
    CHECK(mp_open(bytes, &doc) == rc);
    if (rc != 0)
        return;
    CHECK(read_all(mp_root(doc)) <= bytes.len);
    mp_close(doc);
}

static int on_frame(const struct sse_event *event, void *arg)
{
    struct buf *json = arg;
    CHECK(span_equal(event->data, buf_as_span(json)));
    buf_reset(json); /* so that a second one is seen */
    return 0;
}

/* The frame is exactly one event, whose data is the JSON. */
static void check_frame(struct span frame, struct buf *json)
{
    struct sse_reader r;
    sse_init(&r, ROOM, on_frame, json);
    CHECK(sse_feed(&r, frame) == 0);
    CHECK(!sse_is_mid_event(&r) && json->len == 0);
    sse_release(&r);
}

static void try_event(struct span bytes)
{
    struct event_view e;
    struct buf json, frame;
    int64_t seq;
    enum event_kind kind;
    buf_init(&json, ROOM);
    buf_init(&frame, ROOM);
    int rc = event_open(bytes, &e);
    CHECK(event_to_json(&json, bytes, "gen_1", "chat") == rc);
    CHECK(event_to_sse(&frame, bytes, "gen_1", "") == rc);
    CHECK(rc == 0 || (json.len == 0 && frame.len == 0));
    if (rc == 0) {
        CHECK(event_peek(bytes, &seq, &kind) == 0 && seq == e.seq && kind == e.kind);
        /* A piece holds no raw text, so its JSON is sound; NULs, which we write and do not read,
         * apart. */
        bool has_nul = json.len > 0 && strstr(json.ptr, "\\u0000") != NULL;
        CHECK(e.doc != NULL || json.len == 0 || has_nul ||
              json_check(buf_as_span(&json), NULL) == 0);
        buf_reset(&json);
        CHECK(event_to_json(&json, bytes, "gen_1", "") == 0);
        if (event_kind_name(kind) != NULL)
            check_frame(buf_as_span(&frame), &json);
        event_close(&e);
    }
    buf_release(&json);
    buf_release(&frame);
}

static void try_job(struct span bytes)
{
    struct job job, back;
    struct mp_doc *doc, *doc_back;
    if (job_decode(bytes, &job, &doc) != 0)
        return;
    struct buf first, second;
    buf_init(&first, ROOM);
    buf_init(&second, ROOM);
    job_encode(&first, &job);
    CHECK(job_decode(buf_as_span(&first), &back, &doc_back) == 0);
    job_encode(&second, &back);
    CHECK(span_equal(buf_as_span(&first), buf_as_span(&second)));
    mp_close(doc);
    mp_close(doc_back);
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    try_value(bytes);
    try_event(bytes);
    try_job(bytes);
    return 0;
}
