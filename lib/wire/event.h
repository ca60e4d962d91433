/* Events of a generation's log: encode (workers), decode (readers), and the JSON that clients see. Formats: kinds.def.
 * The bytes in the log and on the channel are the same. Decoding borrows from the bytes. */
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
};
void event_put_call(struct buf *b, int64_t seq, const struct call_piece *c);
/* A MAP event: the caller fills the fields between these two. */
struct mp_fields event_begin_map(struct buf *b, int64_t seq, enum event_kind kind, int64_t at_ms);
/* End with mp_fields_end. */

/* Decoded head of an event. */
struct event_view {
    int64_t seq;
    enum event_kind kind; /* may be a number this build does not know: event_kind_name is NULL then, pass it by */
    struct mp_doc *doc;   /* owned; event_close frees */
};
MUST_USE int event_open(struct span bytes, struct event_view *out);
void event_close(struct event_view *e);
/* Only seq and kind, without building anything: for the hot path and for ordering. */
MUST_USE int event_peek(struct span bytes, int64_t *seq, enum event_kind *kind);
struct piece event_piece(const struct event_view *e);          /* CHECKs the form */
struct call_piece event_call(const struct event_view *e);
const struct mp_value *event_fields(const struct event_view *e); /* the map of a MAP event, never NULL (an empty one at worst) */

/* The `data:` JSON of an event: {type, generation_id, seq, done, [chat_id, at,] fields...}. `chat_id` may be "" (stateless): null then.
 * Appends to `b`. -ERR_MALFORMED for bytes that are no event; an unknown kind appends nothing and returns 0. */
MUST_USE int event_to_json(struct buf *b, struct span bytes, const char *generation_id, const char *chat_id);
/* The whole SSE frame: id, event and data lines and the blank line. */
MUST_USE int event_to_sse(struct buf *b, struct span bytes, const char *generation_id, const char *chat_id);

/* Members of a map as JSON members, keys that carry JSON text (RAW: restore usage error history resume metadata attachments tool_calls
 * output result params) inserted as they are. Used for events, committed messages and records. */
struct json_writer;
void fields_to_json(struct json_writer *w, const struct mp_value *map);
bool field_is_raw(struct span key);

#endif
