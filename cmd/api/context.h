/* What the handlers of this process share. One per process, made by main.c, passed as `arg` of the
 * routes. */
#ifndef SLUICE_API_CONTEXT_H
#define SLUICE_API_CONTEXT_H

#include "api/who.h"
#include "bus/feed.h"
#include "conf/conf.h"
#include "http/http.h"
#include <sys/queue.h>

enum {
    API_MAGIC = 0x41504900,
    API_OPEN_MS = 900 /* a request that waits for Redis longer gets its 503 */
};

struct audience;
struct board;
struct pending;
struct map;
LIST_HEAD(pending_list, pending);
LIST_HEAD(audience_list, audience);

struct api {
    uint32_t magic;
    const struct conf *conf;
    struct loop *loop;
    struct bus *bus;
    struct hub *hub;
    struct http_server *server; /* the public listener */
    struct http_server *admin;  /* metrics, health, the operator's routes */
    struct map
        *audiences; /* tenant:generation -> struct audience: who reads it here (audience.c) */
    struct audience_list audience_list; /* those, and what is still referred to */
    size_t queued_audiences;            /* of generations that wait in the queue */
    struct pending_list pending;        /* answers that wait for the bus (pending.c) */
    struct board *board;                /* who watches the whole of it (board.c) */
    struct buf scratch;                 /* one event's text; used within one call only */
    bool is_draining;
    /* Whether a listener is on loopback addresses only; else it needs keys. */
    bool is_public_local, is_admin_local;
    struct {
        const struct http_request *request;
        struct who who;
    } asking; /* the request whose handler runs, and who that is (access.c) */
};

static inline struct api *api_of(void *arg)
{
    struct api *api = arg;
    CHECK_MAGIC(api, API_MAGIC);
    return api;
}

#endif
