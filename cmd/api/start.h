/* A generation about to begin: everything that goes to the bus, put together by the handlers
 * (generations.c from a body, continue.c from an interrupted one), and what the request is answered
 * with once it is accepted. */
#ifndef SLUICE_API_START_H
#define SLUICE_API_START_H

#include "api/body.h"
#include "api/digest.h"
#include "api/pending.h"
#include "bus/turn.h"

/* A stream; the record when it is over; 202 at once. */
enum answer_form { ANSWER_STREAM, ANSWER_RECORD, ANSWER_ASYNC };

/* A begin under way, embedded as first member or alone. Owns what the bus borrows meanwhile. */
struct start {
    struct pending pending; /* first */
    struct body body;       /* released with it */
    enum begin_mode mode;
    bool may_exist; /* mode new is tried first, and any when the chat exists */
    enum answer_form form;
    struct digest hash;
    struct id generation, chat, message_id, user_message_id, idempotency_key;
    int64_t grace_ms;
    bool grace_if_new;
    void (*on_accepted)(struct start *start); /* NULL, or told before the answer goes out */
    struct buf job, restore, user_message;
};

/* `size` bytes that begin with a struct start; `on_free` calls start_release. */
void *start_new(struct api *api, struct http_request *request, size_t size,
                void (*on_free)(struct pending *self));
void start_release(struct pending *pending);
/* Which answer the request asks for: Prefer: respond-async (RFC 7240) before the body's word. */
enum answer_form start_form(struct http_request *request, bool wants_record);
/* Job and message from the body, under fresh ids (the body's own where it names one); `restore` is
 * the caller's. False when what is to be kept is larger than its format may be. */
MUST_USE bool start_compose(struct start *s, struct span prefill);
/* Begins, answers, frees. */
void start_begin(struct start *s);

#endif
