/* What is asked, and of which model: the model chosen, a place there waited for, the chat's history
 * read, and the request put together. */
#include "base/num.h"
#include "bus/turn.h"
#include "stream/answer_inner.h"
#include "stream/history.h"
#include "wire/json.h"
#include <stdio.h>

enum { UNAVAILABLE_AGAIN_MS = 1000 };

struct span answer_system(const struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    return c->job.system.ptr != NULL ? c->job.system : span_of(c->chat_system);
}

struct span answer_model(const struct answer *a)
{
    return a->conf_model == NULL ? SPAN_NONE : span_of(a->conf_model->name);
}

struct history_told {
    int64_t sent, left_out;
};

static void put_started(struct answer *a, struct history_told told)
{
    const struct claimed *c = run_claimed(a->run);
    int64_t attempt;
    struct buf history;
    if (num_parse_i64(span_of(c->attempt), &attempt) != 0)
        attempt = c->epoch;
    buf_init(&history, 256);
    struct json_writer w = json_writer(&history);
    json_open(&w, NULL, '{');
    json_member_int(&w, "sent", told.sent);
    json_member_int(&w, "left_out", told.left_out);
    json_close(&w);
    struct mp_fields f = run_begin_event(a->run, EVENT_STARTED);
    mp_field_str(&f, "model", answer_model(a));
    mp_field_str(&f, "provider_model", span_of(a->conf_model->model));
    mp_field_int(&f, "attempt", attempt);
    mp_field_int(&f, "epoch", c->epoch);
    mp_field_str(&f, "history", buf_as_span(&history));
    run_end_event(a->run, &f);
    buf_release(&history);
}

static void ask(struct answer *a, struct llm_request *request, struct history_told told)
{
    const struct claimed *c = run_claimed(a->run);
    request->system = answer_system(a);
    request->params = c->job.params;
    request->generation = c->generation;
    answer_call(a, request);
    if (!run_is_over(a->run))
        put_started(a, told);
}

static void ask_stateless(struct answer *a)
{
    const struct job *job = &run_claimed(a->run)->job;
    struct llm_request request = {.raw_messages = job->messages,
                                  .raw_attachments = job->attachments};
    ask(a, &request, (struct history_told){0, 0});
}

static void ask_with(struct answer *a, const struct chat_view *view)
{
    const struct conf *conf = worker_conf(run_worker(a->run));
    struct history history;
    struct span count = field_find(view->record, view->record_count, "message_count");
    int64_t all;
    if (num_parse_i64(count, &all) != 0)
        all = (int64_t)view->message_count;
    history_init(&history, view->messages, view->message_count, (size_t)conf->limits_history_bytes);
    struct history_told told = {(int64_t)history.count, all - (int64_t)history.count};
    if (told.left_out < 0)
        told.left_out = 0;
    const struct job *job = &run_claimed(a->run)->job;
    history_add(&history, job->message, job->attachments);
    struct llm_request request = {.messages = history.messages, .message_count = history.count};
    ask(a, &request, told);
    history_release(&history);
}

static void on_history(int status, const struct chat_view *view, void *arg)
{
    struct answer *a = answer_of(arg);
    struct run *run = a->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status == 0) {
        ask_with(a, view);
    } else if (status == -ERR_UNAVAILABLE) {
        answer_give_back(a, UNAVAILABLE_AGAIN_MS);
    } else {
        answer_fail(a, ERR_INTERNAL, "The chat's record is damaged.");
    }
    run_let_go(run);
}

static void on_place(void *arg)
{
    struct answer *a = answer_of(arg);
    struct worker *worker = run_worker(a->run);
    const struct claimed *c = run_claimed(a->run);
    if (c->is_stateless) {
        ask_stateless(a);
        return;
    }
    run_hold(a->run);
    turn_read_chat(worker_bus(worker), c->tenant, c->chat,
                   (size_t)worker_conf(worker)->limits_history_messages, "", on_history, a);
}

/* The request's; else the chat's last, while that is still configured; else the configuration's. */
static const struct conf_model *choose_model(const struct conf *conf, const struct claimed *c)
{
    const struct conf_model *model = NULL;
    if (c->job.model.len > 0)
        return conf_find_model(conf, c->job.model);
    if (c->chat_model != NULL)
        model = conf_find_model(conf, span_of(c->chat_model));
    return model != NULL ? model : conf_find_model(conf, SPAN_NONE);
}

void answer_ask(struct answer *a)
{
    struct worker *worker = run_worker(a->run);
    const struct claimed *c = run_claimed(a->run);
    const struct conf_model *m = choose_model(worker_conf(worker), c);
    char message[256];
    if (m == NULL) {
        struct span name = c->job.model.len > 0 ? c->job.model : SPAN_LIT("default");
        (void)snprintf(message, sizeof message,
                       "There is no model \"%.*s\" in the worker's configuration.",
                       SPAN_ARG(name)); /* a long name is cut */
        answer_fail(a, ERR_PROVIDER_REFUSED, message);
        return;
    }
    struct conf_model *own = conf_model_copy(m);
    a->conf_model = own;
    a->model = (struct llm_model){
        .format = own->provider,
        .base_url = own->base_url,
        .key = own->key,
        .model = own->model,
        .connect_ms = own->connect_ms,
        .first_byte_ms = own->first_byte_ms,
        .first_token_ms = own->first_token_ms,
        .idle_ms = own->idle_ms,
        .total_ms = own->total_ms,
    };
    if (place_take(worker_shared(worker), m, &a->place, on_place, a))
        on_place(a);
}
