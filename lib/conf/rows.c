/* The tables conf.def and lists.def as data, and where a row's field lies. */
#include "conf/rows.h"
#include "base/mem.h"
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct conf_row settings[] = {
#define X(section, name, type, fallback, min, max, sentence)                                       \
    {#section, #name, TYPE_##type, offsetof(struct conf, section##_##name),                        \
     fallback, min,   max,         sentence},
#include "conf/conf.def"
#undef X
};
const struct conf_rows conf_settings = {settings, COUNT_OF(settings)};

/* All lists' rows lie in one array, in the order of lists.def; these are the numbers of rows. */
#define SECTION_model  "models"
#define SECTION_tenant "tenants"
#define SECTION_key    "keys"
static const struct conf_row list_rows[] = {
#define Y(list, name, field, type, fallback, min, max, sentence)                                   \
    {SECTION_##list, name, TYPE_##type, offsetof(struct conf_##list, field),                       \
     fallback,       min,  max,         sentence},
#include "conf/lists.def"
#undef Y
};
enum { ROWS_model = 13, ROWS_tenant = 7, ROWS_key = 4 };
_Static_assert(COUNT_OF(list_rows) == ROWS_model + ROWS_tenant + ROWS_key,
               "a row was added to lists.def: count it here");

const struct conf_table conf_tables[CONF_TABLES] = {
    {"models",
     {list_rows, ROWS_model},
     sizeof(struct conf_model),
     offsetof(struct conf, models),
     offsetof(struct conf, model_count),
     "name"},
    {"tenants",
     {list_rows + ROWS_model, ROWS_tenant},
     sizeof(struct conf_tenant),
     offsetof(struct conf, tenants),
     offsetof(struct conf, tenant_count),
     "name"},
    {"keys",
     {list_rows + ROWS_model + ROWS_tenant, ROWS_key},
     sizeof(struct conf_key),
     offsetof(struct conf, keys),
     offsetof(struct conf, key_count),
     "id"},
};

bool row_is_at_top(const struct conf_row *row)
{
    return strcmp(row->section, "stop") == 0;
}

void row_key(const struct conf_row *row, char out[CONF_KEY_MAX])
{
    if (!row_is_at_top(row))
        (void)snprintf(out, CONF_KEY_MAX, "%s.%s", row->section,
                       row->name); /* they fit: both are ours */
    else
        (void)snprintf(out, CONF_KEY_MAX, "%s",
                       strcmp(row->name, "key") == 0 ? "stop_key" : "tenant_stop_key");
}

void row_variable(const struct conf_row *row, char out[CONF_VARIABLE_MAX])
{
    char key[CONF_KEY_MAX];
    row_key(row, key);
    (void)snprintf(out, CONF_VARIABLE_MAX, "SLUICE_%s", key);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
}

const struct conf_row *rows_find(struct conf_rows rows, const char *section, const char *name)
{
    for (size_t i = 0; i < rows.count; i++)
        if (strcmp(rows.rows[i].section, section) == 0 && strcmp(rows.rows[i].name, name) == 0)
            return rows.rows + i;
    return NULL;
}

void conf_list_release(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i]);
    mem_free(list->items);
    *list = (struct conf_list){0};
}

void row_release(const struct conf_row *row, void *owner)
{
    void *field = (char *)owner + row->offset;
    if (type_kept(row->type) == KEPT_TEXT) {
        char **text = field;
        mem_free(*text);
        *text = NULL;
    } else if (type_kept(row->type) == KEPT_LIST) {
        conf_list_release(field);
    }
}

void rows_release(struct conf_rows rows, void *owner)
{
    for (size_t i = 0; i < rows.count; i++)
        row_release(&rows.rows[i], owner);
}

void *table_items(const struct conf_table *table, const struct conf *conf, size_t *count)
{
    const char *base = (const char *)conf;
    memcpy(count, base + table->count_at, sizeof(*count));
    void *items;
    memcpy(&items, base + table->items_at, sizeof(items));
    return items;
}
