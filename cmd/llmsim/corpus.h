/* What the example tools know: a few pages and made-up orders. The same every time. Pure. */
#ifndef SLUICE_LLMSIM_CORPUS_H
#define SLUICE_LLMSIM_CORPUS_H

#include "base/span.h"
#include <stdint.h>

struct page {
    const char *id, *title, *text;
};
const struct page *corpus_page(struct span id); /* NULL: there is none */
enum { CORPUS_HITS = 3 };
/* The pages that fit the words of a question best, best first; how many there are. */
size_t corpus_search(struct span question, const struct page *hits[CORPUS_HITS]);

struct parcel {
    int64_t number;
    const char *item, *state;
    int64_t days; /* until it is there; 0: it is */
};
/* False: there is no such order; there are those from 1000 to 9999. */
bool corpus_order(struct span number, struct parcel *out);

#endif
