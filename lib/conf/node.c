/* The tree of a YAML file. Owns its nodes, which are freed by one list and never one by one. */
#include "base/mem.h"
#include "conf/yaml.h"
#include <stdarg.h>
#include <stdio.h>

struct tree *tree_new(const char *file)
{
    struct tree *tree = MEM_NEW(struct tree);
    tree->file = file;
    return tree;
}

void tree_free(struct tree *tree)
{
    if (tree == NULL)
        return;
    while (tree->newest != NULL) {
        struct node *node = tree->newest;
        tree->newest = node->older;
        mem_free(node->text);
        mem_free(node->name);
        mem_free(node);
    }
    mem_free(tree);
}

struct node *tree_add(struct tree *tree, enum node_kind kind, struct mark at)
{
    struct node *node = MEM_NEW(struct node);
    node->kind = kind;
    node->at = at;
    node->older = tree->newest;
    tree->newest = node;
    return node;
}

const struct node *node_member(const struct node *map, const char *name)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    for (const struct node *member = map->first; member != NULL; member = member->next)
        if (strcmp(member->name, name) == 0)
            return member;
    return NULL;
}

bool node_is_empty(const struct node *node)
{
    return node->kind == NODE_TEXT && node->is_plain && node->text[0] == '\0';
}

int tree_fail(const struct tree *tree, struct mark at, struct err *err, const char *format, ...)
{
    char message[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut is fine */
    va_end(args);
    return err_set(err, ERR_CONFIG, NULL, "%s:%d:%d: %s", tree->file, at.line, at.column, message);
}
