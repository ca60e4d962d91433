/* YAML to a tree, by libyaml's events: the only file that knows it. libyaml is quadratic on deep
 * flow nesting and expands aliases, so size and depth are checked before it sees a byte, and
 * aliases are refused. Owns the parser. Invariant: a tree that comes out has every name once per
 * map. */
#include "conf/yaml.h"
#include "base/mem.h"
#include <yaml.h>

struct reader {
    struct tree *tree;
    struct err *err;
    struct node *open[YAML_DEPTH_MAX]; /* lists and maps around here */
    size_t depth;
    char *name; /* a map's member of which the value comes next */
    struct mark name_at;
    bool has_document;
};

static struct mark place_of(yaml_mark_t mark)
{
    return (struct mark){(int)mark.line + 1, (int)mark.column + 1};
}

/* The place of a byte. */
static struct mark place_at(struct span bytes, size_t offset)
{
    struct mark at = {1, 1};
    for (size_t i = 0; i < offset && i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n')
            at = (struct mark){at.line + 1, 1};
        else if (((unsigned char)bytes.ptr[i] & 0xc0) != 0x80)
            at.column++;
    }
    return at;
}

static size_t first_bad_byte(struct span bytes)
{
    size_t good = 0;
    for (size_t bad = bytes.len;
         good + 1 < bad;) { /* good: a length that is UTF-8 up to a cut character */
        size_t middle = good + (bad - good) / 2;
        size_t end = middle;
        while (end > good && ((unsigned char)bytes.ptr[end] & 0xc0) == 0x80)
            end--;
        if (end > good && span_is_utf8(span_make(bytes.ptr, end)))
            good = end;
        else if (end == good)
            return good;
        else
            bad = end;
    }
    return good;
}

/* What libyaml must not see. Brackets in quotes and comments count too: it takes seventeen of them,
 * all left open, to be wronged. */
static int check_bytes(const struct tree *tree, struct span bytes, struct err *err)
{
    if (bytes.len > YAML_BYTES_MAX)
        return tree_fail(tree, (struct mark){1, 1}, err,
                         "the file is larger than %d bytes; make two of it", YAML_BYTES_MAX);
    if (!span_is_utf8(bytes))
        return tree_fail(tree, place_at(bytes, first_bad_byte(bytes)), err,
                         "not UTF-8; save the file as UTF-8");
    int depth = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if (depth > YAML_DEPTH_MAX)
            return tree_fail(tree, place_at(bytes, i), err,
                             "nested more than %d deep; close what is open, or write it flatter",
                             YAML_DEPTH_MAX);
    }
    return 0;
}

static struct node *parent_of(const struct reader *r)
{
    return r->depth == 0 ? NULL : r->open[r->depth - 1];
}

/* Puts a node where the reader stands. */
static int place_node(struct reader *r, struct node *node)
{
    struct node *parent = parent_of(r);
    if (parent == NULL) {
        r->tree->root = node;
        return 0;
    }
    if (parent->kind == NODE_MAP) {
        node->name = r->name;
        node->name_at = r->name_at;
        r->name = NULL;
    }
    if (parent->first == NULL)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    if (++parent->count > YAML_MEMBERS_MAX)
        return tree_fail(r->tree, node->at, r->err, "more than %d members; write fewer",
                         YAML_MEMBERS_MAX);
    return 0;
}

static int on_name(struct reader *r, const yaml_event_t *event)
{
    struct mark at = place_of(event->start_mark);
    const char *name = (const char *)event->data.scalar.value;
    if (strlen(name) != event->data.scalar.length)
        return tree_fail(r->tree, at, r->err, "a name with a NUL in it; take it out");
    if (node_member(parent_of(r), name) != NULL)
        return tree_fail(r->tree, at, r->err, "'%s' stands here twice; leave one out", name);
    r->name = mem_strdup(name);
    r->name_at = at;
    return 0;
}

static bool wants_name(const struct reader *r)
{
    const struct node *parent = parent_of(r);
    return parent != NULL && parent->kind == NODE_MAP && r->name == NULL;
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
    if (wants_name(r))
        return on_name(r, event);
    struct node *node = tree_add(r->tree, NODE_TEXT, place_of(event->start_mark));
    node->text = mem_dup(event->data.scalar.value, event->data.scalar.length);
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(node->text) != event->data.scalar.length)
        return tree_fail(r->tree, node->at, r->err, "a text with a NUL in it; take it out");
    if (node->is_plain && (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0))
        return tree_fail(r->tree, node->at, r->err,
                         "null is no value; leave the name out, or quote the text");
    return place_node(r, node);
}

static int on_open(struct reader *r, const yaml_event_t *event, enum node_kind kind)
{
    struct mark at = place_of(event->start_mark);
    if (wants_name(r))
        return tree_fail(r->tree, at, r->err, "a name must be a text; quote it");
    if (r->depth == YAML_DEPTH_MAX)
        return tree_fail(r->tree, at, r->err,
                         "nested more than %d deep; close what is open, or write it flatter",
                         YAML_DEPTH_MAX);
    struct node *node = tree_add(r->tree, kind, at);
    int result = place_node(r, node);
    r->open[r->depth++] = node;
    return result;
}

/* Anchors and tags: nothing here means them. */
static int check_marks(const struct reader *r, const yaml_event_t *event, const yaml_char_t *anchor,
                       const yaml_char_t *tag)
{
    struct mark at = place_of(event->start_mark);
    if (anchor != NULL)
        return tree_fail(r->tree, at, r->err,
                         "anchors (&%s) are not allowed; write the value out, or quote the text",
                         (const char *)anchor);
    if (tag != NULL)
        return tree_fail(r->tree, at, r->err,
                         "tags (%s) are not allowed; leave it out, or quote the text",
                         (const char *)tag);
    return 0;
}

static int on_yaml_event(struct reader *r, const yaml_event_t *event)
{
    int result;
    switch ((int)event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->has_document)
            return tree_fail(r->tree, place_of(event->start_mark), r->err,
                             "a second document begins here; expected one");
        r->has_document = true;
        return 0;
    case YAML_ALIAS_EVENT:
        return tree_fail(r->tree, place_of(event->start_mark), r->err,
                         "aliases (*%s) are not allowed; write the value out, or quote the text",
                         (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        result = check_marks(r, event, event->data.scalar.anchor, event->data.scalar.tag);
        return result != 0 ? result : on_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        result = check_marks(r, event, event->data.sequence_start.anchor,
                             event->data.sequence_start.tag);
        return result != 0 ? result : on_open(r, event, NODE_LIST);
    case YAML_MAPPING_START_EVENT:
        result =
            check_marks(r, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return result != 0 ? result : on_open(r, event, NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return 0;
    default: /* the stream's and the document's ends */
        return 0;
    }
}

/* What to write instead: by what the parser says. */
static const struct {
    const char *problem, *advice;
} advices[] = {
    {"mapping values are not allowed", "quote a text that has ': ' in it"},
    {"could not find expected ':'", "write name: value"},
    {"expected ',' or ']'", "close the list with ]; quote a text with , [ ] { or } in it"},
    {"expected ',' or '}'", "close the map with }; quote a text with , [ ] { or } in it"},
    {"did not find expected key", "indent all names of a map alike, and quote texts whole"},
    {"expected '-' indicator", "indent all items of a list alike"},
    {"unexpected end of stream", "close the quote"},
    {"unknown escape", "write \\\\ for a backslash, or use single quotes"},
    {"cannot start any token", "indent with blanks; quote a text that begins with @ ` or %"},
    {"control characters", "take it out"},
    {"", "look at what stands before this place"},
};

static const char *advice_of(const char *problem)
{
    size_t i = 0;
    while (strstr(problem, advices[i].problem) == NULL)
        i++;
    return advices[i].advice;
}

static int on_bad_yaml(const struct reader *r, const yaml_parser_t *parser, struct span bytes)
{
    CHECK(parser->error != YAML_MEMORY_ERROR); /* out of memory aborts everywhere */
    struct mark at = parser->error == YAML_READER_ERROR ? place_at(bytes, parser->problem_offset)
                                                        : place_of(parser->problem_mark);
    const char *problem = parser->problem == NULL ? "unreadable" : parser->problem;
    return tree_fail(r->tree, at, r->err, "not YAML: %s; %s", problem, advice_of(problem));
}

static int read_events(struct reader *r, yaml_parser_t *parser, struct span bytes)
{
    int result = 0;
    bool is_end = false;
    while (result == 0 && !is_end) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0)
            return on_bad_yaml(r, parser, bytes);
        is_end = event.type == YAML_STREAM_END_EVENT;
        result = on_yaml_event(r, &event);
        yaml_event_delete(&event);
    }
    return result;
}

int tree_read(struct span bytes, const char *file, struct tree **out, struct err *err)
{
    struct tree *tree = tree_new(file);
    struct reader r = {.tree = tree, .err = err};
    int result = check_bytes(tree, bytes, err);
    if (result == 0) {
        yaml_parser_t parser;
        CHECK(yaml_parser_initialize(&parser) != 0);
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.ptr, bytes.len);
        result = read_events(&r, &parser, bytes);
        yaml_parser_delete(&parser);
        mem_free(r.name);
    }
    if (result == 0)
        *out = tree;
    else
        tree_free(tree);
    return result;
}
