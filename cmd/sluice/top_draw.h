/* A picture of the whole for the terminal, of what GET /v1/admin/overview says. Pure. */
#ifndef SLUICE_CMD_TOP_DRAW_H
#define SLUICE_CMD_TOP_DRAW_H

#include "base/buf.h"
#include "wire/json.h"

struct top_picture {
    const struct json *overview; /* NULL: nothing is known yet */
    const struct json *dead;     /* GET /v1/admin/dead, or NULL */
    const char *server, *note;   /* where it is from; what is to be said at the foot */
    size_t columns, rows;        /* 0 rows: as many as there is something to say */
    size_t selected;             /* of what runs; more than there is: none */
    bool has_colour;
};

/* Appends its lines, each with its end but the last. No line is longer than there are columns. */
void top_draw(const struct top_picture *picture, struct buf *out);

#endif
