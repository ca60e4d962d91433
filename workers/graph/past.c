/* A graph's log read back. */
#include "graph/past.h"

#include "base/err.h"
#include "base/mem.h"

enum { FIRST_ROOM = 64 };

void past_init(struct past *p, size_t max_bytes)
{
    *p = (struct past){.seq = 0};
    reply_parts_init(&p->parts, max_bytes);
}

static void release_step(struct past_step *s)
{
    mem_free(s->node);
    mem_free(s->kind);
    mem_free(s->status);
    mem_free(s->error);
}

static void release_result(struct past_call *c)
{
    mem_free(c->result);
    c->result = NULL;
    c->result_seq = 0;
}

static void release_call(struct past_call *c)
{
    release_result(c);
    mem_free(c->node);
    mem_free(c->call_id);
    mem_free(c->name);
    mem_free(c->arguments);
}

void past_release(struct past *p)
{
    for (size_t i = 0; i < p->call_count; i++)
        release_call(&p->calls[i]);
    mem_free(p->calls);
    for (size_t i = 0; i < p->step_count; i++)
        release_step(&p->steps[i]);
    mem_free(p->steps);
    mem_free(p->pieces);
    reply_parts_release(&p->parts);
    past_init(p, p->parts.max_bytes);
}

/* Room for one more. */
static void *grow(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? FIRST_ROOM : 2 * *room;
    return mem_grow(items, *room, size);
}

static int put_piece(struct past *p, int64_t part, enum event_kind kind, struct span node,
                     struct span text)
{
    if (part < 0 || part >= PAST_PIECES || p->piece_count == PAST_PIECES)
        return -ERR_MALFORMED;
    reply_parts_add_at(&p->parts, part, kind, node);
    reply_parts_put(&p->parts, part, text);
    p->pieces = grow(p->pieces, p->piece_count, &p->piece_room, sizeof *p->pieces);
    p->pieces[p->piece_count++] = (struct past_piece){p->seq, part, text.len};
    p->bytes += text.len;
    return 0;
}

static int take_piece(struct past *p, const struct event_view *view)
{
    struct piece piece = event_piece(view);
    return put_piece(p, piece.part, piece.kind, piece.node, piece.text);
}

static int take_call(struct past *p, const struct event_view *view)
{
    struct call_piece call = event_call(view);
    int rc = put_piece(p, call.part, EVENT_TOOL_CALL, call.node, SPAN_NONE);
    if (rc != 0 || call.kind != EVENT_TOOL_CALL)
        return rc; /* a whole one follows its fragments */
    p->calls = grow(p->calls, p->call_count, &p->call_room, sizeof *p->calls);
    p->calls[p->call_count++] = (struct past_call){.seq = p->seq,
                                                   .part = call.part,
                                                   .node = span_dup(call.node),
                                                   .call_id = span_dup(call.call_id),
                                                   .name = span_dup(call.name),
                                                   .arguments = span_dup(call.arguments)};
    return 0;
}

/* Of the last call of that id: a model may use an id again in its next turn. */
static int take_result(struct past *p, const struct event_view *view)
{
    const struct mp_value *fields = event_fields(view);
    struct span node = mp_str(mp_get(fields, "node"), SPAN_NONE);
    struct span id = mp_str(mp_get(fields, "call_id"), SPAN_NONE);
    size_t i = p->call_count;
    while (i > 0 && !(span_is(node, p->calls[i - 1].node) && span_is(id, p->calls[i - 1].call_id)))
        i--;
    if (i == 0)
        return 0;
    struct past_call *call = &p->calls[i - 1];
    release_result(call);
    call->result = mp_dup_str(mp_get(fields, "result"));
    call->result_seq = p->seq;
    call->is_error = mp_bool(mp_get(fields, "is_error"), false);
    return 0;
}

/* What comes of an agent behind its calls is told once its turn is kept. */
static void keep_calls(struct past *p, struct span node)
{
    for (size_t i = 0; i < p->call_count; i++)
        p->calls[i].is_kept = p->calls[i].is_kept || span_is(node, p->calls[i].node);
}

static bool is_model(struct span kind)
{
    return span_is(kind, "llm") || span_is(kind, "agent");
}

static void count_models(struct past *p, struct span kind, struct span status)
{
    if (!is_model(kind))
        return;
    if (span_is(status, "started"))
        p->open_models++;
    else if (span_is(status, "finished") || span_is(status, "failed"))
        p->open_models--;
}

static int take_step(struct past *p, const struct event_view *view)
{
    const struct mp_value *fields = event_fields(view);
    struct span status = mp_str(mp_get(fields, "status"), SPAN_NONE);
    count_models(p, mp_str(mp_get(fields, "kind"), SPAN_NONE), status);
    if (!span_is(status, "started") && !span_is(status, "retrying"))
        keep_calls(p, mp_str(mp_get(fields, "node"), SPAN_NONE));
    if (!span_is(status, "finished") && !span_is(status, "failed"))
        return 0;
    p->steps = grow(p->steps, p->step_count, &p->step_room, sizeof *p->steps);
    p->steps[p->step_count++] = (struct past_step){
        .seq = p->seq,
        .step = mp_int(mp_get(fields, "step"), 0),
        .ms = mp_int(mp_get(fields, "ms"), 0),
        .node = mp_dup_str(mp_get(fields, "node")),
        .kind = mp_dup_str(mp_get(fields, "kind")),
        .status = span_dup(status),
        .error = mp_dup_str(mp_get(fields, "error")),
    };
    return 0;
}

static bool has_piece(const struct past *p, int64_t part)
{
    for (size_t i = p->piece_count; i > 0; i--)
        if (p->pieces[i - 1].part == part)
            return true;
    return false;
}

/* What came behind `after` is void: text was put in order, so it is cut off the parts' ends. */
static int take_reset(struct past *p, const struct event_view *view)
{
    int64_t after = mp_int(mp_get(event_fields(view), "after"), 0);
    while (p->piece_count > 0 && p->pieces[p->piece_count - 1].seq > after) {
        const struct past_piece last = p->pieces[--p->piece_count];
        struct reply_part *part = reply_parts_find(&p->parts, last.part);
        part->text.len -= last.len;
        p->bytes -= last.len;
        if (!has_piece(p, last.part))
            reply_parts_drop(&p->parts, last.part);
    }
    while (p->step_count > 0 && p->steps[p->step_count - 1].seq > after) {
        struct past_step *step = &p->steps[--p->step_count];
        if (is_model(span_of(step->kind)))
            p->open_models++; /* its end is told again */
        release_step(step);
    }
    while (p->call_count > 0 && p->calls[p->call_count - 1].seq > after)
        release_call(&p->calls[--p->call_count]);
    for (size_t i = 0; i < p->call_count; i++)
        if (p->calls[i].result_seq > after)
            release_result(&p->calls[i]);
    return 0;
}

int past_put(struct past *p, struct span event)
{
    static int (*const takers[EVENT_KIND_END])(struct past *, const struct event_view *) = {
        [EVENT_DELTA] = take_piece,          [EVENT_REASONING] = take_piece,
        [EVENT_REFUSAL] = take_piece,        [EVENT_TOOL_CALL] = take_call,
        [EVENT_TOOL_CALL_DELTA] = take_call, [EVENT_STEP] = take_step,
        [EVENT_TOOL_RESULT] = take_result,   [EVENT_RESET] = take_reset,
    };
    struct event_view view;
    int rc = 0;
    if (event_open(event, &view) != 0)
        return -ERR_MALFORMED;
    if (view.seq != p->seq + 1) {
        event_close(&view);
        return -ERR_MALFORMED;
    }
    p->seq = view.seq;
    if (view.kind < EVENT_KIND_END && takers[view.kind] != NULL)
        rc = takers[view.kind](p, &view);
    event_close(&view);
    return rc;
}

static int64_t first_seq(const struct past *p, int64_t part)
{
    for (size_t i = 0; i < p->piece_count; i++)
        if (p->pieces[i].part == part)
            return p->pieces[i].seq;
    return 0;
}

struct past_half past_half(const struct past *p)
{
    struct past_half half = {.first = 0};
    for (size_t i = 0; i < p->parts.count; i++) {
        const struct reply_part *part = &p->parts.items[i];
        if (part->is_whole)
            continue;
        int64_t first = first_seq(p, part->number);
        if (half.first == 0 || first < half.first)
            half.first = first;
        half.count++;
        half.only = part;
    }
    if (half.count != 1)
        half.only = NULL;
    return half;
}

size_t past_shown_until(const struct past *p, int64_t part, int64_t seq)
{
    size_t bytes = 0;
    for (size_t i = 0; i < p->piece_count && p->pieces[i].seq <= seq; i++)
        if (p->pieces[i].part == part)
            bytes += p->pieces[i].len;
    return bytes;
}
