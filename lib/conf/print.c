/* The effective settings as YAML, in the file's own shape. Invariant: no secret is written: "***"
 * stands for each that is set, also for Redis's user and password. */
#include "base/mem.h"
#include "conf/rows.h"

/* In double quotes; what is no plain ASCII letter of a text is left to the reader of UTF-8. */
static void put_quoted(struct buf *out, struct span text)
{
    (void)buf_byte(out, '"'); /* the caller looks at buf_error, here and below */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            (void)buf_byte(out, '\\');
        (void)buf_byte(out, text.ptr[i]);
    }
    (void)buf_byte(out, '"');
}

char *conf_redis_url_masked(const struct conf *conf)
{
    const char *url = conf->redis_url;
    const char *scheme = strstr(url, "://");
    const char *at = strrchr(url, '@');
    if (scheme == NULL || at == NULL || at < scheme)
        return mem_strdup(url);
    return mem_printf("%.*s***%s", (int)(scheme + 3 - url), url, at);
}

static void put_list(struct buf *out, const struct conf_list *list)
{
    (void)buf_byte(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        (void)buf_text(out, i == 0 ? "" : ", ");
        put_quoted(out, span_of(list->items[i]));
    }
    (void)buf_byte(out, ']');
}

static void put_value(struct buf *out, const struct conf_row *row, const void *owner)
{
    const void *field = (const char *)owner + row->offset;
    switch (type_kept(row->type)) {
    case KEPT_NUMBER:
        number_print(row->type, *(const int64_t *)field, out);
        return;
    case KEPT_LIST:
        put_list(out, field);
        return;
    case KEPT_TEXT:
    default:
        break;
    }
    const char *text = *(char *const *)field;
    if (type_is_secret(row->type))
        put_quoted(out, *text == '\0' ? SPAN_LIT("") : SPAN_LIT("***"));
    else
        put_quoted(out, span_of(text));
}

static void put_redis_url(struct buf *out, const struct conf *conf)
{
    char *masked = conf_redis_url_masked(conf);
    put_quoted(out, span_of(masked));
    mem_free(masked);
}

static void put_settings(struct buf *out, const struct conf *conf)
{
    const char *section = "";
    for (size_t i = 0; i < conf_settings.count; i++) {
        const struct conf_row *row = &conf_settings.rows[i];
        char key[CONF_KEY_MAX];
        row_key(row, key);
        if (!row_is_at_top(row) && strcmp(section, row->section) != 0)
            (void)buf_printf(out, "%s:\n", row->section);
        section = row->section;
        (void)buf_printf(
            out, row_is_at_top(row) ? "%s: " : "  %s: ", row_is_at_top(row) ? key : row->name);
        if (row->type == TYPE_REDIS_URL)
            put_redis_url(out, conf);
        else
            put_value(out, row, conf);
        (void)buf_byte(out, '\n');
    }
}

/* One item on one line, its groups as maps: {name: "x", timeouts: {connect: 10s}}. */
static void put_item(struct buf *out, const struct conf_table *table, const void *item)
{
    bool is_in_group = false;
    (void)buf_text(out, "  - {");
    for (size_t i = 0; i < table->rows.count; i++) {
        const struct conf_row *row = &table->rows.rows[i];
        const char *dot = strchr(row->name, '.');
        if (is_in_group && dot == NULL)
            (void)buf_byte(out, '}');
        (void)buf_text(out, i == 0 ? "" : ", ");
        if (dot != NULL && !is_in_group)
            (void)buf_printf(out, "%.*s: {", (int)(dot - row->name), row->name);
        is_in_group = dot != NULL;
        (void)buf_printf(out, "%s: ", dot != NULL ? dot + 1 : row->name);
        put_value(out, row, item);
    }
    (void)buf_text(out, is_in_group ? "}}\n" : "}\n");
}

void conf_print(const struct conf *conf, struct buf *out)
{
    put_settings(out, conf);
    for (size_t i = 0; i < CONF_TABLES; i++) {
        size_t count;
        const char *items = table_items(&conf_tables[i], conf, &count);
        (void)buf_printf(out, "%s:%s\n", conf_tables[i].name, count == 0 ? " []" : "");
        for (size_t j = 0; j < count; j++)
            put_item(out, &conf_tables[i], items + j * conf_tables[i].item_size);
    }
}
