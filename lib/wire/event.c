/* Events of a generation's log: kinds, encoding, decoding. Pieces and calls, nearly all of a log,
 * are read token by token; only MAP events become a tree. Invariant: what event_open accepts, the
 * accessors read without a failure. */
#include "base/err.h"
#include "wire/event_form.h"
#include "wire/mp_token.h"

struct kind_row {
    const char *name;
    enum event_form form;
    bool is_visible;
    bool is_terminal;
};

static const struct kind_row kinds[EVENT_KIND_END] = {
#define X(name, number, text, form, visible, terminal)                                             \
    [number] = {text, EVENT_FORM_##form, visible, terminal},
#include "wire/kinds.def"
#undef X
};

static const struct kind_row *row_of(enum event_kind kind)
{
    return &kinds[(unsigned)kind < EVENT_KIND_END ? kind : EVENT_NONE];
}

const char *event_kind_name(enum event_kind kind)
{
    return row_of(kind)->name;
}

enum event_kind event_kind_of(struct span name)
{
    for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
        if (kinds[kind].name != NULL && span_is(name, kinds[kind].name))
            return (enum event_kind)kind;
    return EVENT_NONE;
}

enum event_form event_form(enum event_kind kind)
{
    return row_of(kind)->form;
}

bool event_is_visible(enum event_kind kind)
{
    return row_of(kind)->is_visible;
}

bool event_is_terminal(enum event_kind kind)
{
    return row_of(kind)->is_terminal;
}

/* [seq, kind, ... and `more` elements that the caller writes. */
static void put_head(struct buf *b, uint32_t more, int64_t seq, enum event_kind kind)
{
    mp_put_array(b, 2 + more);
    mp_put_int(b, seq);
    mp_put_int(b, kind);
}

void event_put_piece(struct buf *b, int64_t seq, const struct piece *p)
{
    CHECK(event_form(p->kind) == EVENT_FORM_PIECE && p->text.ptr != NULL);
    uint32_t optional = p->signature.ptr != NULL ? 2 : p->node.ptr != NULL;
    put_head(b, 2 + optional, seq, p->kind);
    mp_put_int(b, p->part);
    mp_put_str(b, p->text);
    if (optional >= 1)
        mp_put_str(b, p->node);
    if (optional >= 2)
        mp_put_str(b, p->signature);
}

void event_put_call(struct buf *b, int64_t seq, const struct call_piece *c)
{
    CHECK(event_form(c->kind) == EVENT_FORM_CALL);
    CHECK(c->call_id.ptr != NULL && c->arguments.ptr != NULL);
    uint32_t optional = c->at_ms != 0 ? 2 : c->node.ptr != NULL;
    put_head(b, 4 + optional, seq, c->kind);
    mp_put_int(b, c->part);
    mp_put_str(b, c->call_id);
    mp_put_str(b, c->name);
    mp_put_str(b, c->arguments);
    if (optional >= 1)
        mp_put_str(b, c->node);
    if (optional >= 2)
        mp_put_int(b, c->at_ms);
}

struct mp_fields event_begin_map(struct buf *b, int64_t seq, enum event_kind kind, int64_t at_ms)
{
    CHECK(event_form(kind) == EVENT_FORM_MAP);
    put_head(b, 2, seq, kind);
    mp_put_int(b, at_ms);
    return mp_fields_begin(b);
}

/* The elements of an event that are still to be read. */
struct elements {
    struct span rest;
    uint32_t left;
};

static bool next(struct elements *e, struct mp_token *out)
{
    if (e->left == 0 || !mp_token_next(&e->rest, out))
        return false;
    e->left--;
    return true;
}

static bool next_int(struct elements *e, int64_t *out)
{
    struct mp_token t;
    if (!next(e, &t) || t.type != MP_INT)
        return false;
    *out = t.number;
    return true;
}

static bool next_str(struct elements *e, struct span *out)
{
    struct mp_token t;
    if (!next(e, &t) || t.type != MP_STR)
        return false;
    *out = t.text;
    return true;
}

/* One that may be absent: at the end, nil, or (rule for change) of a type that only newer builds
 * know, after which nothing more is read. */
static void next_optional(struct elements *e, struct mp_token *out)
{
    struct mp_token t;
    *out = (struct mp_token){.type = MP_NIL, .text = SPAN_NONE};
    if (!next(e, &t))
        return;
    if (t.type == MP_ARRAY || t.type == MP_MAP)
        e->left = 0;
    *out = t;
}

static int read_head(struct elements *e, struct span bytes, int64_t *seq, enum event_kind *kind)
{
    struct mp_token array;
    int64_t seq_read, kind_read;
    if (!mp_token_next(&bytes, &array) || array.type != MP_ARRAY)
        return -ERR_MALFORMED;
    *e = (struct elements){.rest = bytes, .left = array.count};
    if (!next_int(e, &seq_read) || !next_int(e, &kind_read))
        return -ERR_MALFORMED;
    if (seq_read < 1 || kind_read < 1 || kind_read > INT32_MAX)
        return -ERR_MALFORMED;
    *seq = seq_read;
    *kind = (enum event_kind)kind_read;
    return 0;
}

static bool read_piece(struct elements *e, struct piece *out)
{
    if (!next_int(e, &out->part) || !next_str(e, &out->text))
        return false;
    struct mp_token node, signature;
    next_optional(e, &node);
    next_optional(e, &signature);
    out->node = node.text;
    out->signature = signature.text;
    return true;
}

static bool read_call(struct elements *e, struct call_piece *out)
{
    struct mp_token name, node, at;
    if (!next_int(e, &out->part) || !next_str(e, &out->call_id))
        return false;
    next_optional(e, &name);
    if (!next_str(e, &out->arguments))
        return false;
    next_optional(e, &node);
    next_optional(e, &at);
    out->name = name.text;
    out->node = node.text;
    out->at_ms = at.number;
    return true;
}

int event_peek(struct span bytes, int64_t *seq, enum event_kind *kind)
{
    struct elements e;
    return read_head(&e, bytes, seq, kind);
}

/* Element 3 of a MAP event: a map, or the empty array that Lua makes of an empty table. */
static bool is_field_map(const struct mp_value *v)
{
    return mp_is_map(v) || (mp_is_array(v) && mp_count(v) == 0);
}

static int open_map(struct event_view *view)
{
    int rc = mp_open(view->bytes, &view->doc);
    if (rc != 0)
        return rc;
    const struct mp_value *root = mp_root(view->doc);
    const struct mp_value *at = mp_at(root, 2);
    view->at_ms = mp_int(at, 0);
    return mp_is_int(at) && is_field_map(mp_at(root, 3)) ? 0 : -ERR_MALFORMED;
}

static int open_tokens(struct event_view *view, struct elements *e)
{
    int rc = mp_check(view->bytes);
    if (rc != 0)
        return rc;
    struct piece piece;
    struct call_piece call = {0};
    bool is_sound = true;
    if (event_form(view->kind) == EVENT_FORM_PIECE)
        is_sound = read_piece(e, &piece);
    else if (event_form(view->kind) == EVENT_FORM_CALL)
        is_sound = read_call(e, &call);
    view->at_ms = call.at_ms;
    return is_sound ? 0 : -ERR_MALFORMED;
}

int event_open(struct span bytes, struct event_view *out)
{
    struct event_view view = {.bytes = bytes};
    struct elements e;
    int rc = read_head(&e, bytes, &view.seq, &view.kind);
    if (rc != 0)
        return rc;
    rc = event_form(view.kind) == EVENT_FORM_MAP ? open_map(&view) : open_tokens(&view, &e);
    if (rc != 0) {
        event_close(&view);
        return rc;
    }
    *out = view;
    return 0;
}

void event_close(struct event_view *e)
{
    mp_close(e->doc);
    e->doc = NULL;
}

struct piece event_piece(const struct event_view *view)
{
    CHECK(event_form(view->kind) == EVENT_FORM_PIECE);
    struct elements e;
    struct piece piece = {0};
    int64_t seq;
    CHECK(read_head(&e, view->bytes, &seq, &piece.kind) == 0); /* as event_open did */
    CHECK(read_piece(&e, &piece));
    return piece;
}

struct call_piece event_call(const struct event_view *view)
{
    CHECK(event_form(view->kind) == EVENT_FORM_CALL);
    struct elements e;
    struct call_piece call = {0};
    int64_t seq;
    CHECK(read_head(&e, view->bytes, &seq, &call.kind) == 0); /* as event_open did */
    CHECK(read_call(&e, &call));
    return call;
}

const struct mp_value *event_fields(const struct event_view *view)
{
    CHECK(event_form(view->kind) == EVENT_FORM_MAP);
    return mp_at(mp_root(view->doc), 3);
}
