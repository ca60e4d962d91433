/* Configuration as a whole: defaults, then the file, then the environment. Owns struct conf.
 * Invariant: a conf that comes out is complete and valid; on any error there is none, so that a
 * reload changes nothing. */
#include "conf/conf.h"
#include "base/mem.h"
#include "conf/read.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct conf_table *table_of(const char *name)
{
    for (size_t i = 0; i < CONF_TABLES; i++)
        if (strcmp(conf_tables[i].name, name) == 0)
            return &conf_tables[i];
    CHECK(false); /* names are ours */
    return NULL;
}

/* One byte more than is allowed, so that a larger file is noticed. */
static int read_bytes(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : 1;
    char bytes[4096];
    while (got > 0 && buf_error(out) == 0) {
        got = read(fd, bytes, sizeof(bytes));
        if (got > 0)
            (void)buf_append(out, bytes, (size_t)got); /* looked at by the loop */
    }
    int problem = errno;
    if (fd >= 0)
        (void)close(fd); /* only read from */
    if (got < 0)
        return err_set(err, ERR_CONFIG, NULL, "%s: cannot be read: %s", path, strerror(problem));
    if (buf_error(out) != 0)
        return err_set(err, ERR_CONFIG, NULL, "%s:1:1: the file is larger than %d bytes", path,
                       YAML_BYTES_MAX);
    return 0;
}

static int read_file(struct conf *conf, const char *path, struct err *err)
{
    struct tree *tree = NULL;
    struct buf bytes;
    buf_init(&bytes, YAML_BYTES_MAX);
    int result = read_bytes(path, &bytes, err);
    if (result == 0)
        result = tree_read(span_make(bytes.len == 0 ? "" : bytes.ptr, bytes.len), path, &tree, err);
    if (result == 0)
        result = conf_read_tree(conf, tree, err);
    tree_free(tree);
    buf_release(&bytes);
    return result;
}

static int read_environment(struct conf *conf, struct err *err)
{
    for (size_t i = 0; i < conf_settings.count; i++) {
        char variable[CONF_VARIABLE_MAX];
        char why[WHY_MAX];
        row_variable(&conf_settings.rows[i], variable);
        const char *value = getenv(variable);
        if (value != NULL && row_set_text(&conf_settings.rows[i], conf, value, why) != 0)
            return err_set(err, ERR_CONFIG, NULL, "%s: %s", variable, why);
    }
    return 0;
}

/* A model from the environment alone. */

static int set_model_field(struct conf_model *model, const char *field, const char *variable,
                           struct err *err)
{
    char why[WHY_MAX];
    const struct conf_row *row = rows_find(table_of("models")->rows, "models", field);
    const char *value = getenv(variable);
    CHECK(value != NULL);
    if (strcmp(field, "key") == 0 && !secret_is_reference(value)) {
        mem_free(model->key); /* a variable may hold the key itself */
        model->key = mem_strdup(value);
        if (value[strcspn(value, "\r\n")] == '\0')
            return 0;
        return err_set(err, ERR_CONFIG, NULL, "%s: a key is one line of text", variable);
    }
    if (row_set_text(row, model, value, why) != 0)
        return err_set(err, ERR_CONFIG, NULL, "%s: %s", variable, why);
    return 0;
}

static bool is_given(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0';
}

static int add_environment_model(struct conf *conf, struct err *err)
{
    if (conf->model_count > 0 || !is_given("SLUICE_LLM_URL") || !is_given("SLUICE_LLM_MODEL"))
        return 0;
    struct conf_model *model = conf_add_item(conf, table_of("models"));
    mem_free(model->name);
    model->name = mem_strdup("default");
    int result = set_model_field(model, "base_url", "SLUICE_LLM_URL", err);
    if (result == 0)
        result = set_model_field(model, "model", "SLUICE_LLM_MODEL", err);
    if (result == 0 && is_given("SLUICE_LLM_PROVIDER"))
        result = set_model_field(model, "provider", "SLUICE_LLM_PROVIDER", err);
    if (result == 0 && is_given("SLUICE_LLM_KEY"))
        result = set_model_field(model, "key", "SLUICE_LLM_KEY", err);
    return result;
}

static void add_default_tenant(struct conf *conf)
{
    if (conf_find_tenant(conf, SPAN_LIT("default")) != NULL)
        return;
    struct conf_tenant *tenant = conf_add_item(conf, table_of("tenants"));
    mem_free(tenant->name);
    tenant->name = mem_strdup("default");
}

int conf_load(const char *path, struct conf **out, struct err *err)
{
    if (path == NULL)
        path = getenv("SLUICE_CONFIG");
    struct conf *conf = MEM_NEW(struct conf);
    conf->path = path == NULL || *path == '\0' ? NULL : mem_strdup(path);
    conf_set_defaults(conf_settings, conf);
    int result = conf->path == NULL ? 0 : read_file(conf, path, err);
    if (result == 0)
        result = read_environment(conf, err);
    if (result == 0)
        result = add_environment_model(conf, err);
    if (result != 0) {
        conf_free(conf);
        return result;
    }
    add_default_tenant(conf);
    *out = conf;
    return 0;
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    rows_release(conf_settings, conf);
    for (size_t i = 0; i < CONF_TABLES; i++) {
        size_t count;
        char *items = table_items(&conf_tables[i], conf, &count);
        for (size_t j = 0; j < count; j++)
            rows_release(conf_tables[i].rows, items + j * conf_tables[i].item_size);
        mem_free(items);
    }
    mem_free(conf->path);
    mem_free(conf);
}

static void swap_table(const struct conf_table *table, struct conf *a, struct conf *b)
{
    size_t a_count, b_count;
    void *a_items = table_items(table, a, &a_count), *b_items = table_items(table, b, &b_count);
    table_set_items(table, a, b_items, b_count);
    table_set_items(table, b, a_items, a_count);
}

int conf_reload(struct conf *conf, const struct conf_reload_hooks *hooks, struct err *err)
{
    struct conf *fresh = NULL;
    int result = conf_load(conf->path == NULL ? "" : conf->path, &fresh, err);
    if (result == 0 && hooks->check != NULL)
        result = hooks->check(fresh, err);
    if (result != 0) {
        conf_free(fresh);
        return result;
    }
    for (size_t i = 0; i < conf_settings.count; i++) {
        const struct conf_row *row = &conf_settings.rows[i];
        char key[CONF_KEY_MAX];
        row_key(row, key);
        if (row->is_live)
            row_swap(row, conf, fresh);
        else if (!row_is_equal(row, conf, fresh))
            hooks->on_kept(key, hooks->arg);
    }
    for (size_t i = 0; i < CONF_TABLES; i++)
        swap_table(&conf_tables[i], conf, fresh);
    conf_free(fresh);
    return 0;
}

struct conf_model *conf_model_copy(const struct conf_model *model)
{
    struct conf_rows rows = table_of("models")->rows;
    struct conf_model *copy = MEM_NEW(struct conf_model);
    for (size_t i = 0; i < rows.count; i++)
        row_copy(&rows.rows[i], copy, model);
    return copy;
}

void conf_model_free(struct conf_model *model)
{
    if (model == NULL)
        return;
    rows_release(table_of("models")->rows, model);
    mem_free(model);
}

const struct conf_model *conf_find_model(const struct conf *conf, struct span name)
{
    bool is_any = name.len == 0;
    for (size_t i = 0; i < conf->model_count; i++)
        if (is_any ? strcmp(conf->models[i].name, "default") == 0
                   : span_is(name, conf->models[i].name))
            return &conf->models[i];
    return is_any && conf->model_count > 0 ? &conf->models[0] : NULL;
}

bool conf_model_can(const struct conf_model *model, const char *ability)
{
    for (size_t i = 0; i < model->supports.count; i++)
        if (strcmp(model->supports.items[i], ability) == 0)
            return true;
    return false;
}

const struct conf_tenant *conf_find_tenant(const struct conf *conf, struct span name)
{
    for (size_t i = 0; i < conf->tenant_count; i++)
        if (span_is(name, conf->tenants[i].name))
            return &conf->tenants[i];
    return NULL;
}

const char *conf_find_secret(const struct conf *conf, struct span name)
{
    for (size_t i = 0; i < conf->secret_count; i++)
        if (span_is(name, conf->secrets[i].name))
            return conf->secrets[i].value;
    return NULL;
}
