/* POST /v1/chats, /v1/chats/{chat_id}/messages, /v1/generations: a checked body becomes a turn, its
 * stream answers the request. */
#include "api/body.h"
#include "api/compose.h"
#include "api/digest.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/reader.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "bus/turn.h"
#include "wire/limits.h"

/* A begin under way. Owns what the bus borrows meanwhile. */
struct start {
    struct pending pending; /* first */
    struct body body;
    enum body_route route;
    struct digest hash;
    struct id generation, chat, message_id, user_message_id, idempotency_key;
    struct buf job, restore, user_message;
};

static const char *const ROUTE_NAMES[] = {
    [BODY_CHATS] = "chats", [BODY_MESSAGES] = "messages", [BODY_GENERATIONS] = "generations"};

static const enum begin_mode ROUTE_MODES[] = {
    [BODY_CHATS] = BEGIN_NEW, [BODY_MESSAGES] = BEGIN_ANY, [BODY_GENERATIONS] = BEGIN_NONE};

/* Outcomes that start nothing; the others have a stream. */
static const int OUTCOME_ERRORS[] = {
    [BEGIN_CONFLICT] = ERR_CONFLICT,    [BEGIN_BUSY] = ERR_BUSY, [BEGIN_FULL] = ERR_QUEUE_FULL,
    [BEGIN_EXISTS] = ERR_EXISTS,        [BEGIN_GONE] = ERR_GONE, [BEGIN_LIMITED] = ERR_RATE_LIMITED,
    [BEGIN_NO_MESSAGE] = ERR_NOT_FOUND,
};

/* Words of the body as the bus counts them. */
static const struct {
    const char *word;
    enum lane lane;
} LANES[] = {{"interactive", LANE_STREAM_INTERACTIVE}, {"batch", LANE_STREAM_BATCH}};

static const struct {
    const char *word;
    enum if_busy policy;
} POLICIES[] = {
    {"reject", IF_BUSY_REJECT}, {"enqueue", IF_BUSY_ENQUEUE}, {"interrupt", IF_BUSY_INTERRUPT}};

static void free_start(struct pending *pending)
{
    struct start *s = (struct start *)pending;
    body_release(&s->body);
    buf_release(&s->job);
    buf_release(&s->restore);
    buf_release(&s->user_message);
}

static void answer_refusal(struct start *s, const struct begin_answer *answer, int code)
{
    struct err err;
    if (answer->outcome == BEGIN_BUSY) {
        (void)err_set(&err, ERR_BUSY, NULL, "the chat is answering generation %s",
                      answer->generation.text);
    } else if (answer->outcome == BEGIN_NO_MESSAGE) {
        (void)err_set(&err, ERR_NOT_FOUND, "replace_from", "the chat has no message of that id");
    } else {
        (void)err_set(&err, (enum err_code)code, NULL, NULL);
    }
    pending_reply_error(&s->pending, &err);
}

static void on_begun(int status, const struct begin_answer *answer, void *arg)
{
    struct start *s = pending_of(arg);
    if (pending_failed(&s->pending, status)) {
        return;
    }
    int code = (size_t)answer->outcome < sizeof OUTCOME_ERRORS / sizeof OUTCOME_ERRORS[0]
                   ? OUTCOME_ERRORS[answer->outcome]
                   : 0;
    bool is_replay = answer->outcome == BEGIN_REPLAYED;
    log_event(LOG_INFO, "turn.begin", "gen=%s chat=%s outcome=%s", answer->generation.text,
              answer->chat.text,
              code != 0   ? err_name(code)
              : is_replay ? "replayed"
                          : "accepted");
    if (code != 0) {
        answer_refusal(s, answer, code);
        return;
    }
    metric_add(is_replay ? METRIC_REPLAYED : METRIC_BEGUN, 1);
    struct http_request *request = pending_take(&s->pending);
    if (request != NULL) {
        struct reader_ask ask = {.who = s->pending.who,
                                 .generation = answer->generation,
                                 .chat = answer->chat,
                                 .after = -1,
                                 .is_accepted = !is_replay};
        reader_open(s->pending.api, request, &ask);
    }
    pending_free(&s->pending);
}

/* `Prefer: respond-async` (RFC 7240) asks for an answer that this version does not give; other
 * preferences may be ignored. */
static int check_prefer(struct http_request *request, struct err *err)
{
    struct span rest = http_header(request, "Prefer");
    while (rest.ptr != NULL) {
        struct span preference = span_cut(&rest, ',');
        if (span_is_nocase(span_trim(span_cut(&preference, ';')), "respond-async")) {
            return err_set(err, ERR_NOT_SUPPORTED, "Prefer", "respond-async is not supported yet");
        }
    }
    return 0;
}

/* What the body alone cannot know: the model is one of the configuration's. */
static int parse(struct api *api, struct http_request *request, struct span text,
                 enum body_route route, struct body *out, struct err *err)
{
    const struct body_limits limits = {.message_bytes = (size_t)api->conf->limits_message,
                                       .system_bytes = LIMIT_SYSTEM,
                                       .metadata_bytes = LIMIT_METADATA};
    int rc = check_prefer(request, err);
    if (rc == 0) {
        rc = body_parse(text, route, &limits, out, err);
    }
    if (rc == 0 && out->wants_record) {
        body_release(out);
        rc = err_set(err, ERR_NOT_SUPPORTED, "stream", "this version streams every answer");
    }
    if (rc == 0 && out->model.ptr != NULL && conf_find_model(api->conf, out->model) == NULL) {
        body_release(out);
        rc = err_set(err, ERR_BAD_REQUEST, "model", "there is no model of that name");
    }
    return rc;
}

/* False when what is to be kept is larger than its format may be. */
static bool compose(struct start *s, struct span text)
{
    bool is_stateless = s->route == BODY_GENERATIONS;
    struct span given = s->body.generation_id;
    s->generation = given.ptr != NULL ? id_from(given) : id_mint("gen");
    s->message_id = id_mint("msg");
    s->user_message_id = id_mint("msg");
    const struct span parts[] = {span_of(ROUTE_NAMES[s->route]), span_of(s->chat.text), text};
    s->hash = digest_of(parts, 3);
    if (s->body.chat_id.ptr != NULL) {
        s->chat = id_from(s->body.chat_id);
    } else if (s->route == BODY_CHATS) {
        s->chat = id_mint("chat");
    }
    buf_init(&s->job, LIMIT_MP_BYTES);
    buf_init(&s->restore, LIMIT_MP_BYTES);
    buf_init(&s->user_message, LIMIT_MP_BYTES);
    compose_job(&s->job, &s->body, is_stateless);
    compose_restore(&s->restore, &s->body);
    if (!is_stateless) {
        compose_user_message(&s->user_message, &s->body, s->user_message_id.text,
                             s->generation.text, clock_wall_ms());
    }
    return buf_error(&s->job) == 0 && buf_error(&s->restore) == 0 &&
           buf_error(&s->user_message) == 0;
}

/* on_disconnect: without a word from the client only the script knows whether the chat has a
 * record. */
static int64_t grace_of(const struct api *api, const struct body *body)
{
    bool is_continue = body->on_disconnect != NULL && strcmp(body->on_disconnect, "continue") == 0;
    return is_continue ? 0 : api->conf->limits_disconnect_grace;
}

static enum lane lane_of(const struct body *body)
{
    size_t i = 0;
    while (strcmp(LANES[i].word, body->lane) != 0) {
        i++; /* the table has each word of the body's */
    }
    return LANES[i].lane;
}

static enum if_busy policy_of(const struct body *body)
{
    size_t i = 0;
    while (strcmp(POLICIES[i].word, body->if_busy) != 0) {
        i++;
    }
    return POLICIES[i].policy;
}

static void begin(struct start *s)
{
    struct api *api = s->pending.api;
    const struct conf_tenant *tenant =
        conf_find_tenant(api->conf, span_of(s->pending.who.tenant)); /* `default` is always there */
    struct span key = span_of(s->idempotency_key.text);
    struct begin b = {
        .tenant = s->pending.who.tenant,
        .chat = s->chat.text,
        .generation = s->generation.text,
        .lane = lane_of(&s->body),
        .mode = ROUTE_MODES[s->route],
        .if_busy = policy_of(&s->body),
        .hash = span_of(s->hash.hex),
        .idempotency_key = key.len == 0 ? SPAN_NONE : key,
        .user = s->body.user,
        .message_id = s->message_id.text,
        .user_message_id = s->user_message_id.text,
        .request = buf_as_span(&s->job),
        .restore = buf_as_span(&s->restore),
        .user_message = buf_as_span(&s->user_message),
        .title = compose_title(s->body.message),
        .metadata = s->body.metadata,
        .model = s->body.model,
        .on_stop = s->body.on_stop,
        .on_interrupt = s->body.on_interrupt,
        .grace_ms = grace_of(api, &s->body),
        .grace_if_new = s->route == BODY_MESSAGES && s->body.on_disconnect == NULL,
        .tenant_limit = tenant->queued,
        .waiting_limit = api->conf->limits_waiting_per_chat,
        .replace_from = s->body.replace_from,
    };
    turn_begin(api->bus, &b, on_begun, s);
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
        begin(s);
        return;
    }
    struct err err;
    (void)err_set(&err, ERR_BAD_REQUEST, "attachments", "the model %s takes no images",
                  model == NULL ? "" : model->name);
    pending_reply_error(&s->pending, &err);
}

static void on_chat_model(int status, const struct reply *reply, void *arg)
{
    struct start *s = pending_of(arg);
    bool is_error = status == 0 && reply_type(reply) == REPLY_ERROR;
    if (!pending_failed(&s->pending, is_error ? -ERR_UNAVAILABLE : status)) {
        begin_with_images(s, reply_str(reply));
    }
}

/* Which model will answer: the request's, else that of the chat's last turn, else the default. */
static void check_images(struct start *s)
{
    struct api *api = s->pending.api;
    if (s->route != BODY_MESSAGES || s->body.model.ptr != NULL) {
        begin_with_images(s, s->body.model);
        return;
    }
    struct key chat = key_chat(s->pending.who.tenant, s->chat.text);
    struct span argv[] = {SPAN_LIT("HGET"), span_of(chat.text), SPAN_LIT("model")};
    link_command(bus_link(api->bus), 3, argv, API_OPEN_MS, on_chat_model, s);
}

static void start(struct api *api, struct http_request *request, enum body_route route,
                  const struct id *chat)
{
    struct span text = SPAN_NONE;
    struct id key;
    struct body body;
    struct err err;
    if (!request_has_no_query(request) || !request_json(request, &text) ||
        !request_idempotency_key(request, &key)) {
        return;
    }
    if (parse(api, request, text, route, &body, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    struct start *s = pending_new(api, request, sizeof *s, free_start);
    s->body = body;
    s->route = route;
    s->idempotency_key = key;
    s->chat = *chat;
    if (!compose(s, text)) {
        (void)pending_failed(&s->pending, -ERR_TOO_LARGE); /* it is one */
    } else if (s->body.has_image) {
        check_images(s);
    } else {
        begin(s);
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
