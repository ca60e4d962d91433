/* The JSON and the SSE frames that readers see of an event: the API's hot path. Pieces are written
 * from the event's bytes straight into the reader's buffer. Which fields stand in front of the
 * event's own is design/http.md's table. */
#include "base/err.h"
#include "wire/event_form.h"
#include "wire/json.h"

/* Keys whose text is JSON already. */
static const char *const raw_keys[] = {
    "restore",     "usage",      "error",  "history", "resume", "metadata",
    "attachments", "tool_calls", "output", "result",  "params",
};

bool field_is_raw(struct span key)
{
    for (size_t i = 0; i < sizeof(raw_keys) / sizeof(raw_keys[0]); i++) {
        if (span_is(key, raw_keys[i]))
            return true;
    }
    return false;
}

static void field_to_json(struct json_writer *w, struct span key, const struct mp_value *value)
{
    if (mp_is_str(value)) {
        struct span text = mp_str(value, SPAN_NONE);
        json_key(w, key);
        if (field_is_raw(key))
            json_put_raw(w->buf, text);
        else
            json_put_string(w->buf, text);
    } else if (mp_is_int(value)) {
        json_key(w, key);
        json_put_int(w->buf, mp_int(value, 0));
    } else if (mp_is_bool(value)) {
        json_key(w, key);
        json_put_bool(w->buf, mp_bool(value, false));
    } else if (mp_is_nil(value)) {
        json_key(w, key);
        json_put_raw(w->buf, SPAN_NONE);
    }
}

void fields_to_json(struct json_writer *w, const struct mp_value *map)
{
    for (size_t i = 0; mp_is_map(map) && i < mp_count(map); i++) {
        const struct mp_value *key, *value;
        mp_pair(map, i, &key, &value);
        if (mp_is_str(key))
            field_to_json(w, mp_str(key, SPAN_NONE), value);
    }
}

static void member_if_present(struct json_writer *w, const char *name, struct span s)
{
    if (s.ptr != NULL)
        json_member_str(w, name, s);
}

static void piece_to_json(struct json_writer *w, const struct piece *p)
{
    json_member_int(w, "part", p->part);
    json_member_str(w, "text", p->text);
    member_if_present(w, "node", p->node);
    member_if_present(w, "signature", p->signature);
}

static void call_to_json(struct json_writer *w, const struct call_piece *c)
{
    json_member_int(w, "part", c->part);
    json_member_str(w, "call_id", c->call_id);
    member_if_present(w, "name", c->name);
    json_member_str(w, "arguments", c->arguments);
    member_if_present(w, "node", c->node);
}

/* Pieces come by the hundred: they do without chat_id and at. */
static bool is_bare(enum event_kind kind)
{
    return event_form(kind) == EVENT_FORM_PIECE || kind == EVENT_TOOL_CALL_DELTA;
}

static void render(struct buf *b, const struct event_view *e, const char *generation_id,
                   const char *chat_id)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "type", span_of(event_kind_name(e->kind)));
    json_member_str(&w, "generation_id", span_of(generation_id));
    json_member_int(&w, "seq", e->seq);
    json_member_bool(&w, "done", e->kind == EVENT_DONE);
    if (!is_bare(e->kind)) {
        json_member_str(&w, "chat_id", chat_id[0] == '\0' ? SPAN_NONE : span_of(chat_id));
        json_key(&w, SPAN_LIT("at"));
        if (e->at_ms == 0)
            json_put_raw(b, SPAN_NONE);
        else
            json_put_int(b, e->at_ms);
    }
    if (event_form(e->kind) == EVENT_FORM_PIECE) {
        struct piece piece = event_piece(e);
        piece_to_json(&w, &piece);
    } else if (event_form(e->kind) == EVENT_FORM_CALL) {
        struct call_piece call = event_call(e);
        call_to_json(&w, &call);
    } else {
        fields_to_json(&w, event_fields(e));
    }
    json_close(&w);
}

/* Renders a known kind, with the lines of an SSE frame around it if `is_sse`. */
static int write_event(struct buf *b, struct span bytes, const char *generation_id,
                       const char *chat_id, bool is_sse)
{
    struct event_view e;
    int rc = event_open(bytes, &e);
    if (rc != 0)
        return rc;
    const char *type = event_kind_name(e.kind);
    if (type != NULL && is_sse) {
        (void)buf_text(b, "id: "); /* the buffer remembers, here and below */
        json_put_int(b, e.seq);
        (void)buf_text(b, "\nevent: ");
        (void)buf_text(b, type);
        (void)buf_text(b, "\ndata: ");
    }
    if (type != NULL)
        render(b, &e, generation_id, chat_id);
    if (type != NULL && is_sse)
        (void)buf_text(b, "\n\n");
    event_close(&e);
    return buf_error(b);
}

int event_to_json(struct buf *b, struct span bytes, const char *generation_id, const char *chat_id)
{
    return write_event(b, bytes, generation_id, chat_id, false);
}

int event_to_sse(struct buf *b, struct span bytes, const char *generation_id, const char *chat_id)
{
    return write_event(b, bytes, generation_id, chat_id, true);
}
