/* A generation's events, read to its end; a lost connection is made anew and resumed by
 * Last-Event-ID, so nothing is lost or repeated. The operator's stream too, which has no end. */
#ifndef SLUICE_CMD_FOLLOW_H
#define SLUICE_CMD_FOLLOW_H

#include "base/id.h"
#include "fetch/fetch.h"
#include "wire/json.h"
#include "wire/sse.h"

struct follow;

struct follow_hooks {
    void (*on_event)(const struct sse_event *event, const struct json *data, void *arg);
    /* The last call, one loop turn behind the terminal event; false: it was never there or was lost
     * too often, and why was said on standard error. */
    void (*on_over)(bool is_whole, void *arg);
    /* The connection was lost and is made anew (why), or is there again. NULL: not told. */
    void (*on_link)(bool is_up, const char *why, void *arg);
    void *arg;
};

/* By the id of a generation, or of the chat whose active one is meant; FOLLOW_MAYBE: if it has one,
 * else nothing is said. One that the server has taken just now (FOLLOW_TAKEN) is waited for also
 * when nobody answers at first. */
enum follow_kind { FOLLOW_GENERATION, FOLLOW_CHAT, FOLLOW_MAYBE, FOLLOW_TAKEN, FOLLOW_BOARD };

/* Never NULL; on_over comes exactly once unless it is freed before. `id` is borrowed; ""
 * of the operator's stream. */
struct follow *follow_start(struct loop *loop, struct fetcher *fetcher, enum follow_kind kind,
                            const char *id, const struct follow_hooks *hooks);
void follow_free(struct follow *follow); /* NULL is a no-op; before the fetcher */

#endif
