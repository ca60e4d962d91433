/* POST /v1/chats/{chat_id}/stop and /v1/generations/{id}/stop. The decision is one script; before
 * its answer goes out, this process's own readers of what was stopped have been brought to the end.
 */
#include "api/audience.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/render.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "bus/stop.h"
#include "wire/job.h"
#include "wire/limits.h"

#include <stdio.h>

enum { ANSWER_MAX = 4 * LIMIT_MP_BYTES }; /* it gives back what all dropped turns brought */

/* A stop under way: it answers when both the script and the readers' cut are done. */
struct stopping {
    struct pending pending; /* first */
    struct cut cut;
    struct id chat, generation, token;
    bool all;
    int parts_left;
    int code; /* of the refusal; 0: `answer` is the body */
    struct buf answer;
    int64_t began_us;
};

/* Outcomes that are errors; all others are 200. */
static const struct {
    const char *outcome;
    enum err_code code;
} REFUSALS[] = {{"notfound", ERR_NOT_FOUND}, {"full", ERR_RATE_LIMITED}};

static void free_stopping(struct pending *pending)
{
    struct stopping *s = (struct stopping *)pending;
    cut_release(&s->cut);
    buf_release(&s->answer);
}

static void finish_part(struct stopping *s)
{
    if (--s->parts_left > 0) {
        return;
    }
    metric_add(METRIC_STOPS, 1);
    metric_observe_us(METRIC_STOP_SECONDS, clock_mono_us() - s->began_us);
    if (!pending_failed(&s->pending, s->code)) {
        pending_reply_json(&s->pending, &s->answer);
    }
}

static void on_cut_done(void *arg)
{
    finish_part(pending_of(arg));
}

/* Of an id that was not seen yet no provider will be asked. */
static void put_usage(struct json_writer *w, const struct stop_answer *answer)
{
    struct buf none;
    struct usage usage = usage_none();
    buf_init(&none, 1024);
    usage_put_json(&none, &usage);
    render_usage(w, span_is(answer->outcome, "will_stop") ? buf_as_span(&none) : answer->usage);
    buf_release(&none);
}

static void put_waiting(struct json_writer *w, const struct stop_answer *answer)
{
    json_open(w, "waiting", '[');
    for (size_t i = 0; i < answer->waiting_count; i++) {
        json_open(w, NULL, '{');
        json_member_str(w, "generation_id", span_of(answer->waiting[i].generation.text));
        render_raw(w, "restore", answer->waiting[i].restore);
        json_close(w);
    }
    json_close(w);
}

static void put_answer(struct stopping *s, const struct stop_answer *answer)
{
    struct json_writer w = json_writer(&s->answer);
    json_open(&w, NULL, '{');
    json_member_str(&w, "outcome", answer->outcome);
    render_text(&w, "generation_id", answer->generation);
    if (answer->seq < 0) {
        json_member_null(&w, "seq");
    } else {
        json_member_int(&w, "seq", answer->seq);
    }
    render_text(&w, "state", answer->state);
    render_text(&w, "reason", answer->reason);
    render_raw(&w, "restore", answer->restore);
    json_member_bool(&w, "committed", answer->committed);
    render_text(&w, "message_id", answer->message_id);
    put_usage(&w, answer);
    if (s->all) {
        put_waiting(&w, answer);
    } else {
        json_member_null(&w, "waiting");
    }
    json_close(&w);
}

static void on_stopped(int status, const struct stop_answer *answer, void *arg)
{
    struct stopping *s = pending_of(arg);
    s->code = status;
    if (status == 0) {
        for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
            if (span_is(answer->outcome, REFUSALS[i].outcome)) {
                s->code = -(int)REFUSALS[i].code;
            }
        }
        put_answer(s, answer);
        log_event(LOG_INFO, "turn.stop", "gen=%.*s chat=%.*s outcome=%.*s",
                  SPAN_ARG(answer->generation), SPAN_ARG(answer->chat), SPAN_ARG(answer->outcome));
    }
    if (status != 0) { /* Redis is away: the answer does not wait for the readers then */
        pending_answer_code(&s->pending, status);
    }
    finish_part(s);
}

/* An operator names the tenant; everybody else is of one. */
static void stop(struct api *api, struct http_request *request, const struct id *chat,
                 const struct id *generation, const struct stop_body *body, const char *operated)
{
    struct id key;
    if (!request_idempotency_key(api, request, &key)) {
        return;
    }
    struct stopping *s = pending_new(api, request, sizeof *s, free_stopping);
    if (operated != NULL) {
        (void)snprintf(s->pending.who.tenant, sizeof s->pending.who.tenant, "%s", operated);
    }
    s->chat = chat->text[0] == '\0' ? s->pending.who.chat : *chat; /* a token's: there alone */
    s->generation = *generation;
    s->token = key.text[0] != '\0' ? key : id_mint("req");
    s->all = body->all;
    s->parts_left = 2;
    s->began_us = clock_mono_us();
    s->cut.done = on_cut_done;
    s->cut.arg = s;
    buf_init(&s->answer, ANSWER_MAX);
    struct stop ask = {.tenant = s->pending.who.tenant,
                       .chat = s->chat.text,
                       .generation = s->generation.text,
                       .reason = operated == NULL ? "user" : "operator",
                       .request_token = s->token.text,
                       .seen = body->seen,
                       .all = body->all,
                       .user = s->pending.who.user};
    stop_request(api->bus, &ask, on_stopped, s);
    cut_start(&s->cut, api, s->pending.who.tenant, s->generation.text, s->chat.text);
}

/* The body of a stop; answers and returns false when it is not one. */
static bool take_body(struct http_request *request, struct stop_body *out)
{
    struct span text = SPAN_NONE;
    struct err err;
    if (!request_has_no_query(request) || !request_json(request, &text)) {
        return false;
    }
    if (stop_body_parse(text, out, &err) != 0) {
        http_reply_error(request, &err);
        return false;
    }
    return true;
}

void post_chat_stop(struct http_request *request, void *arg)
{
    struct id chat;
    struct id generation = {.text = ""};
    struct stop_body body;
    if (!request_path_id(request, "chat_id", &chat) || !take_body(request, &body)) {
        return;
    }
    if (body.generation_id.ptr != NULL) {
        generation = id_from(body.generation_id);
    }
    stop(api_of(arg), request, &chat, &generation, &body, NULL);
    stop_body_release(&body);
}

static void stop_generation(struct http_request *request, struct api *api, const char *operated)
{
    struct id generation;
    struct stop_body body;
    if (!request_path_id(request, "generation_id", &generation) || !take_body(request, &body)) {
        return;
    }
    if (body.generation_id.ptr != NULL && !span_is(body.generation_id, generation.text)) {
        struct err err;
        (void)err_set(&err, ERR_BAD_REQUEST, "generation_id", "the path names another one");
        http_reply_error(request, &err);
    } else {
        stop(api, request, &(struct id){.text = ""}, &generation, &body, operated);
    }
    stop_body_release(&body);
}

void post_generation_stop(struct http_request *request, void *arg)
{
    stop_generation(request, api_of(arg), NULL);
}

void post_admin_stop(struct http_request *request, void *arg)
{
    char tenant[ID_TENANT_MAX + 1];
    if (request_path_tenant(request, tenant)) {
        stop_generation(request, api_of(arg), tenant);
    }
}
