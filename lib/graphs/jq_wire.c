/* The frames of jq_wire.h. Nothing is kept of what comes before its length is compared with the
 * limit, and nothing is read of a frame before mp_open has checked it. */
#include "graphs/jq_wire.h"

#include "base/err.h"
#include "wire/mp.h"

#include <limits.h>

enum {
    LENGTH_BYTES = 4,
    KEEP_BYTES = 64 * 1024,   /* what an empty reader keeps for the next frame */
    AHEAD_BYTES = 1024 * 1024 /* that one piece may bring beyond the frame it ends */
};

void frames_init(struct frames *f)
{
    buf_init(&f->bytes, LENGTH_BYTES + JQ_FRAME_MAX + AHEAD_BYTES);
}

void frames_release(struct frames *f)
{
    buf_release(&f->bytes);
}

static size_t length_at(const char *ptr)
{
    const unsigned char *b = (const unsigned char *)ptr;
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

int frames_feed(struct frames *f, struct span bytes, int (*on_frame)(struct span frame, void *arg),
                void *arg)
{
    size_t used = 0;
    int rc = buf_span(&f->bytes, bytes);
    while (rc == 0 && f->bytes.len - used >= LENGTH_BYTES) {
        size_t len = length_at(f->bytes.ptr + used);
        if (len > JQ_FRAME_MAX)
            return -ERR_TOO_LARGE;
        if (f->bytes.len - used - LENGTH_BYTES < len)
            break;
        rc = on_frame(span_make(f->bytes.ptr + used + LENGTH_BYTES, len), arg);
        used += LENGTH_BYTES + len;
    }
    if (rc != 0)
        return rc;
    buf_consume(&f->bytes, used);
    if (f->bytes.len == 0 && f->bytes.cap > KEEP_BYTES)
        buf_release(&f->bytes);
    return 0;
}

void frame_begin(struct buf *out)
{
    CHECK(out->len == 0);
    (void)buf_append(out, "\0\0\0\0", LENGTH_BYTES); /* frame_end looks */
}

int frame_end(struct buf *out)
{
    if (buf_error(out) != 0 || out->len - LENGTH_BYTES > JQ_FRAME_MAX)
        return -ERR_TOO_LARGE;
    size_t len = out->len - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++)
        out->ptr[i] = (char)(len >> (8 * (LENGTH_BYTES - 1 - i)) & 0xff);
    return 0;
}

int jq_request_put(struct buf *out, int64_t number, bool is_eval, struct span input,
                   const struct span *programs, size_t count)
{
    if (count > JQ_PROGRAMS_MAX)
        return -ERR_TOO_LARGE;
    frame_begin(out);
    mp_put_array(out, 4);
    mp_put_int(out, number);
    mp_put_str(out, is_eval ? SPAN_LIT("eval") : SPAN_LIT("compile"));
    mp_put_str(out, input.ptr == NULL ? SPAN_LIT("") : input);
    mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        mp_put_str(out, programs[i].ptr == NULL ? SPAN_LIT("") : programs[i]);
    return frame_end(out);
}

static bool are_texts(const struct mp_value *list, size_t max_bytes)
{
    if (!mp_is_array(list))
        return false;
    for (size_t i = 0; i < mp_count(list); i++) {
        const struct mp_value *text = mp_at(list, i);
        if (!mp_is_str(text) || mp_str(text, SPAN_NONE).len > max_bytes)
            return false;
    }
    return true;
}

static bool read_request(struct jq_request *r, const struct mp_value *root)
{
    struct span verb = mp_str(mp_at(root, 1), SPAN_NONE);
    if (!mp_is_array(root) || mp_count(root) != 4)
        return false;
    r->number = mp_int(mp_at(root, 0), -1);
    r->is_eval = span_is(verb, "eval");
    r->input = mp_str(mp_at(root, 2), SPAN_NONE);
    r->programs = mp_at(root, 3);
    r->count = mp_count(r->programs);
    return r->number > 0 && (r->is_eval || span_is(verb, "compile")) && r->input.ptr != NULL &&
           are_texts(r->programs, JQ_FRAME_MAX) && r->count <= JQ_PROGRAMS_MAX;
}

int jq_request_read(struct span frame, struct jq_request *out)
{
    struct jq_request r = {.number = 0};
    if (mp_open(frame, &r.doc) != 0)
        return -ERR_MALFORMED;
    if (!read_request(&r, mp_root(r.doc))) {
        mp_close(r.doc);
        return -ERR_MALFORMED;
    }
    *out = r;
    return 0;
}

struct span jq_request_program(const struct jq_request *r, size_t index)
{
    return mp_str(mp_at(r->programs, index), SPAN_NONE);
}

void jq_request_close(struct jq_request *r)
{
    mp_close(r->doc);
    r->doc = NULL;
}

void jq_done_head(struct buf *out, int64_t number, size_t count)
{
    mp_put_array(out, 3);
    mp_put_int(out, number);
    mp_put_int(out, JQ_DONE);
    mp_put_array(out, (uint32_t)count);
}

int jq_failure_put(struct buf *out, const struct jq_reply *reply)
{
    frame_begin(out);
    mp_put_array(out, 5);
    mp_put_int(out, reply->number);
    mp_put_int(out, reply->outcome);
    mp_put_int(out, (int64_t)reply->failed);
    mp_put_int(out, reply->line);
    mp_put_str(out, reply->message);
    return frame_end(out);
}

static bool read_failure(struct jq_reply *r, const struct mp_value *root)
{
    int64_t failed = mp_int(mp_at(root, 2), -1), line = mp_int(mp_at(root, 3), -1);
    if (mp_count(root) != 5 || failed < 0 || failed >= JQ_PROGRAMS_MAX || line < 0 ||
        line > INT_MAX)
        return false;
    r->failed = (size_t)failed;
    r->line = (int)line;
    r->message = mp_str(mp_at(root, 4), SPAN_NONE);
    return r->message.ptr != NULL && r->message.len <= JQ_MESSAGE_MAX && span_is_utf8(r->message);
}

static bool read_reply(struct jq_reply *r, const struct mp_value *root)
{
    int64_t outcome = mp_int(mp_at(root, 1), -1);
    if (!mp_is_array(root) || outcome < 0 || outcome >= JQ_OUTCOMES)
        return false;
    r->number = mp_int(mp_at(root, 0), -1);
    r->outcome = (enum jq_outcome)outcome;
    if (r->number < 0)
        return false;
    if (r->outcome != JQ_DONE)
        return read_failure(r, root);
    r->values = mp_at(root, 2);
    r->count = mp_count(r->values);
    return mp_count(root) == 3 && are_texts(r->values, JQ_RESULT_MAX) &&
           r->count <= JQ_PROGRAMS_MAX;
}

int jq_reply_read(struct span frame, struct jq_reply *out)
{
    struct jq_reply r = {.number = 0};
    if (mp_open(frame, &r.doc) != 0)
        return -ERR_MALFORMED;
    if (!read_reply(&r, mp_root(r.doc))) {
        mp_close(r.doc);
        return -ERR_MALFORMED;
    }
    *out = r;
    return 0;
}

struct span jq_reply_value(const struct jq_reply *r, size_t index)
{
    return mp_str(mp_at(r->values, index), SPAN_NONE);
}

void jq_reply_close(struct jq_reply *r)
{
    mp_close(r->doc);
    r->doc = NULL;
}
