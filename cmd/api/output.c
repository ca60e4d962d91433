/* Output from a log. */
#include "api/output.h"

#include "base/mem.h"
#include "wire/event.h"

#include <stdlib.h>

struct output_piece {
    int64_t seq;
    int64_t part;
    enum event_kind kind;
    size_t at; /* in the text */
    size_t len;
    size_t id_len, name_len; /* a tool call's text is id, name, arguments */
};

void output_init(struct output *o, size_t max_bytes)
{
    *o = (struct output){.pieces = NULL};
    buf_init(&o->text, max_bytes);
}

void output_release(struct output *o)
{
    buf_release(&o->text);
    mem_free(o->pieces);
    o->pieces = NULL;
    o->count = o->room = 0;
}

static struct output_piece *add_piece(struct output *o, const struct event_view *e, int64_t part)
{
    if (o->count == o->room) {
        o->room = o->room == 0 ? 64 : o->room * 2;
        o->pieces = mem_grow(o->pieces, o->room, sizeof *o->pieces);
    }
    struct output_piece *piece = &o->pieces[o->count++];
    *piece = (struct output_piece){.seq = e->seq, .kind = e->kind, .part = part, .at = o->text.len};
    return piece;
}

static void add_text(struct output *o, const struct event_view *e)
{
    struct piece p = event_piece(e);
    struct output_piece *piece = add_piece(o, e, p.part);
    if (buf_span(&o->text, p.text) == 0) {
        piece->len = p.text.len;
    }
}

static void add_call(struct output *o, const struct event_view *e)
{
    struct call_piece c = event_call(e);
    if (c.node.len > 0) {
        return; /* a graph's own call, made and answered within it */
    }
    struct output_piece *piece = add_piece(o, e, c.part);
    (void)buf_span(&o->text, c.call_id); /* looked at once, below */
    (void)buf_span(&o->text, c.name);
    if (buf_span(&o->text, c.arguments) == 0) {
        piece->id_len = c.call_id.len;
        piece->name_len = c.name.len;
        piece->len = c.call_id.len + c.name.len + c.arguments.len;
    }
}

static void reset(struct output *o, const struct event_view *e)
{
    int64_t after = mp_int(mp_get(event_fields(e), "after"), 0);
    while (o->count > 0 && o->pieces[o->count - 1].seq > after) {
        o->count--;
    }
}

void output_add(struct output *o, struct span event)
{
    static const struct {
        enum event_kind kind;
        void (*take)(struct output *o, const struct event_view *e);
    } takers[] = {{EVENT_DELTA, add_text},
                  {EVENT_REASONING, add_text},
                  {EVENT_TOOL_CALL, add_call},
                  {EVENT_RESET, reset}};
    struct event_view e;
    if (event_open(event, &e) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (takers[i].kind == e.kind) {
            takers[i].take(o, &e);
        }
    }
    event_close(&e);
}

static int compare(const void *a, const void *b)
{
    const struct output_piece *x = a, *y = b;
    if (x->part != y->part) {
        return x->part < y->part ? -1 : 1;
    }
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static struct span piece_span(const struct output *o, const struct output_piece *p, size_t from,
                              size_t to)
{
    return span_make(o->text.ptr + p->at + from, to - from);
}

static void sort(struct output *o)
{
    if (o->count > 0) {
        qsort(o->pieces, o->count, sizeof *o->pieces, compare);
    }
}

/* Joins the sorted pieces of a kind; false when there are none. */
static bool join(const struct output *o, enum event_kind kind, struct buf *joined)
{
    int64_t part = -1;
    bool is_there = false;
    for (size_t i = 0; i < o->count; i++) {
        const struct output_piece *p = &o->pieces[i];
        if (p->kind != kind || p->len == 0) {
            continue;
        }
        if (is_there && p->part != part) {
            (void)buf_text(joined, "\n\n"); /* the caller looks at the buffer */
        }
        (void)buf_span(joined, piece_span(o, p, 0, p->len));
        part = p->part;
        is_there = true;
    }
    return is_there;
}

bool output_text(struct output *o, struct buf *text)
{
    sort(o);
    return join(o, EVENT_DELTA, text);
}

static void put_text(const struct output *o, enum event_kind kind, const char *name,
                     struct json_writer *w)
{
    struct buf joined;
    buf_init(&joined, o->text.max + 2 * o->count); /* it has room for all */
    bool is_there = join(o, kind, &joined);
    json_member_str(w, name, is_there ? buf_as_span(&joined) : SPAN_NONE);
    buf_release(&joined);
}

static bool has_calls(const struct output *o)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->pieces[i].kind == EVENT_TOOL_CALL) {
            return true;
        }
    }
    return false;
}

static void put_calls(const struct output *o, struct json_writer *w)
{
    if (!has_calls(o)) {
        json_member_null(w, "tool_calls");
        return;
    }
    json_open(w, "tool_calls", '[');
    for (size_t i = 0; i < o->count; i++) {
        const struct output_piece *p = &o->pieces[i];
        if (p->kind != EVENT_TOOL_CALL) {
            continue;
        }
        size_t name_end = p->id_len + p->name_len;
        json_open(w, NULL, '{');
        json_member_str(w, "call_id", piece_span(o, p, 0, p->id_len));
        json_member_str(w, "name", piece_span(o, p, p->id_len, name_end));
        json_member_str(w, "arguments", piece_span(o, p, name_end, p->len));
        json_close(w);
    }
    json_close(w);
}

void output_put(struct output *o, struct json_writer *w)
{
    sort(o);
    json_open(w, "output", '{');
    put_text(o, EVENT_DELTA, "text", w);
    put_text(o, EVENT_REASONING, "reasoning", w);
    put_calls(o, w);
    json_close(w);
}
