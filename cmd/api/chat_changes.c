/* DELETE /v1/chats/{chat_id}. A chat is removed in one step, and what runs in it ends
 * there with the reason `deleted`; its readers are told by the channel, since its log is gone. */
#include "api/handlers.h"
#include "api/pending.h"
#include "api/request.h"
#include "base/log.h"
#include "bus/turn.h"

/* A change under way. */
struct change {
    struct pending pending; /* first */
    struct id chat;
};

static void on_chat_deleted(int status, bool existed, void *arg)
{
    struct change *c = pending_of(arg);
    if (pending_failed(&c->pending, status == 0 && !existed ? -ERR_NOT_FOUND : status)) {
        return;
    }
    log_event(LOG_INFO, "chat.delete", "chat=%s", c->chat.text);
    struct http_request *request = pending_take(&c->pending);
    if (request != NULL) {
        http_reply(request, 204, NULL, SPAN_NONE);
    }
    pending_free(&c->pending);
}

void delete_chat(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    struct id chat;
    if (!request_path_id(request, "chat_id", &chat) || !request_has_no_query(request)) {
        return;
    }
    struct change *c = pending_new(api, request, sizeof *c, NULL);
    c->chat = chat;
    turn_delete(api->bus, c->pending.who.tenant, c->chat.text, on_chat_deleted, c);
}
