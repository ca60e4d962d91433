/* Rows of a turn's steps. */
#include "graph/step_rows.h"

#include "wire/json.h"

void step_rows_init(struct step_rows *r)
{
    r->count = 0;
    buf_init(&r->items, ROWS_BYTES);
}

void step_rows_release(struct step_rows *r)
{
    buf_release(&r->items);
}

static void put_row(struct buf *out, const struct step_row *row)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_int(&w, "step", row->step);
    json_member_str(&w, "node", row->node);
    json_member_str(&w, "kind", row->kind);
    json_member_int(&w, "ms", row->ms);
    json_member_str(&w, "status", row->status);
    if (row->error.ptr != NULL)
        json_member_raw(&w, "error", row->error);
    json_close(&w);
}

void step_rows_add(struct step_rows *r, const struct step_row *row)
{
    struct buf item;
    if (r->count == ROWS_MAX)
        return;
    buf_init(&item, ROWS_BYTES);
    put_row(&item, row);
    if (buf_error(&item) == 0 && r->items.len + item.len + 1 <= ROWS_BYTES) {
        if (r->count++ > 0)
            (void)buf_byte(&r->items, ','); /* there is room: looked at above */
        (void)buf_span(&r->items, buf_as_span(&item));
    }
    buf_release(&item);
}

void step_rows_write(const struct step_rows *r, struct buf *out)
{
    (void)buf_byte(out, '['); /* the caller looks at buf_error */
    (void)buf_span(out, buf_as_span(&r->items));
    (void)buf_byte(out, ']');
}
