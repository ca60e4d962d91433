/* Events of a generation's log: encode (workers), decode (readers), and the JSON that clients see.
 * Formats: kinds.def. The bytes in the log and on the channel are the same. Decoding borrows from
 * the bytes. */
#ifndef SLUICE_WIRE_EVENT_H
#define SLUICE_WIRE_EVENT_H

#include "base/buf.h"
#include "wire/mp.h"

enum event_kind {
    EVENT_NONE,
#define X(name, number, text, form, visible, terminal) EVENT_##name = number,
#include "wire/kinds.def"
#undef X
    EVENT_KIND_END
};

const char *event_kind_name(enum event_kind kind); /* "delta"; NULL for an unknown number */
enum event_kind event_kind_of(struct span name);   /* EVENT_NONE for an unknown one */
bool event_is_visible(enum event_kind kind);       /* counts as shown text */
bool event_is_terminal(enum event_kind kind);

/* Encoders: one whole event each, appended to `b`. */
struct piece {
    enum event_kind kind; /* DELTA REASONING REFUSAL */
    int64_t part;
    struct span text;
    struct span node;      /* SPAN_NONE outside graphs */
    struct span signature; /* of the last reasoning of a part, or SPAN_NONE */
};
void event_put_piece(struct buf *b, int64_t seq, const struct piece *p);
struct call_piece {
    enum event_kind kind; /* TOOL_CALL_DELTA TOOL_CALL */
    int64_t part;
    struct span call_id;
    struct span name; /* SPAN_NONE when not said again */
    struct span arguments;
    struct span node;
    int64_t at_ms;  /* of a TOOL_CALL (it is no piece for readers, who see `at`); 0 leaves it out */
    bool is_hidden; /* not part of the reply: it does not count as shown. Not written */
};
void event_put_call(struct buf *b, int64_t seq, const struct call_piece *c);
/* A MAP event: the caller fills the fields between these two. */
struct mp_fields event_begin_map(struct buf *b, int64_t seq, enum event_kind kind, int64_t at_ms);
/* End with mp_fields_end. */

/* A decoded event: checked whole, and of the form that its kind asks for. Only a MAP event
 * allocates. */
struct event_view {
    int64_t seq;
    enum event_kind kind; /* may be a number this build does not know: event_kind_name is NULL then,
                             pass it by */
    int64_t at_ms;        /* of a MAP event or a TOOL_CALL, else 0 */
    struct span bytes;    /* borrowed */
    struct mp_doc *doc;   /* of a MAP event, else NULL; owned, event_close frees */
};
/* 0 or -ERR_MALFORMED. */
MUST_USE int event_open(struct span bytes, struct event_view *out);
void event_close(struct event_view *e);
/* Only seq and kind, without looking at the rest or allocating: for the hot path and for ordering.
 * 0 or -ERR_MALFORMED. */
MUST_USE int event_peek(struct span bytes, int64_t *seq, enum event_kind *kind);
struct piece event_piece(const struct event_view *e); /* CHECKs the form */
struct call_piece event_call(const struct event_view *e);
/* The map of a MAP event; never NULL, but it may be an empty array (Lua writes an empty table so):
 * mp_get and mp_count do not mind. */
const struct mp_value *event_fields(const struct event_view *e);

/* The `data:` JSON of an event: {type, generation_id, seq, done, [chat_id, at,] fields...}, in one
 * line. `chat_id` may be "" (stateless): null then. Appends to `b`. -ERR_MALFORMED for bytes that
 * are no event, which append nothing; an unknown kind appends nothing and returns 0; -ERR_TOO_LARGE
 * when `b` is full. */
MUST_USE int event_to_json(struct buf *b, struct span bytes, const char *generation_id,
                           const char *chat_id);
/* The whole SSE frame: id, event and data lines and the blank line. */
MUST_USE int event_to_sse(struct buf *b, struct span bytes, const char *generation_id,
                          const char *chat_id);

/* Members of a map as JSON members, keys that carry JSON text (RAW: restore usage error history
 * resume metadata attachments tool_calls output result params) inserted as they are. A field that
 * is not text, a whole number, a bool or nil is left out. */
struct json_writer;
void fields_to_json(struct json_writer *w, const struct mp_value *map);
bool field_is_raw(struct span key);

#endif
