/* A map from a string (copied) to a borrowed pointer, over the tsearch of libc: O(log n), no
 * sizing, no rehash stalls. */
#ifndef SLUICE_BASE_MAP_H
#define SLUICE_BASE_MAP_H

#include "base/span.h"
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *map);                        /* the values are not freed */
void *map_get(const struct map *map, const char *key); /* NULL when absent */
/* The value is not NULL; returns the replaced one or NULL. */
void *map_put(struct map *map, const char *key, void *value);
void *map_remove(struct map *map, const char *key); /* returns what was there or NULL */
size_t map_count(const struct map *map);
/* Calls fn for each, in key order. fn may remove the entry it was given, and no other. */
void map_each(struct map *map, void (*fn)(const char *key, void *value, void *arg), void *arg);

#endif
