/* A file's tree over the defaults: which name belongs to which row, and what must fit together.
 * Knows neither YAML nor the environment. Invariant: every error names the place of the value or
 * name that is wrong. */
#include "conf/read.h"
#include "base/mem.h"
#include "conf/rows.h"
#include <stdio.h>

enum { NAME_MAX_BYTES = 64, KNOWN_MAX_BYTES = 200 };

struct reading {
    struct conf *conf;
    const struct tree *tree;
    struct err *err;
};

void conf_set_defaults(struct conf_rows rows, void *owner)
{
    char why[WHY_MAX];
    for (size_t i = 0; i < rows.count; i++) {
        const struct conf_row *row = &rows.rows[i];
        if (row->fallback != NULL)
            CHECK(row_set_text(row, owner, row->fallback, why) == 0); /* else the table is wrong */
        else
            *(char **)(void *)((char *)owner + row->offset) =
                mem_strdup(""); /* until it is given */
    }
}

void *conf_add_item(struct conf *conf, const struct conf_table *table)
{
    size_t count;
    char *items = table_items(table, conf, &count);
    items = mem_grow(items, count + 1, table->item_size);
    void *item = items + count * table->item_size;
    memset(item, 0, table->item_size);
    count++;
    table_set_items(table, conf, items, count);
    conf_set_defaults(table->rows, item);
    return item;
}

/* Values. */

static int read_list(const struct reading *r, const struct conf_row *row, void *owner,
                     const struct node *node)
{
    char why[WHY_MAX];
    struct conf_list fresh = {0};
    int result = 0;
    for (const struct node *item = node->first; item != NULL && result == 0; item = item->next) {
        if (item->kind != NODE_TEXT)
            result = tree_fail(r->tree, item->at, r->err,
                               "an item of %s must be a single value; expected %s", node->name,
                               type_expected(row->type));
        else if (row_add_item(row, &fresh, item->text, why) != 0)
            result = tree_fail(r->tree, item->at, r->err, "%s", why);
    }
    if (result == 0 && row_set_list(row, owner, fresh, why) != 0)
        return tree_fail(r->tree, node->at, r->err, "%s", why);
    if (result != 0)
        conf_list_release(&fresh);
    return result;
}

static int read_value(const struct reading *r, const struct conf_row *row, void *owner,
                      const struct node *node)
{
    char why[WHY_MAX];
    bool is_list = type_kept(row->type) == KEPT_LIST;
    if (is_list && (node->kind == NODE_LIST || node_is_empty(node)))
        return read_list(r, row, owner, node);
    if (is_list || node->kind != NODE_TEXT)
        return tree_fail(r->tree, node->at, r->err, "%s must be a %s; expected %s", node->name,
                         is_list ? "list" : "single value", type_expected(row->type));
    if (row_set_text(row, owner, node->text, why) != 0)
        return tree_fail(r->tree, node->at, r->err, "%s", why);
    return 0;
}

/* Names. */

/* "a, b, c": what may stand in a section or a map of it. */
static void list_known(struct conf_rows rows, const char *section, const char *prefix,
                       char out[KNOWN_MAX_BYTES])
{
    char last[NAME_MAX_BYTES] = "";
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = rows.rows[i].name;
        if (strcmp(rows.rows[i].section, section) != 0 ||
            strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        name += strlen(prefix);
        char first[NAME_MAX_BYTES];
        (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, "."), name);
        if (strcmp(first, last) == 0)
            continue;
        int wrote =
            snprintf(out + used, KNOWN_MAX_BYTES - used, "%s%s", used == 0 ? "" : ", ", first);
        used += (size_t)wrote < KNOWN_MAX_BYTES - used ? (size_t)wrote : 0;
        memcpy(last, first, sizeof(last));
    }
}

static int refuse_name(const struct reading *r, const struct node *member, const char *known)
{
    return tree_fail(r->tree, member->name_at, r->err, "unknown name '%.60s'; expected %s",
                     member->name, known);
}

static bool has_group(struct conf_rows rows, const char *section, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < rows.count; i++)
        if (strcmp(rows.rows[i].section, section) == 0 &&
            strncmp(rows.rows[i].name, name, len) == 0 && rows.rows[i].name[len] == '.')
            return true;
    return false;
}

static int check_map(const struct reading *r, const struct node *node, const char *what)
{
    if (node->kind == NODE_MAP || node_is_empty(node))
        return 0;
    return tree_fail(r->tree, node->at, r->err, "%s must be a map; expected name: value", what);
}

/* The members of a section, an item, or (with the prefix "timeouts.") a map within one. */
static int read_members(const struct reading *r, struct conf_rows rows, const char *section,
                        const char *prefix, void *owner, const struct node *map)
{
    int result = 0;
    for (const struct node *member = map->first; member != NULL && result == 0;
         member = member->next) {
        char name[NAME_MAX_BYTES];
        char known[KNOWN_MAX_BYTES];
        bool fits = snprintf(name, sizeof(name), "%s%s", prefix, member->name) < (int)sizeof(name);
        const struct conf_row *row = fits ? rows_find(rows, section, name) : NULL;
        if (row != NULL) {
            result = read_value(r, row, owner, member);
        } else if (fits && *prefix == '\0' && has_group(rows, section, name)) {
            char group[NAME_MAX_BYTES + 1];
            (void)snprintf(group, sizeof(group), "%s.", name);
            result = check_map(r, member, name);
            if (result == 0) /* one level: a prefix stands for no further group */
                result = read_members(r, rows, section, group, owner, member);
        } else {
            list_known(rows, section, prefix, known);
            result = refuse_name(r, member, known);
        }
    }
    return result;
}

/* Lists of maps. */

static int check_item(const struct reading *r, const struct conf_table *table,
                      const struct node *list, const struct node *item)
{
    for (size_t i = 0; i < table->rows.count; i++)
        if (table->rows.rows[i].fallback == NULL &&
            node_member(item, table->rows.rows[i].name) == NULL)
            return tree_fail(r->tree, item->at, r->err, "'%s' is missing here",
                             table->rows.rows[i].name);
    const struct node *id = node_member(item, table->id);
    for (const struct node *before = list->first; before != item; before = before->next)
        if (strcmp(node_member(before, table->id)->text, id->text) == 0)
            return tree_fail(r->tree, id->at, r->err, "%s '%.60s' stands in %s twice", table->id,
                             id->text, table->name);
    return 0;
}

static int read_table(const struct reading *r, const struct conf_table *table,
                      const struct node *list)
{
    if (list->kind != NODE_LIST && !node_is_empty(list))
        return tree_fail(r->tree, list->at, r->err,
                         "%s must be a list; expected [{name: value, ...}, ...]", table->name);
    int result = 0;
    for (const struct node *item = list->first; item != NULL && result == 0; item = item->next) {
        result = check_map(r, item, "an item of the list");
        if (result == 0)
            result =
                read_members(r, table->rows, table->name, "", conf_add_item(r->conf, table), item);
        if (result == 0)
            result = check_item(r, table, list, item);
    }
    return result;
}

/* The top of the file. */

static int refuse_section(const struct reading *r, const struct node *member)
{
    char known[KNOWN_MAX_BYTES] = "stop_key, tenant_stop_key, models, tenants, keys, secrets";
    const char *last = "stop";
    for (size_t i = 0; i < conf_settings.count; i++) {
        const char *section = conf_settings.rows[i].section;
        if (strcmp(section, last) != 0 && !row_is_at_top(&conf_settings.rows[i])) {
            size_t used = strlen(known);
            (void)snprintf(known + used, sizeof(known) - used, ", %s", section);
        }
        last = section;
    }
    return refuse_name(r, member, known);
}

static const struct conf_row *find_at_top(const char *name)
{
    for (size_t i = 0; i < conf_settings.count; i++) {
        char key[CONF_KEY_MAX];
        row_key(&conf_settings.rows[i], key);
        if (row_is_at_top(&conf_settings.rows[i]) && strcmp(key, name) == 0)
            return &conf_settings.rows[i];
    }
    return NULL;
}

static int read_section(const struct reading *r, const struct node *member)
{
    for (size_t i = 0; i < CONF_TABLES; i++)
        if (strcmp(conf_tables[i].name, member->name) == 0)
            return read_table(r, &conf_tables[i], member);
    const struct conf_row *row = find_at_top(member->name);
    if (row != NULL)
        return read_value(r, row, r->conf, member);
    for (size_t i = 0; i < conf_settings.count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a constant table */
        if (strcmp(conf_settings.rows[i].section, member->name) != 0 ||
            row_is_at_top(&conf_settings.rows[i]))
            continue;
        int result = check_map(r, member, member->name);
        return result != 0 ? result
                           : read_members(r, conf_settings, member->name, "", r->conf, member);
    }
    return refuse_section(r, member);
}

/* What must be somewhere in the file for a name to mean something. */

static bool has_item(const struct node *list, const char *field, const char *name)
{
    for (const struct node *item = list == NULL ? NULL : list->first; item != NULL;
         item = item->next)
        if (strcmp(node_member(item, field)->text, name) == 0)
            return true;
    return false;
}

static int check_fallbacks(const struct reading *r)
{
    const struct node *models = node_member(r->tree->root, "models");
    for (const struct node *model = models == NULL ? NULL : models->first; model != NULL;
         model = model->next) {
        const struct node *fallbacks = node_member(model, "fallbacks");
        const char *own = node_member(model, "name")->text;
        for (const struct node *to = fallbacks == NULL ? NULL : fallbacks->first; to != NULL;
             to = to->next)
            if (!has_item(models, "name", to->text) || strcmp(to->text, own) == 0)
                return tree_fail(
                    r->tree, to->at, r->err,
                    "'%.60s' cannot be a fallback here; expected the name of another model",
                    to->text);
    }
    return 0;
}

/* Two rows of one key would make it a riddle whose a request is. */
static int check_key_hash(const struct reading *r, const struct node *keys, const struct node *key)
{
    const struct node *hash = node_member(key, "sha256");
    for (const struct node *before = keys->first; before != key; before = before->next)
        if (strcmp(node_member(before, "sha256")->text, hash->text) == 0)
            return tree_fail(r->tree, hash->at, r->err,
                             "the keys '%.60s' and '%.60s' are one; expected a key of its own",
                             node_member(before, "id")->text, node_member(key, "id")->text);
    return 0;
}

static int check_keys(const struct reading *r)
{
    const struct node *tenants = node_member(r->tree->root, "tenants");
    const struct node *keys = node_member(r->tree->root, "keys");
    for (const struct node *key = keys == NULL ? NULL : keys->first; key != NULL; key = key->next) {
        const struct node *tenant = node_member(key, "tenant");
        if (tenant != NULL && strcmp(tenant->text, "default") != 0 &&
            !has_item(tenants, "name", tenant->text))
            return tree_fail(r->tree, tenant->at, r->err,
                             "there is no tenant '%.60s'; expected one of the list tenants",
                             tenant->text);
        int result = check_key_hash(r, keys, key);
        if (result != 0)
            return result;
    }
    return 0;
}

/* An empty one would go out as a request without its secret, and look like a server's fault. */
static int check_secrets(const struct reading *r)
{
    const struct node *secrets = node_member(r->tree->root, "secrets");
    for (const struct node *item = secrets == NULL ? NULL : secrets->first; item != NULL;
         item = item->next) {
        const struct node *value = node_member(item, "value");
        if (*value->text == '\0')
            return tree_fail(r->tree, value->at, r->err, "the value is empty; expected %s",
                             type_expected(TYPE_SECRET));
    }
    return 0;
}

/* A provider's own place, where the file does not say another. */
static void fill_places(const struct reading *r)
{
    const struct node *models = node_member(r->tree->root, "models");
    const struct node *item = models == NULL ? NULL : models->first;
    for (size_t i = 0; i < r->conf->model_count && item != NULL; i++, item = item->next) {
        struct conf_model *model = &r->conf->models[i];
        if (node_member(item, "base_url") != NULL)
            continue;
        mem_free(model->base_url);
        model->base_url = mem_strdup(provider_base_url(span_of(model->provider)));
    }
}

int conf_read_tree(struct conf *conf, const struct tree *tree, struct err *err)
{
    const struct reading r = {conf, tree, err};
    if (tree->root == NULL || node_is_empty(tree->root))
        return 0;
    int result = check_map(&r, tree->root, "the file");
    for (const struct node *member = tree->root->first; member != NULL && result == 0;
         member = member->next)
        result = read_section(&r, member);
    if (result == 0)
        result = check_fallbacks(&r);
    if (result == 0)
        result = check_keys(&r);
    if (result == 0)
        result = check_secrets(&r);
    if (result == 0)
        fill_places(&r);
    return result;
}
