/* Events without a place in the log. */
#include "api/frames.h"

#include "wire/json.h"
#include "wire/sse.h"

static void put(struct buf *out, const struct frame *frame, const char *type, const char *member,
                int64_t value)
{
    struct buf data;
    buf_init(&data, 1024); /* two ids and three numbers */
    struct json_writer w = json_writer(&data);
    json_open(&w, NULL, '{');
    json_member_str(&w, "type", span_of(type));
    json_member_str(&w, "generation_id", span_of(frame->generation));
    json_member_bool(&w, "done", false);
    json_member_str(&w, "chat_id", frame->chat[0] == '\0' ? SPAN_NONE : span_of(frame->chat));
    json_member_int(&w, "at", frame->at_ms);
    json_member_int(&w, member, value);
    json_close(&w);
    sse_put_event(out, SPAN_NONE, type, buf_as_span(&data));
    buf_release(&data);
}

void frame_put_rewound(struct buf *out, const struct frame *frame, int64_t after)
{
    put(out, frame, "rewound", "after", after);
}

void frame_put_position(struct buf *out, const struct frame *frame, int64_t position)
{
    put(out, frame, "queued", "position", position);
}
