/* Owns: the tree and its entries with their keys. The values are the caller's. */
#include "base/map.h"

#include "base/check.h"
#include "base/mem.h"

#include <search.h>
#include <string.h>

struct map_entry {
    const char *key; /* text below, or the caller's in one that only asks */
    void *value;
    char text[];
};

struct map {
    void *root; /* tsearch's */
    size_t count;
};

/* tsearch hands what is asked for and what is there to one function: both are a `struct map_entry`.
 */
static int compare(const void *a, const void *b)
{
    return strcmp(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

static struct map_entry *make_entry(const char *key, void *value)
{
    size_t len = strlen(key) + 1;
    struct map_entry *e = mem_new(sizeof *e + len);
    memcpy(e->text, key, len);
    e->key = e->text;
    e->value = value;
    return e;
}

/* The entry of `key`, or NULL. */
static struct map_entry *find(const struct map *map, const char *key)
{
    const struct map_entry wanted = {.key = key};
    void *const *node = tfind(&wanted, &map->root, compare);
    return node == NULL ? NULL : *node;
}

struct map *map_new(void)
{
    return MEM_NEW(struct map);
}

void map_free(struct map *map)
{
    if (map == NULL)
        return;
    tdestroy(map->root, mem_free);
    mem_free(map);
}

void *map_get(const struct map *map, const char *key)
{
    const struct map_entry *e = find(map, key);
    return e == NULL ? NULL : e->value;
}

void *map_put(struct map *map, const char *key, void *value)
{
    CHECK(value != NULL);
    struct map_entry *fresh = make_entry(key, value);
    struct map_entry **node = tsearch(fresh, &map->root, compare);
    CHECK(node != NULL);
    if (*node == fresh) {
        map->count++;
        return NULL;
    }
    void *old = (*node)->value;
    (*node)->value = value;
    mem_free(fresh);
    return old;
}

void *map_remove(struct map *map, const char *key)
{
    struct map_entry *e = find(map, key);
    if (e == NULL)
        return NULL;
    void *value = e->value;
    (void)tdelete(e, &map->root, compare); /* the parent node: of no use */
    mem_free(e);
    map->count--;
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

struct listing {
    struct map_entry **entries;
    size_t count;
};

static void list_node(const void *node, VISIT visit, void *arg)
{
    struct listing *list = arg;
    if (visit == postorder || visit == leaf)
        list->entries[list->count++] = *(struct map_entry *const *)node;
}

void map_each(struct map *map, void (*fn)(const char *key, void *value, void *arg), void *arg)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it lists */
    struct listing list = {mem_new_array(map->count, sizeof *list.entries), 0};
    twalk_r(map->root, list_node, &list);
    for (size_t i = 0; i < list.count; i++)
        fn(list.entries[i]->key, list.entries[i]->value, arg);
    mem_free(list.entries);
}
