/* The tables conf.def and lists.def as data, and where a row's field lies. */
#include "conf/rows.h"
#include "base/mem.h"
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { WHEN_START = false, WHEN_LIVE = true };

static const struct conf_row settings[] = {
#define X(section_, name_, type_, fallback_, min_, max_, when_, sentence_)                         \
    {.section = #section_,                                                                         \
     .name = #name_,                                                                               \
     .type = TYPE_##type_,                                                                         \
     .offset = offsetof(struct conf, section_##_##name_),                                          \
     .fallback = (fallback_),                                                                      \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .is_live = WHEN_##when_,                                                                      \
     .sentence = (sentence_)},
#include "conf/conf.def"
#undef X
};
const struct conf_rows conf_settings = {settings, COUNT_OF(settings)};

/* All lists' rows lie in one array, in the order of lists.def; these are the numbers of rows. */
#define SECTION_model  "models"
#define SECTION_tenant "tenants"
#define SECTION_key    "keys"
#define SECTION_secret "secrets"
static const struct conf_row list_rows[] = {
#define Y(list_, name_, field_, type_, fallback_, min_, max_, sentence_)                           \
    {.section = SECTION_##list_,                                                                   \
     .name = (name_),                                                                              \
     .type = TYPE_##type_,                                                                         \
     .offset = offsetof(struct conf_##list_, field_),                                              \
     .fallback = (fallback_),                                                                      \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .is_live = true,                                                                              \
     .sentence = (sentence_)},
#include "conf/lists.def"
#undef Y
};
enum { ROWS_model = 13, ROWS_tenant = 7, ROWS_key = 5, ROWS_secret = 2 };
_Static_assert(COUNT_OF(list_rows) == ROWS_model + ROWS_tenant + ROWS_key + ROWS_secret,
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
    {"secrets",
     {list_rows + ROWS_model + ROWS_tenant + ROWS_key, ROWS_secret},
     sizeof(struct conf_secret),
     offsetof(struct conf, secrets),
     offsetof(struct conf, secret_count),
     "name"},
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

void row_copy(const struct conf_row *row, void *to, const void *from)
{
    const void *source = (const char *)from + row->offset;
    void *target = (char *)to + row->offset;
    switch (type_kept(row->type)) {
    case KEPT_TEXT:
        *(char **)target = mem_strdup(*(char *const *)source);
        break;
    case KEPT_NUMBER:
        *(int64_t *)target = *(const int64_t *)source;
        break;
    case KEPT_LIST: {
        const struct conf_list *list = source;
        struct conf_list copy = {mem_new_array(list->count, sizeof(char *)), list->count};
        for (size_t i = 0; i < list->count; i++)
            copy.items[i] = mem_strdup(list->items[i]);
        *(struct conf_list *)target = copy;
        break;
    }
    }
}

void row_swap(const struct conf_row *row, void *a, void *b)
{
    static const size_t sizes[] = {[KEPT_TEXT] = sizeof(char *),
                                   [KEPT_NUMBER] = sizeof(int64_t),
                                   [KEPT_LIST] = sizeof(struct conf_list)};
    char between[sizeof(struct conf_list)];
    size_t size = sizes[type_kept(row->type)];
    void *x = (char *)a + row->offset, *y = (char *)b + row->offset;
    memcpy(between, x, size);
    memcpy(x, y, size);
    memcpy(y, between, size);
}

static bool is_equal_list(const struct conf_list *a, const struct conf_list *b)
{
    bool is_equal = a->count == b->count;
    for (size_t i = 0; is_equal && i < a->count; i++)
        is_equal = strcmp(a->items[i], b->items[i]) == 0;
    return is_equal;
}

bool row_is_equal(const struct conf_row *row, const void *a, const void *b)
{
    const void *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    if (type_kept(row->type) == KEPT_TEXT)
        return strcmp(*(char *const *)x, *(char *const *)y) == 0;
    if (type_kept(row->type) == KEPT_NUMBER)
        return *(const int64_t *)x == *(const int64_t *)y;
    return is_equal_list(x, y);
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

void table_set_items(const struct conf_table *table, struct conf *conf, void *items, size_t count)
{
    char *base = (char *)conf;
    memcpy(base + table->items_at, &items, sizeof(items));
    memcpy(base + table->count_at, &count, sizeof(count));
}
