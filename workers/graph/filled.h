/* A request with everything filled in: pure. */
#ifndef SLUICE_WORKERS_GRAPH_FILLED_H
#define SLUICE_WORKERS_GRAPH_FILLED_H

#include "base/buf.h"
#include "fetch/fetch.h"
#include "graphs/render.h"

enum {
    FILLED_URL_MAX = 16 * 1024,
    FILLED_HEADER_MAX = 16 * 1024,
    FILLED_BODY_MAX = 4 * 1024 * 1024
};

struct filled {
    const char *method; /* the file's */
    char *url;
    struct fetch_header *headers; /* names are the file's or ours */
    char **values;                /* theirs, owned */
    size_t header_count;
    char *body_text; /* owned; NULL: none */
    struct span body;
    int64_t timeout_ms;
};

/* `key` goes out as Idempotency-Key. A body is sent as JSON; text alone as it is, when the file's
 * Content-Type says that it is no JSON. -ERR_BAD_REQUEST when something cannot be filled in,
 * -ERR_TOO_LARGE; `err` says what. Release it in any case. */
MUST_USE int fill_request(struct filled *filled, const struct graph_request *form,
                          const struct render *values, const char *key, struct err *err);
void filled_release(struct filled *filled);

#endif
