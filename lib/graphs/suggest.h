/* Private to lib/graphs: the name that a misspelled one was meant to be. */
#ifndef SLUICE_GRAPHS_SUGGEST_H
#define SLUICE_GRAPHS_SUGGEST_H

#include <stddef.h>

struct nearest {
    const char *word;
    const char *best; /* NULL: none is near */
    size_t distance;
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);

#endif
