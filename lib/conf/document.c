/* docs/configuration.md: the prose of intro.md, then the tables' rows. */
#include "conf/rows.h"

extern const char conf_text_intro_md[]; /* lib/conf/intro.md, embedded */

static void put_range(struct buf *out, const struct conf_row *row)
{
    if (type_kept(row->type) != KEPT_NUMBER) { /* the caller looks at buf_error, here and below */
        (void)buf_text(out, type_expected(row->type));
        return;
    }
    const char *kind = row->type == TYPE_MS      ? "duration"
                       : row->type == TYPE_BYTES ? "size"
                                                 : "number";
    (void)buf_printf(out, "%s, ", kind);
    row_bounds(row, out);
}

static void put_default(struct buf *out, const struct conf_row *row)
{
    if (row->fallback == NULL)
        (void)buf_text(out, "must be given");
    else if (*row->fallback == '\0')
        (void)buf_text(out, type_kept(row->type) == KEPT_LIST ? "`[]`" : "none");
    else
        (void)buf_printf(out, "`%s`", row->fallback);
}

static void put_row(struct buf *out, const struct conf_row *row, const char *key,
                    const char *variable)
{
    (void)buf_printf(out, "| `%s` |", key);
    if (variable != NULL)
        (void)buf_printf(out, " `%s` |", variable);
    (void)buf_byte(out, ' ');
    put_default(out, row);
    (void)buf_text(out, " | ");
    put_range(out, row);
    if (variable != NULL)
        (void)buf_printf(out, " | %s", row->is_live ? "live" : "restart");
    (void)buf_printf(out, " | %s |\n", row->sentence);
}

static void put_settings(struct buf *out)
{
    (void)buf_text(out, "\n## Settings\n\n| in the file | environment | default | values | "
                        "change | |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < conf_settings.count; i++) {
        char key[CONF_KEY_MAX];
        char variable[CONF_VARIABLE_MAX];
        row_key(&conf_settings.rows[i], key);
        row_variable(&conf_settings.rows[i], variable);
        put_row(out, &conf_settings.rows[i], key, variable);
    }
}

void conf_document(struct buf *out)
{
    (void)buf_text(out, conf_text_intro_md);
    put_settings(out);
    for (size_t i = 0; i < CONF_TABLES; i++) {
        const struct conf_table *table = &conf_tables[i];
        (void)buf_printf(
            out, "\n## Items of `%s`\n\n| in the file | default | values | |\n|---|---|---|---|\n",
            table->name);
        for (size_t j = 0; j < table->rows.count; j++)
            put_row(out, &table->rows.rows[j], table->rows.rows[j].name, NULL);
    }
}
