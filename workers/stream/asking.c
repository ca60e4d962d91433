/* What is asked: a place at the model waited for, the chat's history read, and the request put
 * together. */
#include "base/num.h"
#include "bus/turn.h"
#include "stream/answer_inner.h"
#include "stream/history.h"
#include "wire/json.h"

enum { UNAVAILABLE_AGAIN_MS = 1000 };

struct history_told {
    int64_t sent, left_out;
};

/* A claim that was lost without a note counts as one attempt. */
static int64_t attempt_number(const struct answer *a)
{
    int64_t epoch = run_claimed(a->run)->epoch;
    int64_t noted = a->attempts.epoch;
    return a->attempts.made + 1 + (epoch > noted + 1 ? epoch - noted - 1 : 0);
}

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
    mp_field_str(&f, "provider_model", span_of(a->conf_model->model));
    mp_field_int(&f, "attempt", attempt_number(a));
    mp_field_int(&f, "epoch", run_claimed(a->run)->epoch);
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
    request->prefill = join_prefill(a->goes_on ? buf_as_span(&a->reply.content.text) : a->seed);
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
    if (!conf_model_can(a->conf_model, "image"))
        history_hide_images(&history);
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
        answer_break(a, ERR_INTERNAL, "The chat's record is damaged.", 0);
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

void answer_ask(struct answer *a)
{
    if (place_take(answers_of(a)->places, a->conf_model, &a->place, on_place, a))
        on_place(a);
}
