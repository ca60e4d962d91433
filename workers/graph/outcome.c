/* Checkpoints of steps as bytes. */
#include "graph/outcome.h"

#include "base/err.h"
#include "base/mem.h"

void outcome_write(const struct outcome *c, struct buf *out)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", OUTCOME_VERSION);
    mp_field_str(&f, "node", c->node);
    mp_field_str(&f, "result", c->result);
    mp_field_str(&f, "error", c->error);
    mp_field_str(&f, "next", c->next);
    mp_field_str(&f, "model", c->model);
    mp_field_str(&f, "finish_reason", c->finish_reason);
    mp_field_int(&f, "spent", c->spent_ms);
    usage_field(&f, "usage", &c->usage);
    mp_put_key(out, "parts");
    mp_put_array(out, (uint32_t)c->part_count);
    for (size_t i = 0; i < c->part_count; i++)
        mp_put_int(out, c->parts[i]);
    f.count++;
    mp_fields_end(&f);
}

static int read_parts(const struct mp_value *list, struct outcome *c)
{
    size_t count = mp_count(list);
    if (count > OUTCOME_PARTS)
        return -ERR_MALFORMED;
    c->parts = mem_new_array(count + 1, sizeof *c->parts);
    for (size_t i = 0; i < count; i++)
        c->parts[c->part_count++] = mp_int(mp_at(list, i), -1);
    return 0;
}

int outcome_read(struct span bytes, struct outcome *out)
{
    struct mp_doc *doc = NULL;
    *out = (struct outcome){.part_count = 0};
    if (mp_open(bytes, &doc) != 0)
        return -ERR_MALFORMED;
    const struct mp_value *map = mp_root(doc);
    int64_t version = mp_int(mp_get(map, "v"), 0);
    int rc = version > OUTCOME_VERSION ? -ERR_NOT_SUPPORTED : 0;
    out->node = mp_str(mp_get(map, "node"), SPAN_NONE);
    out->result = mp_str(mp_get(map, "result"), SPAN_NONE);
    out->error = mp_str(mp_get(map, "error"), SPAN_NONE);
    out->next = mp_str(mp_get(map, "next"), SPAN_NONE);
    out->model = mp_str(mp_get(map, "model"), SPAN_NONE);
    out->finish_reason = mp_str(mp_get(map, "finish_reason"), SPAN_NONE);
    out->spent_ms = mp_int(mp_get(map, "spent"), 0);
    out->usage = usage_read(mp_get(map, "usage"));
    if (rc == 0 && (version < 1 || out->node.ptr == NULL || out->spent_ms < 0 ||
                    (out->result.ptr == NULL) == (out->error.ptr == NULL)))
        rc = -ERR_MALFORMED;
    if (rc == 0)
        rc = read_parts(mp_get(map, "parts"), out);
    mp_close(doc);
    return rc;
}

void outcome_release(struct outcome *c)
{
    mem_free(c->parts);
    *c = (struct outcome){.part_count = 0};
}
