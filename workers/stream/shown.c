/* A log read back. */
#include "stream/shown.h"

#include "base/err.h"
#include "base/mem.h"

void shown_init(struct shown *s, struct reply *reply)
{
    *s = (struct shown){.reply = reply, .text_part = -1};
}

void shown_release(struct shown *s)
{
    mem_free(s->model);
    s->model = NULL;
}

static void take_part(struct shown *s, int64_t part)
{
    if (part >= s->parts && part < INT64_MAX)
        s->parts = part + 1;
}

static void put_piece(struct shown *s, const struct event_view *view)
{
    struct piece piece = event_piece(view);
    take_part(s, piece.part);
    if (piece.kind == EVENT_DELTA)
        s->text_part = piece.part;
    s->bytes += piece.text.len + piece.signature.len;
    reply_put_piece(s->reply, &piece);
}

static void put_call(struct shown *s, const struct event_view *view)
{
    struct call_piece call = event_call(view);
    take_part(s, call.part);
    s->bytes += call.call_id.len + call.name.len + call.arguments.len;
    reply_put_call(s->reply, &call);
}

/* Ours void everything that was visible: see resuming.c. */
static void reset(struct shown *s)
{
    reply_reset(s->reply);
    s->first_visible = 0;
    s->parts = 0;
    s->text_part = -1;
}

static void started(struct shown *s, const struct event_view *view)
{
    struct span model = mp_str(mp_get(event_fields(view), "model"), SPAN_NONE);
    mem_free(s->model);
    s->model = span_dup_or_null(model);
}

int shown_put(struct shown *s, struct span event)
{
    static void (*const takers[EVENT_KIND_END])(struct shown *, const struct event_view *) = {
        [EVENT_DELTA] = put_piece,          [EVENT_REASONING] = put_piece,
        [EVENT_REFUSAL] = put_piece,        [EVENT_TOOL_CALL] = put_call,
        [EVENT_TOOL_CALL_DELTA] = put_call, [EVENT_STARTED] = started,
    };
    struct event_view view;
    if (event_open(event, &view) != 0)
        return -ERR_MALFORMED;
    if (view.seq != s->seq + 1) {
        event_close(&view);
        return -ERR_MALFORMED;
    }
    s->seq = view.seq;
    if (view.kind == EVENT_RESET)
        reset(s);
    if (event_is_visible(view.kind) && s->first_visible == 0)
        s->first_visible = view.seq;
    if (view.kind < EVENT_KIND_END && takers[view.kind] != NULL)
        takers[view.kind](s, &view);
    event_close(&view);
    return 0;
}
