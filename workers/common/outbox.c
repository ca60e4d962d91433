/* Events between the work and the log. */
#include "common/outbox.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/limits.h"

struct outbox_event {
    TAILQ_ENTRY(outbox_event) link;
    int64_t seq;
    enum event_kind kind;
    int64_t part;
    struct buf body; /* open: the text or arguments; sealed: the event's bytes */
    char *node, *signature, *call_id, *name; /* of an open one; NULL: none */
    int64_t logged_ms;                       /* 0: not yet */
    size_t payload;                          /* what it counts in waiting_bytes and kept_bytes */
    struct run_checkpoint *checkpoint;       /* NULL: none. Its texts lie behind it */
    bool is_open;
    bool is_first_visible;
};

void outbox_init(struct outbox *o, int64_t length)
{
    *o = (struct outbox){.length = length, .last = length};
    TAILQ_INIT(&o->events);
}

static void free_key(struct outbox_event *e)
{
    mem_free(e->node);
    mem_free(e->signature);
    mem_free(e->call_id);
    mem_free(e->name);
    e->node = e->signature = e->call_id = e->name = NULL;
}

static void drop(struct outbox *o, struct outbox_event *e)
{
    TAILQ_REMOVE(&o->events, e, link);
    if (e->checkpoint != NULL && e->checkpoint->on_logged != NULL)
        o->untold--;
    mem_free(e->checkpoint);
    free_key(e);
    buf_release(&e->body);
    mem_free(e);
}

void outbox_reset(struct outbox *o, int64_t length)
{
    while (!TAILQ_EMPTY(&o->events))
        drop(o, TAILQ_FIRST(&o->events));
    o->next = NULL;
    o->length = o->last = length;
    o->waiting_bytes = o->kept_bytes = 0;
}

void outbox_release(struct outbox *o)
{
    outbox_reset(o, o->length);
}

static struct outbox_event *add(struct outbox *o, enum event_kind kind, bool is_visible)
{
    struct outbox_event *e = MEM_NEW(struct outbox_event);
    e->seq = ++o->last;
    e->kind = kind;
    buf_init(&e->body, LIMIT_EVENT);
    e->is_first_visible = is_visible && !o->is_shown;
    o->is_shown = o->is_shown || e->is_first_visible;
    TAILQ_INSERT_TAIL(&o->events, e, link);
    if (o->next == NULL)
        o->next = e;
    return e;
}

static void add_text(struct outbox *o, struct outbox_event *e, struct span text)
{
    CHECK(buf_span(&e->body, text) == 0); /* what may be put is limited by the run */
    e->payload += text.len;
    o->waiting_bytes += text.len;
}

static bool is_same(const char *kept, struct span given)
{
    return kept == NULL ? given.ptr == NULL : span_is(given, kept);
}

/* The newest event, if more text may join it. */
static struct outbox_event *joinable(struct outbox *o, enum event_kind kind, int64_t part,
                                     struct span node, size_t more)
{
    struct outbox_event *e = TAILQ_LAST(&o->events, outbox_events);
    bool is_it = e != NULL && e->is_open && e->kind == kind && e->part == part &&
                 is_same(e->node, node) && e->body.len + more <= OUTBOX_GATHER_BYTES;
    return is_it ? e : NULL;
}

void outbox_put_piece(struct outbox *o, const struct piece *piece)
{
    struct outbox_event *e = joinable(o, piece->kind, piece->part, piece->node, piece->text.len);
    if (e == NULL || e->signature != NULL) {
        e = add(o, piece->kind, true);
        e->part = piece->part;
        e->node = span_dup_or_null(piece->node);
        e->is_open = true;
    }
    e->signature = span_dup_or_null(piece->signature);
    add_text(o, e, piece->text);
}

void outbox_put_call(struct outbox *o, const struct call_piece *call)
{
    struct outbox_event *e = NULL;
    if (call->kind == EVENT_TOOL_CALL_DELTA && call->name.ptr == NULL)
        e = joinable(o, call->kind, call->part, call->node, call->arguments.len);
    if (e != NULL && is_same(e->call_id, call->call_id)) {
        add_text(o, e, call->arguments);
        return;
    }
    e = add(o, call->kind, !call->is_hidden);
    e->part = call->part;
    if (call->kind == EVENT_TOOL_CALL_DELTA) {
        e->node = span_dup_or_null(call->node);
        e->call_id = span_dup_or_null(call->call_id);
        e->name = span_dup_or_null(call->name);
        e->is_open = true;
        add_text(o, e, call->arguments);
        return;
    }
    event_put_call(&e->body, e->seq, call);
    CHECK(buf_error(&e->body) == 0);
    e->payload = e->body.len;
    o->waiting_bytes += e->payload;
}

struct mp_fields outbox_begin_map(struct outbox *o, enum event_kind kind, int64_t at_ms)
{
    struct outbox_event *e = add(o, kind, false);
    return event_begin_map(&e->body, e->seq, kind, at_ms);
}

void outbox_end_map(struct outbox *o, struct mp_fields *fields)
{
    struct outbox_event *e = TAILQ_LAST(&o->events, outbox_events);
    CHECK(e != NULL && fields->buf == &e->body);
    mp_fields_end(fields);
    CHECK(buf_error(&e->body) == 0);
    e->payload = e->body.len;
    o->waiting_bytes += e->payload;
}

static struct run_checkpoint *checkpoint_copy(const struct run_checkpoint *c)
{
    size_t field_bytes = strlen(c->field) + 1;
    struct run_checkpoint *copy = mem_new(sizeof *copy + field_bytes + c->value.len);
    char *field = (char *)(copy + 1);
    *copy = *c;
    copy->field = field;
    copy->value = span_make(field + field_bytes, c->value.len);
    memcpy(field, c->field, field_bytes);
    if (c->value.len > 0)
        memcpy(field + field_bytes, c->value.ptr, c->value.len);
    return copy;
}

void outbox_end_kept(struct outbox *o, struct mp_fields *fields, const struct run_checkpoint *c)
{
    struct outbox_event *e = TAILQ_LAST(&o->events, outbox_events);
    outbox_end_map(o, fields);
    e->checkpoint = checkpoint_copy(c);
    e->payload += c->value.len;
    o->waiting_bytes += c->value.len;
    o->untold += c->on_logged != NULL ? 1 : 0;
    o->has_checkpoint = true;
    o->is_shown = c->is_shown;
}

static void seal(struct outbox_event *e)
{
    if (!e->is_open)
        return;
    struct buf bytes;
    buf_init(&bytes, LIMIT_EVENT);
    if (e->kind == EVENT_TOOL_CALL_DELTA)
        event_put_call(&bytes, e->seq,
                       &(struct call_piece){.kind = e->kind,
                                            .part = e->part,
                                            .call_id = span_of(e->call_id),
                                            .name = span_of(e->name),
                                            .arguments = buf_as_span(&e->body),
                                            .node = span_of(e->node)});
    else
        event_put_piece(&bytes, e->seq,
                        &(struct piece){.kind = e->kind,
                                        .part = e->part,
                                        .text = buf_as_span(&e->body),
                                        .node = span_of(e->node),
                                        .signature = span_of(e->signature)});
    CHECK(buf_error(&bytes) == 0);
    free_key(e);
    buf_release(&e->body);
    e->body = bytes;
    e->is_open = false;
}

bool outbox_is_empty(const struct outbox *o)
{
    return o->next == NULL;
}

bool outbox_has_checkpoint(const struct outbox *o)
{
    const struct outbox_event *e = o->next;
    while (e != NULL && e->checkpoint == NULL)
        e = TAILQ_NEXT(e, link);
    return e != NULL;
}

void outbox_take(struct outbox *o, struct outbox_batch *out)
{
    size_t bytes = 0;
    out->count = 0;
    out->is_first_visible = false;
    out->checkpoint = NULL;
    out->first = o->length + 1;
    for (struct outbox_event *e = o->next; e != NULL; e = TAILQ_NEXT(e, link)) {
        seal(e);
        bytes += e->body.len;
        if (out->count == OUTBOX_BATCH_EVENTS ||
            (out->count > 0 && (bytes > OUTBOX_BATCH_BYTES || e->checkpoint != NULL)))
            break;
        out->events[out->count++] = buf_as_span(&e->body);
        out->is_first_visible = out->is_first_visible || e->is_first_visible;
        out->checkpoint = e->checkpoint;
        if (e->checkpoint != NULL)
            break;
    }
}

static int64_t oldest(const struct outbox *o)
{
    const struct outbox_event *e = TAILQ_FIRST(&o->events);
    return e == NULL ? o->last + 1 : e->seq;
}

static int64_t newest_sealed(const struct outbox *o)
{
    struct outbox_event *e = TAILQ_LAST(&o->events, outbox_events);
    while (e != NULL && e->is_open)
        e = TAILQ_PREV(e, outbox_events, link);
    return e == NULL ? o->length : e->seq;
}

static void mark_logged(struct outbox *o, struct outbox_event *e, int64_t now_ms)
{
    if (e->logged_ms == 0)
        e->logged_ms = now_ms;
    o->waiting_bytes -= e->payload;
    o->kept_bytes += e->payload;
}

/* The log is shorter than was thought: what is behind it waits again. */
static void go_back(struct outbox *o, int64_t length)
{
    struct outbox_event *e = o->next == NULL ? TAILQ_LAST(&o->events, outbox_events)
                                             : TAILQ_PREV(o->next, outbox_events, link);
    for (; e != NULL && e->seq > length; e = TAILQ_PREV(e, outbox_events, link)) {
        o->kept_bytes -= e->payload;
        o->waiting_bytes += e->payload;
        o->next = e;
    }
    o->length = length;
}

bool outbox_logged(struct outbox *o, int64_t length, int64_t now_ms)
{
    if (length < oldest(o) - 1 || length > newest_sealed(o))
        return false;
    for (; o->next != NULL && o->next->seq <= length; o->next = TAILQ_NEXT(o->next, link))
        mark_logged(o, o->next, now_ms);
    go_back(o, length);
    return true;
}

bool outbox_next_told(struct outbox *o, struct run_checkpoint *out)
{
    struct outbox_event *e = o->untold == 0 ? NULL : TAILQ_FIRST(&o->events);
    for (; e != NULL && e != o->next; e = TAILQ_NEXT(e, link)) {
        if (e->checkpoint == NULL || e->checkpoint->on_logged == NULL)
            continue;
        *out = *e->checkpoint;
        e->checkpoint->on_logged = NULL;
        o->untold--;
        return true;
    }
    return false;
}

void outbox_doubt(struct outbox *o)
{
    go_back(o, oldest(o) - 1);
}

void outbox_forget(struct outbox *o, int64_t before_ms, size_t max_bytes)
{
    struct outbox_event *e;
    while ((e = TAILQ_FIRST(&o->events)) != NULL && e != o->next &&
           (e->logged_ms < before_ms || o->kept_bytes > max_bytes)) {
        o->kept_bytes -= e->payload;
        drop(o, e);
    }
}
