/* Private to the top_*.c files: what the picture's rows say. */
#ifndef SLUICE_CMD_TOP_ROWS_H
#define SLUICE_CMD_TOP_ROWS_H

#include "top_draw.h"

enum { ROW_BYTES_MAX = 4096 };

/* A row under construction. */
struct row {
    struct buf text;
    bool is_marked, is_dim;
};

struct column {
    const char *title; /* NULL behind the last */
    size_t width;      /* 0: as wide as it is */
    bool is_number;
};

struct section {
    size_t least; /* rows, when there is something */
    const struct column *columns;
    size_t (*count)(const struct top_picture *picture);
    void (*put)(const struct top_picture *picture, size_t index, struct row *row);
};

/* As they stand below each other. */
enum { LANES, WORKERS, TENANTS, RUNNING, DEAD, FAILURES, SECTIONS };
extern const struct section TOP_SECTIONS[SECTIONS];

/* A text of anybody's in its column, and a space behind it. */
void row_put_cell(struct row *row, const struct column *column, struct span text);
/* The longest beginning of a text that takes no more columns. */
struct span row_cut(struct span text, size_t columns);
void row_put_spaces(struct row *row, size_t count);
/* "0.8 ms", "59 ms", "1.3 s", "2 min 3 s", "3 h 5 min"; "-" for a negative one. */
void row_put_duration(int64_t us, struct buf *out);

#endif
