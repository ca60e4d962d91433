/* PATCH and DELETE /v1/chats/{chat_id}. A chat is removed in one step, and what runs in it ends
 * there with the reason `deleted`; its readers are told by the channel, since its log is gone. */
#include "api/body.h"
#include "api/chat_view.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/request.h"
#include "base/log.h"
#include "bus/turn.h"
#include "wire/json.h"
#include "wire/limits.h"

enum { CHANGE_JSON_MAX = 64 * 1024 };

/* A change under way. */
struct change {
    struct pending pending; /* first */
    struct id chat;
    struct chat_body body;
};

static void free_change(struct pending *pending)
{
    chat_body_release(&((struct change *)pending)->body);
}

/* The chat as it is now, without its messages. */
static void on_chat_read(int status, const struct chat_view *view, void *arg)
{
    struct change *c = pending_of(arg);
    if (pending_failed(&c->pending,
                       status == 0 && view->record_count == 0 ? -ERR_NOT_FOUND : status)) {
        return;
    }
    struct buf json;
    buf_init(&json, CHANGE_JSON_MAX);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    chat_view_put_head(&w, &c->chat, view);
    json_close(&w);
    pending_reply_json(&c->pending, &json);
    buf_release(&json);
}

static void on_changed(int status, void *arg)
{
    struct change *c = pending_of(arg);
    if (!pending_failed(&c->pending, status)) {
        const struct chat_look look = {c->pending.who.tenant, c->chat.text, 0, 0, ""};
        turn_read_chat(c->pending.api->bus, &look, on_chat_read, c);
    }
}

void patch_chat(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    struct span text = SPAN_NONE;
    struct id chat;
    struct chat_body body;
    struct err err;
    if (!request_path_id(request, "chat_id", &chat) || !request_has_no_query(request) ||
        !request_json(request, &text)) {
        return;
    }
    if (chat_body_parse(text, &body, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    struct change *c = pending_new(api, request, sizeof *c, free_change);
    c->chat = chat;
    c->body = body;
    const struct chat_change change = {.tenant = c->pending.who.tenant,
                                       .chat = c->chat.text,
                                       .title = body.title,
                                       .metadata = body.metadata};
    turn_change_chat(api->bus, &change, on_changed, c);
}

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
    struct change *c = pending_new(api, request, sizeof *c, free_change);
    c->chat = chat;
    turn_delete(api->bus, c->pending.who.tenant, c->chat.text, on_chat_deleted, c);
}
