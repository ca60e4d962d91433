/* What is asked: the chat's history read, and the request put together, for the model that the ask
 * has chosen. */
#include "model/history.h"
#include "model/request.h"
#include "stream/answer_inner.h"
#include "wire/json.h"

enum { UNAVAILABLE_AGAIN_MS = 1000 };

struct history_told {
    int64_t sent, left_out;
};

static void put_started(struct answer *a, struct history_told told)
{
    struct buf history;
    buf_init(&history, 256);
    struct json_writer w = json_writer(&history);
    json_open(&w, NULL, '{');
    json_member_int(&w, "sent", told.sent);
    json_member_int(&w, "left_out", told.left_out);
    json_close(&w);
    struct mp_fields f = run_begin_event(a->run, EVENT_STARTED);
    mp_field_str(&f, "model", answer_model(a));
    mp_field_str(&f, "provider_model", span_of(ask_model(a->ask)->model));
    mp_field_int(&f, "attempt", ask_attempt(a->ask));
    mp_field_int(&f, "epoch", run_claimed(a->run)->epoch);
    mp_field_str(&f, "history", buf_as_span(&history));
    run_end_event(a->run, &f);
    buf_release(&history);
}

static void ask_for(struct answer *a, struct llm_request *request, struct history_told told)
{
    const struct claimed *c = run_claimed(a->run);
    a->is_composing = false;
    request->system = request_system(c);
    request->params = c->job.params;
    request->generation = c->generation;
    request->prefill = join_prefill(a->goes_on ? buf_as_span(&a->reply.content.text) : a->seed);
    join_begin(&a->join);
    if (!ask_send(a->ask, request))
        return;
    run_enter(a->run, RUN_CONNECTING);
    put_started(a, told);
}

static void ask_stateless(struct answer *a)
{
    const struct job *job = &run_claimed(a->run)->job;
    struct llm_request request = {.raw_messages = job->messages,
                                  .raw_attachments = job->attachments};
    ask_for(a, &request, (struct history_told){0, 0});
}

static void ask_with(struct answer *a, const struct chat_view *view)
{
    const struct conf *conf = worker_conf(run_worker(a->run));
    const struct job *job = &run_claimed(a->run)->job;
    const struct llm_message message = {
        .role = "user", .content = job->message, .attachments = job->attachments};
    struct history history;
    history_init(&history, view->messages, view->message_count, (size_t)conf->limits_history_bytes);
    size_t cut = view->message_count - history.count;
    struct history_told told = {(int64_t)history.count, view->older + (int64_t)cut};
    if (!conf_model_can(ask_model(a->ask), "image"))
        history_hide_images(&history);
    history_add(&history, &message);
    struct llm_request request = {.messages = history.messages, .message_count = history.count};
    ask_for(a, &request, told);
    history_release(&history);
}

/* The place may not be ours yet: then the history is read again when it is, for it is not kept. */
static void on_history(int status, const struct chat_view *view, void *arg)
{
    struct answer *a = answer_of(arg);
    struct run *run = a->run;
    a->is_reading = false;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status == -ERR_UNAVAILABLE) {
        answer_give_back(a, UNAVAILABLE_AGAIN_MS);
    } else if (status != 0) {
        answer_break(a, ERR_INTERNAL, "The chat's record is damaged.", 0);
    } else if (a->is_composing) {
        ask_with(a, view);
    }
    run_let_go(run);
}

static void read_history(struct answer *a)
{
    if (request_read_chat(run_worker(a->run), run_claimed(a->run), on_history, a) != 0) {
        answer_break(a, ERR_INTERNAL, "The request in the record is damaged.", 0);
        return;
    }
    a->is_reading = true;
    run_hold(a->run);
}

/* The place and the history are asked for in one go: both answers come in the same round trip. */
void on_ask_ahead(void *arg)
{
    struct answer *a = answer_of(arg);
    if (!run_claimed(a->run)->is_stateless && !a->is_reading)
        read_history(a);
}

void on_ask_compose(const struct conf_model *model, void *arg)
{
    struct answer *a = answer_of(arg);
    (void)model; /* it is asked for when the history is there */
    a->is_composing = true;
    if (run_claimed(a->run)->is_stateless)
        ask_stateless(a);
    else if (!a->is_reading)
        read_history(a);
}

/* A longer wait than a second holds no slot. */
bool on_ask_wait(int64_t wait_ms, void *arg)
{
    answer_give_back(answer_of(arg), wait_ms);
    return false;
}

/* A reply that goes on does so with the model that began it. */
void answer_try(struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    const struct conf *conf = worker_conf(run_worker(a->run));
    const struct ask_wants wants = {
        .model = a->goes_on ? span_of(a->shown.model) : request_model(conf, c),
        .has_images = request_has_images(&c->job),
        .has_tools = request_has_tools(&c->job),
        .has_prefill = a->seed.len > 0,
        .is_bound = a->goes_on,
    };
    struct err err;
    if (ask_start(a->ask, &wants, &err) != 0)
        answer_break(a, (int)err.code, err.message, 0);
}
