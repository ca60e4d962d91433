/* The steps that were over, as the committed message's metadata tells them: a JSON array of {step,
 * node, kind, ms, status, error?}, the first ROWS_MAX of them. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_STEP_ROWS_H
#define SLUICE_WORKERS_GRAPH_STEP_ROWS_H

#include "base/buf.h"

enum { ROWS_MAX = 200, ROWS_BYTES = ROWS_MAX * 1024 };

struct step_row {
    int64_t step, ms;
    struct span node, kind, status;
    struct span error; /* JSON text {code, message, status?}, or SPAN_NONE */
};
struct step_rows {
    struct buf items; /* with commas between */
    size_t count;
};

void step_rows_init(struct step_rows *r);
void step_rows_release(struct step_rows *r);
void step_rows_add(struct step_rows *r, const struct step_row *row);
void step_rows_write(const struct step_rows *r, struct buf *out);

#endif
