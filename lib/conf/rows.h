/* Private to lib/conf: the tables as data, and one value in or out of the struct that a row belongs
 * to. */
#ifndef SLUICE_CONF_ROWS_H
#define SLUICE_CONF_ROWS_H

#include "conf/conf.h"
#include "conf/yaml.h"

enum conf_kept { KEPT_TEXT, KEPT_NUMBER, KEPT_LIST };
enum conf_type {
#define T(type, kept, check, expected) TYPE_##type,
#include "conf/types.def"
#undef T
    TYPE_COUNT_OF
};

/* A row of conf.def or lists.def. */
struct conf_row {
    const char *section; /* "worker", or the list's "models" */
    const char *name;    /* as in the file, below the section; "timeouts.idle" */
    enum conf_type type;
    bool is_live;         /* a reload takes it over */
    size_t offset;        /* in struct conf, or in the list's item */
    const char *fallback; /* NULL: must be given */
    int64_t min, max;
    const char *sentence;
};
struct conf_rows {
    const struct conf_row *rows;
    size_t count;
};

/* A list of maps. */
struct conf_table {
    const char *name; /* "models" */
    struct conf_rows rows;
    size_t item_size;
    size_t items_at, count_at; /* in struct conf */
    const char *id;            /* the field that must be unique */
};

/* rows.c */
extern const struct conf_rows conf_settings;
extern const struct conf_table conf_tables[];
enum { CONF_TABLES = 4, CONF_KEY_MAX = 48, CONF_VARIABLE_MAX = 64 };
bool row_is_at_top(const struct conf_row *row); /* stop_key and tenant_stop_key */
void row_key(const struct conf_row *row,
             char out[CONF_KEY_MAX]); /* its name in the file: "worker.slots", "stop_key" */
void row_variable(const struct conf_row *row,
                  char out[CONF_VARIABLE_MAX]); /* SLUICE_WORKER_SLOTS */
const struct conf_row *rows_find(struct conf_rows rows, const char *section, const char *name);
void conf_list_release(struct conf_list *list);
void row_release(const struct conf_row *row, void *owner);
void row_copy(const struct conf_row *row, void *to, const void *from); /* into a zeroed owner */
void row_swap(const struct conf_row *row, void *a, void *b);
bool row_is_equal(const struct conf_row *row, const void *a, const void *b);
void rows_release(struct conf_rows rows, void *owner);
void *table_items(const struct conf_table *table, const struct conf *conf, size_t *count);
void table_set_items(const struct conf_table *table, struct conf *conf, void *items, size_t count);

/* checks.c. Where a provider is unless its model says otherwise; NULL for an unknown one. */
const char *provider_base_url(struct span name);
/* types.c. A text from outside into the owner's field; replaces what is there. On failure nothing
 * changes and `why` says "... ; expected ...", without the text when it may be a secret. */
enum { WHY_MAX = 224 };
MUST_USE int row_set_text(const struct conf_row *row, void *owner, const char *text,
                          char why[WHY_MAX]);
MUST_USE int row_add_item(const struct conf_row *row, struct conf_list *list, const char *text,
                          char why[WHY_MAX]);
/* Takes `list`, unless it fails. */
MUST_USE int row_set_list(const struct conf_row *row, void *owner, struct conf_list list,
                          char why[WHY_MAX]);
enum conf_kept type_kept(enum conf_type type);
const char *type_expected(enum conf_type type);
bool type_is_secret(enum conf_type type); /* given by env: or file:, printed as *** */
void row_bounds(const struct conf_row *row,
                struct buf *out); /* "1 to 10000", "100ms to 1h"; nothing for a text */
void number_print(enum conf_type type, int64_t number, struct buf *out);

/* secret.c. `reference` as env:NAME or file:PATH. Owned; without one line end at its end. */
bool secret_is_reference(const char *text);
MUST_USE int secret_resolve(const char *reference, char **out, char why[WHY_MAX]);

#endif
