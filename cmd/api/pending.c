/* Answers that wait for the bus. The invariant: `request` is NULL from the moment that it may not
 * be touched. */
#include "api/pending.h"

#include "api/request.h"

#include "base/mem.h"

static void on_request_gone(void *user)
{
    struct pending *p = user;
    CHECK_MAGIC(p, PENDING_MAGIC);
    p->request = NULL;
}

void *pending_new(struct api *api, struct http_request *request, size_t size,
                  void (*on_free)(struct pending *self))
{
    struct who who = request_who(api, request);
    return pending_new_for(api, &who, request, size, on_free);
}

void *pending_new_for(struct api *api, const struct who *who, struct http_request *request,
                      size_t size, void (*on_free)(struct pending *self))
{
    CHECK(size >= sizeof(struct pending));
    struct pending *p = mem_new(size);
    p->magic = PENDING_MAGIC;
    p->api = api;
    p->who = *who;
    p->request = request;
    p->on_free = on_free;
    LIST_INSERT_HEAD(&api->pending, p, link);
    http_set_user(request, p, on_request_gone);
    return p;
}

void pending_free(struct pending *p)
{
    CHECK_MAGIC(p, PENDING_MAGIC);
    (void)pending_take(p);
    if (p->on_free != NULL) {
        p->on_free(p);
    }
    LIST_REMOVE(p, link);
    p->magic = 0;
    mem_free(p);
}

struct http_request *pending_take(struct pending *p)
{
    struct http_request *request = p->request;
    p->request = NULL;
    if (request != NULL) {
        http_set_user(request, NULL, NULL);
    }
    return request;
}

void pending_reply_error(struct pending *p, const struct err *err)
{
    struct http_request *request = pending_take(p);
    if (request != NULL) {
        http_reply_error(request, err);
    }
    pending_free(p);
}

/* What went wrong inside is not the client's fault: one that may be tried again, and the rest. */
static int outward(int status)
{
    switch (-status) {
    case ERR_TIMEOUT:
    case ERR_CANCELLED:
        return -ERR_UNAVAILABLE;
    case ERR_MALFORMED:
    case ERR_SYSTEM:
        return -ERR_INTERNAL;
    default:
        return status;
    }
}

void pending_answer_code(struct pending *p, int status)
{
    struct http_request *request = pending_take(p);
    if (request != NULL) {
        http_reply_code(request, outward(status));
    }
}

bool pending_failed(struct pending *p, int status)
{
    if (status == 0) {
        return false;
    }
    pending_answer_code(p, status);
    pending_free(p);
    return true;
}

void pending_reply_json(struct pending *p, const struct buf *json)
{
    struct http_request *request = pending_take(p);
    if (request != NULL && buf_error(json) == 0) {
        http_reply_json(request, 200, buf_as_span(json));
    } else if (request != NULL) {
        http_reply_code(request, ERR_TOO_LARGE);
    }
    pending_free(p);
}

void pending_free_all(struct api *api)
{
    while (!LIST_EMPTY(&api->pending)) {
        pending_free(LIST_FIRST(&api->pending));
    }
}
