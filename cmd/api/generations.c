/* POST /v1/chats, /v1/chats/{chat_id}/messages, /v1/generations: a checked body becomes a turn. */
#include "api/compose.h"
#include "api/graphs.h"
#include "api/handlers.h"
#include "api/request.h"
#include "api/start.h"
#include "wire/limits.h"

static const char *const ROUTE_NAMES[] = {
    [BODY_CHATS] = "chats", [BODY_MESSAGES] = "messages", [BODY_GENERATIONS] = "generations"};

static const enum begin_mode ROUTE_MODES[] = {
    [BODY_CHATS] = BEGIN_NEW, [BODY_MESSAGES] = BEGIN_ANY, [BODY_GENERATIONS] = BEGIN_NONE};

/* What the body alone cannot know: the model is one of the configuration's. */
static int parse(const struct api *api, struct span text, enum body_route route, struct body *out,
                 struct err *err)
{
    const struct body_limits limits = {.message_bytes = (size_t)api->conf->limits_message,
                                       .system_bytes = LIMIT_SYSTEM,
                                       .metadata_bytes = LIMIT_METADATA};
    int rc = body_parse(text, route, &limits, out, err);
    if (rc == 0 && out->model.ptr != NULL && conf_find_model(api->conf, out->model) == NULL) {
        body_release(out);
        rc = err_set(err, ERR_BAD_REQUEST, "model", "there is no model of that name");
    }
    return rc;
}

/* on_disconnect: nobody waits for an async answer; and without a word from the client only the
 * script knows whether the chat has a record. */
static void set_grace(struct start *s, enum body_route route)
{
    const char *said = s->body.on_disconnect;
    bool goes_on = said == NULL ? s->form == ANSWER_ASYNC : strcmp(said, "continue") == 0;
    s->grace_ms = goes_on ? 0 : s->pending.api->conf->limits_disconnect_grace;
    s->grace_if_new = route == BODY_MESSAGES && said == NULL;
}

static bool compose(struct start *s, enum body_route route, struct span text)
{
    const struct span parts[] = {span_of(ROUTE_NAMES[route]), span_of(s->chat.text), text,
                                 span_of(s->pending.who.user)};
    s->hash = digest_of(parts, s->pending.who.user[0] == '\0' ? 3 : 4);
    if (s->body.chat_id.ptr != NULL) {
        s->chat = id_from(s->body.chat_id);
    } else if (route == BODY_CHATS) {
        s->chat = id_mint("chat");
    }
    compose_restore(&s->restore, &s->body);
    return start_compose(s, SPAN_NONE);
}

/* An image goes to a model that is declared for it only. */
static void begin_with_images(struct start *s, struct span model_name)
{
    const struct conf *conf = s->pending.api->conf;
    const struct conf_model *model = conf_find_model(conf, model_name);
    if (model == NULL) { /* the chat's is no longer configured */
        model = conf_find_model(conf, SPAN_LIT(""));
    }
    if (model != NULL && conf_model_can(model, "image")) {
        start_begin(s);
        return;
    }
    struct err err;
    (void)err_set(&err, ERR_BAD_REQUEST, "attachments", "the model %s takes no images",
                  model == NULL ? "" : model->name);
    pending_reply_error(&s->pending, &err);
}

/* What answers: the request's model or graph, else that of the chat's last turn, else the default
 * model. Only a model takes params and a system text. */
static void on_chat_looked(int status, const struct reply *reply, void *arg)
{
    struct start *s = pending_of(arg);
    struct err err;
    bool is_error = status == 0 && reply_type(reply) == REPLY_ERROR;
    if (pending_failed(&s->pending, is_error ? -ERR_UNAVAILABLE : status)) {
        return;
    }
    struct span model = reply_str(reply_at(reply, 0)), graph = reply_str(reply_at(reply, 1));
    if (graph.len > 0 && body_check_graph(&s->body, &err) != 0) {
        pending_reply_error(&s->pending, &err);
    } else if (graph.len > 0 || !s->body.has_image) {
        start_begin(s);
    } else {
        begin_with_images(s, model);
    }
}

static void look_at_chat(struct start *s)
{
    struct api *api = s->pending.api;
    struct key chat = key_chat(s->pending.who.tenant, s->chat.text);
    struct span argv[] = {SPAN_LIT("HMGET"), span_of(chat.text), SPAN_LIT("model"),
                          SPAN_LIT("graph")};
    link_command(bus_link(api->bus), 4, argv, API_OPEN_MS, on_chat_looked, s);
}

static void check_and_begin(struct start *s)
{
    const struct body *body = &s->body;
    bool is_of_model_only = body->has_image || body->params.ptr != NULL || body->system.ptr != NULL;
    if (body->graph.ptr != NULL) {
        graphs_begin(s);
    } else if (is_of_model_only && s->mode == BEGIN_ANY && body->model.ptr == NULL) {
        look_at_chat(s);
    } else if (body->has_image) {
        begin_with_images(s, body->model);
    } else {
        start_begin(s);
    }
}

/* A token speaks for its user, and begins nothing outside its chat. */
static bool is_allowed(struct start *s, struct err *err)
{
    const struct who *who = &s->pending.who;
    struct span chat = s->chat.text[0] == '\0' ? s->body.chat_id : span_of(s->chat.text);
    return who_check_chat(who, chat, err) == 0 && who_take_user(who, &s->body.user, err) == 0;
}

static void start(struct api *api, struct http_request *request, enum body_route route,
                  const struct id *chat)
{
    struct span text = SPAN_NONE;
    struct id key;
    struct body body;
    struct err err;
    if (!request_has_no_query(request) || !request_json(request, &text) ||
        !request_idempotency_key(api, request, &key)) {
        return;
    }
    if (parse(api, text, route, &body, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    struct start *s = start_new(api, request, sizeof *s, start_release);
    s->body = body;
    s->mode = ROUTE_MODES[route];
    s->form = start_form(request, body.wants_record);
    s->idempotency_key = key;
    s->chat = *chat;
    set_grace(s, route);
    if (!is_allowed(s, &err)) {
        pending_reply_error(&s->pending, &err);
    } else if (!compose(s, route, text)) {
        (void)pending_failed(&s->pending, -ERR_TOO_LARGE); /* it is one */
    } else {
        check_and_begin(s);
    }
}

void post_chat(struct http_request *request, void *arg)
{
    start(api_of(arg), request, BODY_CHATS, &(struct id){.text = ""});
}

void post_message(struct http_request *request, void *arg)
{
    struct id chat;
    if (request_path_id(request, "chat_id", &chat)) {
        start(api_of(arg), request, BODY_MESSAGES, &chat);
    }
}

void post_generation(struct http_request *request, void *arg)
{
    start(api_of(arg), request, BODY_GENERATIONS, &(struct id){.text = ""});
}
