/* Values of any shape: those with templates in their texts (`body`, `input`), and those that become
 * JSON as they are (`params`, `parameters`). Recursion ends with the file's depth, YAML_DEPTH_MAX.
 */
#include "base/buf.h"
#include "graphs/read.h"
#include "wire/json.h"

/* Every byte of the file may become six. */
enum { JSON_MAX = 8 * YAML_BYTES_MAX };

/* A number, true or false without quotes. */
static bool is_json(const struct node *node)
{
    if (!node->is_plain)
        return false;
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        return true;
    return strchr("-0123456789", node->text[0]) != NULL && node->text[0] != '\0' &&
           json_check(span_of(node->text), NULL) == 0;
}

static void read_any(struct reading *r, const struct field *f, const struct node *node,
                     struct value *value);

static void read_items(struct reading *r, const struct field *f, const struct node *node,
                       struct value *value)
{
    value->kind = node->kind == NODE_LIST ? VALUE_LIST : VALUE_MAP;
    value->items = own_room(r->own, node->count, sizeof(*value->items));
    for (const struct node *item = node->first; item != NULL; item = item->next)
        read_any(r, f, item, &value->items[value->count++]);
}

static void read_any(struct reading *r, const struct field *f, const struct node *node,
                     struct value *value)
{
    if (node->name != NULL)
        value->name = own_text(r->own, span_of(node->name));
    if (node->kind != NODE_TEXT) {
        read_items(r, f, node, value);
    } else if (node_is_empty(node)) {
        wrong(r, node->at, "nothing stands here; write a value, or \"{{ null }}\"");
    } else if (is_json(node)) {
        value->kind = VALUE_JSON;
        value->json = own_text(r->own, span_of(node->text));
    } else {
        value->kind = VALUE_TEMPLATE;
        read_template(r, f, node, &value->text);
    }
}

void read_value(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct value *any = own_room(r->own, 1, sizeof(*any));
    read_any(r, f, value, any);
    any->name = NULL; /* the field's, not a member's */
    *(struct value **)to = any;
}

static void put_json(struct reading *r, const struct field *f, const struct node *node,
                     struct json_writer *w, const char *name)
{
    if (node->kind != NODE_TEXT) {
        json_open(w, name, node->kind == NODE_LIST ? '[' : '{');
        for (const struct node *item = node->first; item != NULL; item = item->next)
            put_json(r, f, item, w, item->name);
        json_close(w);
    } else if (node_is_empty(node)) {
        wrong(r, node->at, "nothing stands here; write a value");
    } else if (is_json(node)) {
        json_member_raw(w, name, span_of(node->text));
    } else {
        const char *inside = strstr(node->text, "{{");
        if (inside != NULL)
            wrong(r, place_in(&r->walk, node, (size_t)(inside - node->text)),
                  "no {{ }} may stand in %s; write the value as it is", f->name);
        json_member_str(w, name, span_of(node->text));
    }
}

void read_json_object(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct buf text;
    if (!want_map(r, value, f->name))
        return;
    buf_init(&text, JSON_MAX);
    struct json_writer w = json_writer(&text);
    put_json(r, f, value, &w, NULL);
    CHECK(buf_error(&text) == 0);
    *(const char **)to = own_text(r->own, buf_as_span(&text));
    buf_release(&text);
}
