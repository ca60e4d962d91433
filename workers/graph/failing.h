/* How a step fails: the codes, their JSON, and whether and when it is tried again. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_FAILING_H
#define SLUICE_WORKERS_GRAPH_FAILING_H

#include "base/buf.h"
#include "graph/step.h"

enum {
    FAILING_BACKOFF_MS = 30 * 1000, /* at most, the server's own wish too */
    FAILING_JSON = 2048             /* more than failing_write ever writes */
};

struct failing {
    enum step_error error;
    int status;             /* HTTP; 0: none */
    int64_t retry_after_ms; /* -1: not said */
    char message[256];
};
/* `message` may be NULL: the table's. */
void failing_set(struct failing *f, enum step_error error, int status, int64_t retry_after_ms,
                 const char *message);
/* It came from within: "<name>: <message>". */
void failing_within(struct failing *f, const char *name);
/* {node?, code, message, status?}; node NULL: left out. */
void failing_write(const struct failing *f, const char *node, struct buf *out);
/* What failing_write wrote, its node passed by. -ERR_MALFORMED for anything else. */
MUST_USE int failing_read(struct span json, struct failing *out);
/* Ms to wait before the step is tried again, `tried` times having been tried again already; -1: it
 * is not. A server that asks for more patience than there is, is not asked again. */
int64_t failing_wait_ms(const struct failing *f, const struct retry *retry, int64_t tried);

#endif
