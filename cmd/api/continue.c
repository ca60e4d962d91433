/* POST /v1/generations/{id}/continue: an interrupted generation whose log is kept is gone on from.
 * A new one with the same request begins, whose reply starts with the text that was shown. Asked
 * one after the other: the old record, its log, begin. */
#include "api/again.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/output.h"
#include "api/request.h"
#include "api/start.h"
#include "bus/log.h"
#include "wire/event.h"
#include "wire/limits.h"

#include <stdio.h>

struct continuation {
    struct start start; /* first; its body's spans point into what is below */
    struct id old;
    struct continue_body body;
    struct again again;
    struct id model;      /* that spoke last */
    struct output output; /* of the old one */
    struct buf text;
    int64_t read;       /* events of the log */
    int64_t barrier_at; /* seq of the first shown event that no text can follow; 0: none */
};

static struct continuation *continuation_of(void *arg)
{
    return pending_of(arg);
}

static void free_continuation(struct pending *pending)
{
    struct continuation *c = (struct continuation *)pending;
    start_release(pending);
    continue_body_release(&c->body);
    again_release(&c->again);
    output_release(&c->output);
    buf_release(&c->text);
}

static void refuse(struct continuation *c, const char *why)
{
    struct err err;
    (void)err_set(&err, ERR_CANNOT_CONTINUE, NULL, "generation %s %s", c->old.text, why);
    pending_reply_error(&c->start.pending, &err);
}

static void begin(struct continuation *c)
{
    const struct conf *conf = c->start.pending.api->conf;
    struct span name = c->model.text[0] != '\0' ? span_of(c->model.text) : c->start.body.model;
    const struct conf_model *model = conf_find_model(conf, name);
    bool has_text = output_text(&c->output, &c->text);
    if (c->barrier_at > 0) {
        refuse(c, "called a tool or refused to answer: no text can follow that");
    } else if (has_text && (model == NULL || !conf_model_can(model, "prefill"))) {
        refuse(c, "was answered by a model that is not declared for prefill");
    } else {
        c->start.body.model = model == NULL ? c->start.body.model : name;
        if (start_compose(&c->start, has_text ? buf_as_span(&c->text) : SPAN_NONE)) {
            start_begin(&c->start);
        } else {
            (void)pending_failed(&c->start.pending, -ERR_TOO_LARGE); /* it is one */
        }
    }
}

/* A tool call may have taken effect, and a refusal is no answer; a reset voids them as it does
 * text. */
static void look(struct continuation *c, struct span bytes)
{
    struct event_view e;
    if (event_open(bytes, &e) != 0) {
        return;
    }
    bool is_barrier =
        e.kind == EVENT_TOOL_CALL || e.kind == EVENT_TOOL_CALL_DELTA || e.kind == EVENT_REFUSAL;
    if (is_barrier && c->barrier_at == 0) {
        c->barrier_at = e.seq;
    } else if (e.kind == EVENT_RESET &&
               mp_int(mp_get(event_fields(&e), "after"), 0) < c->barrier_at) {
        c->barrier_at = 0;
    } else if (e.kind == EVENT_STARTED) {
        struct span model = mp_str(mp_get(event_fields(&e), "model"), SPAN_NONE);
        (void)snprintf(c->model.text, sizeof c->model.text, "%.*s", SPAN_ARG(model));
    }
    event_close(&e);
}

static void on_log(int status, const struct log_page *page, void *arg);

static void read_log(struct continuation *c)
{
    struct pending *p = &c->start.pending;
    log_read(p->api->bus, p->who.tenant, c->old.text, c->read, LIMIT_READ_PAGE, on_log, c);
}

static void on_log(int status, const struct log_page *page, void *arg)
{
    struct continuation *c = continuation_of(arg);
    if (status != 0 || page == NULL || page->is_gone) {
        status = status != 0 ? status : page == NULL ? -ERR_NOT_FOUND : -ERR_GONE;
        (void)pending_failed(&c->start.pending, status); /* it is one */
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        look(c, page->events[i]);
        output_add(&c->output, page->events[i]);
    }
    c->read += (int64_t)page->count;
    if (page->count > 0 && c->read < page->length) {
        read_log(c);
    } else {
        begin(c);
    }
}

static void on_record_read(int status, const struct field *fields, size_t count, void *arg)
{
    struct continuation *c = continuation_of(arg);
    if (status == 0 && count == 0) {
        status = -ERR_NOT_FOUND;
    }
    if (pending_failed(&c->start.pending, status)) {
        return;
    }
    if (field_find(fields, count, "graph").len > 0) {
        refuse(c, "was a graph's: its steps are not gone on from by hand");
    } else if (!span_is(field_find(fields, count, "state"), "interrupted")) {
        refuse(c, "was not interrupted");
    } else if (!span_is(field_find(fields, count, "resumable"), "1")) {
        refuse(c, "is not resumable");
    } else if (!pending_failed(&c->start.pending,
                               again_take(&c->again, &c->start, fields, count))) {
        c->start.body.generation_id = c->body.generation_id;
        read_log(c);
    }
}

static void start(struct api *api, struct http_request *request, const struct id *old,
                  struct span text, const struct continue_body *body, const struct id *key)
{
    struct continuation *c = start_new(api, request, sizeof *c, free_continuation);
    const struct span parts[] = {SPAN_LIT("continue"), span_of(old->text), text,
                                 span_of(c->start.pending.who.user)};
    c->old = *old;
    c->body = *body;
    c->start.form = start_form(request, body->wants_record);
    c->start.idempotency_key = *key;
    c->start.hash = digest_of(parts, 4);
    output_init(&c->output, 2 * (size_t)api->conf->limits_output);
    buf_init(&c->text, LIMIT_MP_BYTES);
    turn_read_record(api->bus, c->start.pending.who.tenant, old->text, on_record_read, c);
}

void post_continue(struct http_request *request, void *arg)
{
    struct span text = SPAN_NONE;
    struct id old, key;
    struct continue_body body;
    struct err err;
    if (!request_path_id(request, "generation_id", &old) || !request_has_no_query(request) ||
        !request_json(request, &text) || !request_idempotency_key(api_of(arg), request, &key)) {
        return;
    }
    if (continue_body_parse(text, &body, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    start(api_of(arg), request, &old, text, &body, &key);
}
