/* One request that a graph makes: of an http node, or of a tool that a model called. Filled in from
 * the file's templates, guarded by graph.hosts and graph.networks, with an Idempotency-Key that is
 * the same after a crash, and, for `effect: once`, with a mark that is in Redis before a byte goes
 * out.
 *
 *     (MARKING) ─► SENDING ─► OVER       free from any: the connection is closed at once
 */
#ifndef SLUICE_WORKERS_GRAPH_ERRAND_H
#define SLUICE_WORKERS_GRAPH_ERRAND_H

#include "graph/step.h"

struct errand;

struct errand_wants {
    struct step *step;
    const struct graph_request *form;
    const struct render *values; /* borrowed until errand_new returns */
    const char *within;          /* a tool's call within the step, "t1/c0"; NULL: the step itself */
    bool is_cut;                 /* an answer over max_bytes is cut, else it is a failure */
};
struct errand_answer {
    int status;
    struct span headers; /* JSON object, names in lower case; without cookies */
    struct span body;
    bool was_cut;
    int64_t retry_after_ms; /* -1: not said */
};
struct errand_failure {
    enum step_error error;
    char message[256];
};
/* Exactly one, never before errand_new returns, none after errand_free, which is allowed within.
 */
struct errand_hooks {
    void (*on_answer)(const struct errand_answer *answer, void *arg);
    void (*on_failed)(const struct errand_failure *failure, void *arg);
    void *arg;
};

struct errand *errand_new(const struct errand_wants *wants, const struct errand_hooks *hooks);
void errand_free(struct errand *errand); /* NULL is a no-op */

#endif
