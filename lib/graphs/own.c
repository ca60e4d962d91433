/* What a graph is made of, freed together. */
#include "graphs/own.h"
#include "base/check.h"
#include "base/mem.h"
#include <stdint.h>

struct block {
    struct block *older;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct own {
    struct block *newest;
};

struct own *own_new(void)
{
    return MEM_NEW(struct own);
}

void own_free(struct own *own)
{
    if (own == NULL)
        return;
    while (own->newest != NULL) {
        struct block *block = own->newest;
        own->newest = block->older;
        mem_free(block);
    }
    mem_free(own);
}

void *own_room(struct own *own, size_t count, size_t size)
{
    CHECK(size > 0 && count <= (SIZE_MAX - sizeof(struct block)) / size);
    struct block *block = mem_new(sizeof(struct block) + count * size);
    block->older = own->newest;
    own->newest = block;
    return block->bytes;
}

char *own_text(struct own *own, struct span text)
{
    char *copy = own_room(own, text.len + 1, 1);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

void *own_list(struct own *own, void *items, size_t count, size_t size)
{
    void *copy = own_room(own, count, size);
    if (count > 0)
        memcpy(copy, items, count * size);
    mem_free(items);
    return copy;
}
