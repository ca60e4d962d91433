/* One event of each kind, with all that its form can carry. */
#ifndef SLUICE_UNIT_EVENT_SAMPLE_H
#define SLUICE_UNIT_EVENT_SAMPLE_H

#include "wire/event.h"

static const int64_t AT_MS = 1760000000000;

static inline void put_map_event(struct buf *b, int64_t seq, enum event_kind kind)
{
    struct mp_fields f = event_begin_map(b, seq, kind, AT_MS);
    mp_field_str(&f, "text", SPAN_LIT("a \"word\""));
    mp_field_str(&f, "usage", SPAN_LIT("{\"input\":1}"));
    mp_field_int(&f, "position", 3);
    mp_field_bool(&f, "committed", false);
    mp_fields_end(&f);
}

static inline void put_event(struct buf *b, int64_t seq, enum event_kind kind)
{
    const struct piece piece = {.kind = kind,
                                .part = 2,
                                .text = SPAN_LIT("Hi \xf0\x9f\x91\x8b"),
                                .node = SPAN_LIT("answer"),
                                .signature = SPAN_LIT("c2ln")};
    const struct call_piece call = {.kind = kind,
                                    .part = 1,
                                    .call_id = SPAN_LIT("call_1"),
                                    .name = SPAN_LIT("search"),
                                    .arguments = SPAN_LIT("{\"q\":"),
                                    .node = SPAN_LIT("tools"),
                                    .at_ms = kind == EVENT_TOOL_CALL ? AT_MS : 0};
    if (kind >= EVENT_DELTA && kind <= EVENT_REFUSAL)
        event_put_piece(b, seq, &piece);
    else if (kind == EVENT_TOOL_CALL_DELTA || kind == EVENT_TOOL_CALL)
        event_put_call(b, seq, &call);
    else
        put_map_event(b, seq, kind);
}

#endif
