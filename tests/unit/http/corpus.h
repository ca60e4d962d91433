/* The rows of tests/support/http_corpus.txt, whose head tells its form. */
#ifndef SLUICE_TESTS_HTTP_CORPUS_H
#define SLUICE_TESTS_HTTP_CORPUS_H

#include "base/span.h"

enum { CORPUS_STATUSES = 8 };

struct corpus_row {
    char *name;
    bool is_legal, stays;
    int statuses[CORPUS_STATUSES]; /* one that refuses; or of a legal row's answers */
    size_t status_count;
    struct span bytes, body; /* owned */
};

struct corpus {
    struct corpus_row *rows;
    size_t count;
};

struct corpus corpus_read(void); /* ends the test when a row cannot be read */
void corpus_release(struct corpus *corpus);

#endif
