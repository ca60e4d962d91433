/* A YAML file as a tree of texts, lists and maps, each with its place, and
 * errors that name a place. */
#ifndef SLUICE_CONF_YAML_H
#define SLUICE_CONF_YAML_H

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

/* Lines and columns count from 1. */
struct mark {
    int line, column;
};

struct node {
    enum node_kind kind;
    struct mark at;
    char *text;    /* of a TEXT */
    bool is_plain; /* a TEXT without quotes */
    char *name;    /* as a member of a map, else NULL */
    struct mark name_at;
    struct node *first, *last, *next; /* children, and the next sibling */
    size_t count;
    struct node *older; /* all nodes of a tree, newest first */
};

struct tree {
    const char *file;  /* borrowed; for messages */
    struct node *root; /* NULL for an empty file */
    struct node *newest;
};

enum { YAML_BYTES_MAX = 64 * 1024, YAML_DEPTH_MAX = 16, YAML_MEMBERS_MAX = 1000 };

/* yaml.c: UTF-8, one document, at most 64 KiB and 16 deep; no anchors, aliases or tags; no name
 * twice in a map. -ERR_CONFIG names file, line and column. `file` must outlive the tree. */
MUST_USE int tree_read(struct span bytes, const char *file, struct tree **out, struct err *err);

/* node.c */
struct tree *tree_new(const char *file);
void tree_free(struct tree *tree); /* NULL is a no-op */
struct node *tree_add(struct tree *tree, enum node_kind kind, struct mark at);
const struct node *node_member(const struct node *map,
                               const char *name); /* NULL when absent, or when `map` is none */
bool node_is_empty(const struct node *node);      /* nothing stands there: `name:` alone */
/* Fills err with "file:line:column: " and the message; returns -ERR_CONFIG. */
__attribute__((format(printf, 4, 5))) int tree_fail(const struct tree *tree, struct mark at,
                                                    struct err *err, const char *format, ...);

#endif
