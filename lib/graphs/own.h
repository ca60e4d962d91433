/* Private to lib/graphs: what a graph is made of, freed together. */
#ifndef SLUICE_GRAPHS_OWN_H
#define SLUICE_GRAPHS_OWN_H

#include "base/span.h"

struct own;

struct own *own_new(void);
void own_free(struct own *own); /* NULL is a no-op */
/* Zeroed, aligned for anything; of count 0, something that must not be read. */
void *own_room(struct own *own, size_t count, size_t size);
char *own_text(struct own *own, struct span text); /* a copy, NUL-terminated */
/* Copies what mem_grow made and frees it (NULL is fine). */
void *own_list(struct own *own, void *items, size_t count, size_t size);

#endif
