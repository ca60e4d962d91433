/* Templates and values filled in: pure. `values` has the JSON text of each expression's result at
 * its index in the graph (SPAN_NONE: not evaluated, which must not be asked for). */
#ifndef SLUICE_GRAPHS_RENDER_H
#define SLUICE_GRAPHS_RENDER_H

#include "base/buf.h"
#include "graphs/graph.h"

struct render {
    const struct span *values;
    /* The secret's text; NULL: there is none of that name. Only asked in url, headers and body. */
    const char *(*secret)(const char *name, void *arg);
    void *arg;
};

/* Text as it is, null as nothing, other values as compact JSON. -ERR_BAD_REQUEST (err says what)
 * for a secret that is not configured. */
MUST_USE int render_text(const struct render *r, const struct template *t, struct buf *out,
                         struct err *err);
/* The same, each expression's text percent-encoded (RFC 3986: all but unreserved). */
MUST_USE int render_url(const struct render *r, const struct template *t, struct buf *out,
                        struct err *err);
/* The same; CR, LF and NUL in a value are refused. */
MUST_USE int render_header(const struct render *r, const struct template *t, struct buf *out,
                           struct err *err);
/* JSON text; a template that is one expression alone keeps its type. */
MUST_USE int render_json(const struct render *r, const struct value *v, struct buf *out,
                         struct err *err);

#endif
