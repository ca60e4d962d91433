/* An answer that waits for the bus: the request it belongs to, until the client leaves. Handlers
 * embed it as their first member. All of them hang on the context, so that what is still under way
 * at the end of the process is freed. */
#ifndef SLUICE_API_PENDING_H
#define SLUICE_API_PENDING_H

#include "api/context.h"
#include "api/who.h"

struct pending {
    uint32_t magic;
    struct api *api;
    struct who who;               /* who asks */
    struct http_request *request; /* NULL once the client left: finish the work, answer nobody */
    void (*on_free)(
        struct pending *self); /* releases what the embedding struct owns; may be NULL */
    LIST_ENTRY(pending) link;
};

enum { PENDING_MAGIC = 0x50454e44 };

/* What a callback of the bus was given as its `arg`. */
static inline void *pending_of(void *arg)
{
    CHECK_MAGIC((struct pending *)arg, PENDING_MAGIC);
    return arg;
}

/* `size` zeroed bytes that begin with a struct pending. */
void *pending_new(struct api *api, struct http_request *request, size_t size,
                  void (*on_free)(struct pending *self));
/* The same for a request whose handler ran before; `who` is what that was told. */
void *pending_new_for(struct api *api, const struct who *who, struct http_request *request,
                      size_t size, void (*on_free)(struct pending *self));
/* Every callback of the bus ends with this, or with the next call to the bus. */
void pending_free(struct pending *p);
/* Takes the request out: the caller answers it, or hands it on. NULL when the client left. */
struct http_request *pending_take(struct pending *p);
/* When `status` is a failure: answers with it, frees, returns true. */
bool pending_failed(struct pending *p, int status);
/* Answers with a failure now, and stays: other work of it is under way. */
void pending_answer_code(struct pending *p, int status);
void pending_reply_json(struct pending *p,
                        const struct buf *json); /* 200, or 413 when the buffer overflowed; frees */
void pending_reply_error(struct pending *p, const struct err *err); /* frees */
void pending_free_all(struct api *api);

#endif
