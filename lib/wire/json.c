/* JSON documents: our check, then cJSON's tree, then one flat table of its nodes in breadth-first
 * order, in which the children of a node are neighbours: so that counting and indexing need no walk
 * along cJSON's lists. */
#include "wire/json.h"
#include "base/mem.h"
#include "wire/json_text.h"
#include <cjson/cJSON.h>
#include <math.h>

struct json {
    const cJSON *item;
    const struct json *children;
    size_t count;
};

struct json_doc {
    char *text;
    size_t len;
    cJSON *tree;
    struct json *nodes; /* the root is the first */
};

static void index_tree(struct json *nodes, size_t node_count, const cJSON *root)
{
    size_t known = 1;
    nodes[0].item = root;
    for (size_t i = 0; i < known; i++) {
        nodes[i].children = &nodes[known];
        for (const cJSON *child = nodes[i].item->child; child != NULL; child = child->next) {
            CHECK(known < node_count);
            nodes[known++].item = child;
            nodes[i].count++;
        }
    }
    CHECK(known == node_count); /* cJSON sees what our scanner saw */
}

int json_parse(struct span text, struct json_doc **out, struct err *err)
{
    size_t node_count;
    int rc = json_scan(text, &node_count, err);
    if (rc != 0)
        return rc;
    struct json_doc *doc = MEM_NEW(struct json_doc);
    doc->text = mem_dup(text.ptr, text.len);
    doc->len = text.len;
    doc->tree = cJSON_ParseWithLength(doc->text, doc->len);
    CHECK(doc->tree != NULL); /* it was checked, so only memory can be short */
    doc->nodes = mem_new_array(node_count, sizeof(*doc->nodes));
    index_tree(doc->nodes, node_count, doc->tree);
    *out = doc;
    return 0;
}

void json_free(struct json_doc *doc)
{
    if (doc == NULL)
        return;
    mem_free(doc->nodes);
    cJSON_Delete(doc->tree);
    mem_free(doc->text);
    mem_free(doc);
}

const struct json *json_root(const struct json_doc *doc)
{
    return &doc->nodes[0];
}

struct span json_text(const struct json_doc *doc)
{
    return span_make(doc->text, doc->len);
}

enum json_type json_type(const struct json *v)
{
    static const struct {
        int flag;
        enum json_type type;
    } types[] = {{cJSON_False, JSON_BOOL},    {cJSON_True, JSON_BOOL},
                 {cJSON_Number, JSON_NUMBER}, {cJSON_String, JSON_STRING},
                 {cJSON_Array, JSON_ARRAY},   {cJSON_Object, JSON_OBJECT}};

    for (size_t i = 0; v != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (v->item->type == types[i].flag)
            return types[i].type;
    }
    return JSON_NULL;
}

const char *json_type_name(const struct json *v)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object"};
    return names[json_type(v)];
}

size_t json_count(const struct json *v)
{
    return v == NULL ? 0 : v->count;
}

const struct json *json_at(const struct json *v, size_t index)
{
    return index < json_count(v) ? &v->children[index] : NULL;
}

const struct json *json_get(const struct json *object, const char *name)
{
    for (size_t i = 0; json_type(object) == JSON_OBJECT && i < object->count; i++) {
        if (strcmp(object->children[i].item->string, name) == 0)
            return &object->children[i];
    }
    return NULL;
}

const char *json_name(const struct json *member)
{
    return member == NULL ? NULL : member->item->string;
}

struct span json_string(const struct json *v)
{
    return json_type(v) == JSON_STRING ? span_of(v->item->valuestring) : SPAN_NONE;
}

bool json_bool(const struct json *v, bool otherwise)
{
    return json_type(v) == JSON_BOOL ? v->item->type == cJSON_True : otherwise;
}

bool json_number(const struct json *v, double *out)
{
    if (json_type(v) != JSON_NUMBER || !isfinite(v->item->valuedouble))
        return false;
    *out = v->item->valuedouble;
    return true;
}

bool json_int(const struct json *v, int64_t *out)
{
    static const double most =
        9007199254740991.0; /* above it a double no longer holds every whole number */
    double number;
    if (!json_number(v, &number) || number < -most || number > most)
        return false;
    int64_t whole = (int64_t)number;
    if ((double)whole < number || (double)whole > number)
        return false;
    *out = whole;
    return true;
}
