/* The reply in parts. */
#include "graph/reply_parts.h"

#include "base/mem.h"
#include "wire/json.h"

enum { SEPARATOR_BYTES = 2, METADATA_BYTES = 1024 /* beside the steps */ };

void reply_parts_init(struct reply_parts *p, size_t max_bytes)
{
    *p = (struct reply_parts){.max_bytes = max_bytes};
}

static void release_part(struct reply_part *part)
{
    buf_release(&part->text);
    mem_free(part->node);
}

void reply_parts_release(struct reply_parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        release_part(&p->items[i]);
    mem_free(p->items);
    reply_parts_init(p, p->max_bytes);
}

/* The place of that number, or where it would go. */
static size_t place_of(const struct reply_parts *p, int64_t number)
{
    size_t i = p->count;
    while (i > 0 && p->items[i - 1].number >= number)
        i--;
    return i;
}

struct reply_part *reply_parts_find(const struct reply_parts *p, int64_t number)
{
    size_t i = place_of(p, number);
    return i < p->count && p->items[i].number == number ? &p->items[i] : NULL;
}

void reply_parts_add_at(struct reply_parts *p, int64_t number, enum event_kind kind,
                        struct span node)
{
    if (reply_parts_find(p, number) != NULL)
        return;
    size_t i = place_of(p, number);
    p->items = mem_grow(p->items, p->count + 1, sizeof *p->items); /* each has an event at least */
    memmove(p->items + i + 1, p->items + i, (p->count - i) * sizeof *p->items);
    p->count++;
    p->items[i] = (struct reply_part){.number = number, .kind = kind, .node = span_dup(node)};
    buf_init(&p->items[i].text, p->max_bytes);
}

int64_t reply_parts_add(struct reply_parts *p, enum event_kind kind, struct span node)
{
    int64_t number = p->count == 0 ? 0 : p->items[p->count - 1].number + 1;
    reply_parts_add_at(p, number, kind, node);
    return number;
}

void reply_parts_put(struct reply_parts *p, int64_t number, struct span text)
{
    struct reply_part *part = reply_parts_find(p, number);
    CHECK(part != NULL);
    (void)buf_span(&part->text, text); /* the run let it through; a full one shows at the end */
}

void reply_parts_drop(struct reply_parts *p, int64_t number)
{
    struct reply_part *part = reply_parts_find(p, number);
    CHECK(part != NULL);
    release_part(part);
    size_t i = (size_t)(part - p->items);
    p->count--;
    memmove(p->items + i, p->items + i + 1, (p->count - i) * sizeof *p->items);
}

void reply_parts_text(const struct reply_parts *p, enum event_kind kind, struct buf *out)
{
    bool has_text = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct reply_part *part = &p->items[i];
        if (part->kind != kind || part->text.len == 0)
            continue;
        if (has_text)
            (void)buf_text(out, "\n\n"); /* the caller looks at buf_error */
        (void)buf_span(out, buf_as_span(&part->text));
        has_text = true;
    }
}

static size_t text_max(const struct reply_parts *p)
{
    size_t bytes = 1;
    for (size_t i = 0; i < p->count; i++)
        bytes += p->items[i].text.len + SEPARATOR_BYTES;
    return bytes;
}

static struct span text_of(const struct reply_parts *p, enum event_kind kind, struct buf *out)
{
    buf_init(out, text_max(p));
    reply_parts_text(p, kind, out);
    return out->len == 0 ? SPAN_NONE : buf_as_span(out);
}

static void put_metadata(struct mp_fields *f, struct span graph, struct span steps)
{
    struct buf metadata;
    buf_init(&metadata, steps.len + METADATA_BYTES);
    struct json_writer w = json_writer(&metadata);
    json_open(&w, NULL, '{');
    json_member_str(&w, "graph", graph);
    json_member_raw(&w, "steps", steps);
    json_close(&w);
    mp_field_str(f, "metadata", buf_as_span(&metadata));
    buf_release(&metadata);
}

void reply_parts_put_message(const struct reply_parts *p, const struct reply_parts_facts *facts,
                             struct buf *out)
{
    struct buf text, reasoning, refusal, usage;
    struct span content = text_of(p, EVENT_DELTA, &text);
    struct span refused = text_of(p, EVENT_REFUSAL, &refusal);
    struct span reasons = text_of(p, EVENT_REASONING, &reasoning);
    buf_init(&usage, 1024);
    usage_put_json(&usage, &facts->usage);
    if (content.ptr == NULL)
        content = refused.ptr != NULL ? refused : SPAN_LIT("");
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", 1);
    mp_field_str(&f, "id", facts->id);
    mp_field_str(&f, "role", SPAN_LIT("assistant"));
    mp_field_str(&f, "content", content);
    mp_field_int(&f, "created_at", facts->created_at_ms);
    mp_field_str(&f, "generation_id", facts->generation);
    mp_field_str(&f, "reasoning", reasons);
    mp_field_str(&f, "model", facts->model);
    mp_field_str(&f, "finish_reason", facts->finish_reason);
    mp_field_str(&f, "usage", buf_as_span(&usage));
    put_metadata(&f, facts->graph, facts->steps);
    mp_fields_end(&f);
    buf_release(&usage);
    buf_release(&reasoning);
    buf_release(&refusal);
    buf_release(&text);
}

void reply_parts_put_output(const struct reply_parts *p, struct buf *out)
{
    struct buf text, reasoning;
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_str(&w, "text", text_of(p, EVENT_DELTA, &text));
    json_member_str(&w, "reasoning", text_of(p, EVENT_REASONING, &reasoning));
    json_member_null(&w, "tool_calls");
    json_close(&w);
    buf_release(&text);
    buf_release(&reasoning);
}
