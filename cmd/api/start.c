/* Begin, and what follows. The invariant: a request whose generation was accepted is answered with
 * that generation's id, in whichever form. */
#include "api/start.h"

#include "api/compose.h"
#include "api/reader.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "wire/limits.h"

#include <inttypes.h>
#include <stdio.h>

enum { ASYNC_JSON_MAX = 2048 };

/* Outcomes that start nothing; the others have a stream. */
static const int OUTCOME_ERRORS[] = {
    [BEGIN_CONFLICT] = ERR_CONFLICT,
    [BEGIN_BUSY] = ERR_BUSY,
    [BEGIN_FULL] = ERR_QUEUE_FULL,
    [BEGIN_EXISTS] = ERR_EXISTS,
    [BEGIN_GONE] = ERR_GONE,
    [BEGIN_LIMITED] = ERR_RATE_LIMITED,
    [BEGIN_NO_MESSAGE] = ERR_NOT_FOUND,
    [BEGIN_NOT_FOUND] = ERR_NOT_FOUND,
};

/* Words of the body as the bus counts them. */
static const struct {
    const char *word;
    enum lane of_model, of_graph;
} LANES[] = {{"interactive", LANE_STREAM_INTERACTIVE, LANE_GRAPH_INTERACTIVE},
             {"batch", LANE_STREAM_BATCH, LANE_GRAPH_BATCH}};

static const struct {
    const char *word;
    enum if_busy policy;
} POLICIES[] = {
    {"reject", IF_BUSY_REJECT}, {"enqueue", IF_BUSY_ENQUEUE}, {"interrupt", IF_BUSY_INTERRUPT}};

void *start_new(struct api *api, struct http_request *request, size_t size,
                void (*on_free)(struct pending *self))
{
    CHECK(size >= sizeof(struct start));
    struct start *s = pending_new(api, request, size, on_free);
    buf_init(&s->job, LIMIT_MP_BYTES);
    buf_init(&s->restore, LIMIT_MP_BYTES);
    buf_init(&s->user_message, LIMIT_MP_BYTES);
    return s;
}

void start_release(struct pending *pending)
{
    struct start *s = (struct start *)pending;
    body_release(&s->body);
    buf_release(&s->job);
    buf_release(&s->restore);
    buf_release(&s->user_message);
}

enum answer_form start_form(struct http_request *request, bool wants_record)
{
    struct span rest = http_header(request, "Prefer");
    while (rest.ptr != NULL) { /* other preferences may be passed by */
        struct span preference = span_cut(&rest, ',');
        if (span_is_nocase(span_trim(span_cut(&preference, ';')), "respond-async")) {
            return ANSWER_ASYNC;
        }
    }
    return wants_record ? ANSWER_RECORD : ANSWER_STREAM;
}

bool start_compose(struct start *s, struct span prefill)
{
    struct span given = s->body.generation_id;
    bool is_stateless = s->mode == BEGIN_NONE;
    s->generation = given.ptr != NULL ? id_from(given) : id_mint("gen");
    s->message_id = id_mint("msg");
    s->user_message_id = id_mint("msg");
    compose_job(&s->job, &s->body, is_stateless, prefill);
    if (!is_stateless) {
        compose_user_message(&s->user_message, &s->body, s->user_message_id.text,
                             s->generation.text, clock_wall_ms());
    }
    return buf_error(&s->job) == 0 && buf_error(&s->restore) == 0 &&
           buf_error(&s->user_message) == 0;
}

static enum lane lane_of(const struct body *body)
{
    size_t i = 0;
    while (strcmp(LANES[i].word, body->lane) != 0) {
        i++; /* the table has each word of the body's */
    }
    return body->graph.ptr != NULL ? LANES[i].of_graph : LANES[i].of_model;
}

static enum if_busy policy_of(const struct body *body)
{
    size_t i = 0;
    while (strcmp(POLICIES[i].word, body->if_busy) != 0) {
        i++;
    }
    return POLICIES[i].policy;
}

static void answer_refusal(struct start *s, const struct begin_answer *answer, int code)
{
    struct err err;
    if (answer->retry_after_ms > 0 && s->pending.request != NULL) {
        char seconds[24];
        (void)snprintf(seconds, sizeof seconds, "%" PRId64, (answer->retry_after_ms + 999) / 1000);
        http_add_header(s->pending.request, "Retry-After", span_of(seconds));
    }
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

/* 202: where it can be found. */
static void answer_async(struct http_request *request, const struct begin_answer *answer)
{
    const char *id = answer->generation.text;
    struct span chat = answer->chat.text[0] == '\0' ? SPAN_NONE : span_of(answer->chat.text);
    struct buf url, json;
    buf_init(&url, ASYNC_JSON_MAX);
    buf_init(&json, ASYNC_JSON_MAX);
    (void)buf_printf(&url, "/v1/generations/%s", id); /* it fits, as all below */
    http_add_header(request, "Location", buf_as_span(&url));
    http_add_header(request, "Preference-Applied", SPAN_LIT("respond-async"));
    http_add_header(request, "Sluice-Generation-Id", span_of(id));
    if (chat.ptr != NULL) {
        http_add_header(request, "Sluice-Chat-Id", chat);
    }
    (void)buf_text(&url, "/stream");
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    json_member_str(&w, "generation_id", span_of(id));
    json_member_str(&w, "chat_id", chat);
    json_member_str(&w, "state", answer->state);
    json_member_str(&w, "stream_url", buf_as_span(&url));
    json_close(&w);
    http_reply_json(request, 202, buf_as_span(&json));
    buf_release(&url);
    buf_release(&json);
}

static void answer(struct start *s, const struct begin_answer *answer)
{
    struct http_request *request = pending_take(&s->pending);
    if (request == NULL) {
        return;
    }
    if (s->form == ANSWER_ASYNC) {
        answer_async(request, answer);
        return;
    }
    struct reader_ask ask = {.who = s->pending.who,
                             .generation = answer->generation,
                             .chat = answer->chat,
                             .after = -1,
                             .is_accepted = answer->outcome != BEGIN_REPLAYED,
                             .wants_record = s->form == ANSWER_RECORD};
    reader_open(s->pending.api, request, &ask);
}

static void on_begun(int status, const struct begin_answer *begun, void *arg)
{
    struct start *s = pending_of(arg);
    if (pending_failed(&s->pending, status)) {
        return;
    }
    if (begun->outcome == BEGIN_EXISTS && s->may_exist) {
        s->mode = BEGIN_ANY;
        s->may_exist = false;
        start_begin(s);
        return;
    }
    int code = (size_t)begun->outcome < sizeof OUTCOME_ERRORS / sizeof OUTCOME_ERRORS[0]
                   ? OUTCOME_ERRORS[begun->outcome]
                   : 0;
    bool is_replay = begun->outcome == BEGIN_REPLAYED;
    log_event(LOG_INFO, "turn.begin", "gen=%s chat=%s outcome=%s", begun->generation.text,
              begun->chat.text,
              code != 0   ? err_name(code)
              : is_replay ? "replayed"
                          : "accepted");
    if (code != 0) {
        answer_refusal(s, begun, code);
        return;
    }
    metric_add(is_replay ? METRIC_REPLAYED : METRIC_BEGUN, 1);
    if (s->on_accepted != NULL) {
        s->on_accepted(s);
    }
    answer(s, begun);
    pending_free(&s->pending);
}

void start_begin(struct start *s)
{
    struct api *api = s->pending.api;
    const struct who *who = &s->pending.who;
    const struct conf_tenant *tenant = conf_find_tenant(api->conf, span_of(who->tenant));
    if (tenant == NULL) { /* a reload took it away meanwhile, and its keys with it */
        (void)pending_failed(&s->pending, -ERR_UNAUTHORIZED);
        return;
    }
    struct span key = span_of(s->idempotency_key.text);
    struct begin b = {
        .tenant = who->tenant,
        .chat = s->chat.text,
        .generation = s->generation.text,
        .lane = lane_of(&s->body),
        .mode = s->mode,
        .if_busy = policy_of(&s->body),
        .hash = span_of(s->hash.hex),
        .idempotency_key = key.len == 0 ? SPAN_NONE : key,
        .user = who->user[0] == '\0' ? s->body.user : span_of(who->user),
        .is_own = who->user[0] != '\0',
        .message_id = s->message_id.text,
        .user_message_id = s->user_message_id.text,
        .request = buf_as_span(&s->job),
        .restore = buf_as_span(&s->restore),
        .user_message = buf_as_span(&s->user_message),
        .title = compose_title(s->body.message),
        .metadata = s->body.metadata,
        .model = s->body.model,
        .graph = s->body.graph,
        .on_stop = s->body.on_stop,
        .on_interrupt = s->body.on_interrupt,
        .grace_ms = s->grace_ms,
        .grace_if_new = s->grace_if_new,
        .tenant_limit = tenant->queued,
        .requests_per_minute = tenant->requests_per_minute,
        .tokens_per_day = tenant->tokens_per_day,
        .waiting_limit = api->conf->limits_waiting_per_chat,
        .replace_from = s->body.replace_from,
    };
    turn_begin(api->bus, &b, on_begun, s);
}
