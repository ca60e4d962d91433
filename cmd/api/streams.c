/* GET /v1/generations/{id}/stream and /v1/chats/{chat_id}/stream: reading by id, or what a chat is
 * answering now. */
#include "api/handlers.h"
#include "api/pending.h"
#include "api/reader.h"
#include "api/request.h"
#include "bus/keys.h"

void get_generation_stream(struct http_request *request, void *arg)
{
    static const char *const queries[] = {"after", "token"};
    struct reader_ask ask = {.who = request_who(api_of(arg), request), .after = -1};
    if (request_path_id(request, "generation_id", &ask.generation) &&
        request_has_query(request, queries, 2) && request_cursor(request, &ask.after)) {
        reader_open(api_of(arg), request, &ask);
    }
}

/* A reader of a chat, before it is known what the chat is answering. */
struct chat_reader {
    struct pending pending; /* first */
    struct id chat;
    struct id generation; /* that the cursor belongs to, or "" */
    int64_t after;
};

static void on_active(int status, const struct reply *reply, void *arg)
{
    struct chat_reader *c = pending_of(arg);
    if (pending_failed(&c->pending, status != 0 || reply_type(reply) != REPLY_ERROR
                                        ? status
                                        : -ERR_UNAVAILABLE)) {
        return;
    }
    struct span active = reply_str(reply);
    struct http_request *request = pending_take(&c->pending);
    if (request != NULL && !id_is_valid(active)) {
        http_reply(request, 204, NULL, SPAN_NONE);
    } else if (request != NULL) {
        bool is_same = span_is(active, c->generation.text);
        struct reader_ask ask = {.who = c->pending.who,
                                 .generation = id_from(active),
                                 .chat = c->chat,
                                 .after = is_same ? c->after : -1};
        reader_open(c->pending.api, request, &ask);
    }
    pending_free(&c->pending);
}

void get_chat_stream(struct http_request *request, void *arg)
{
    static const char *const queries[] = {"after", "generation_id", "token"};
    struct api *api = api_of(arg);
    struct id chat, generation;
    int64_t after = -1;
    if (!request_path_id(request, "chat_id", &chat) || !request_has_query(request, queries, 3) ||
        !request_query_id(request, "generation_id", &generation) ||
        !request_cursor(request, &after)) {
        return;
    }
    struct chat_reader *c = pending_new(api, request, sizeof *c, NULL);
    c->chat = chat;
    c->generation = generation;
    c->after = after;
    struct key key = key_active(c->pending.who.tenant, chat.text);
    struct span argv[] = {SPAN_LIT("GET"), span_of(key.text)};
    link_command(bus_link(api->bus), 2, argv, API_OPEN_MS, on_active, c);
}
