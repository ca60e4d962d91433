/* What is asked: a place at the model waited for, the chat's history read, and the request put
 * together. */
#include "bus/turn.h"
#include "stream/answer_inner.h"
#include "stream/history.h"
#include "wire/json.h"

enum {
    UNAVAILABLE_AGAIN_MS = 1000,
    ROOM_FOR_REST = 4 /* messages are kept with more than the model sees: reasoning, metadata */
};

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
    struct cooling *cooling = answers_of(a)->cooling;
    if (cooling_left_ms(cooling, a->conf_model->name) > 0) { /* since it waited for the place */
        place_give(&a->place);
        answer_look_again(a);
        return;
    }
    cooling_probe(cooling, a->conf_model->name);
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
    history_init(&history, view->messages, view->message_count, (size_t)conf->limits_history_bytes);
    size_t cut = view->message_count - history.count;
    struct history_told told = {(int64_t)history.count, view->older + (int64_t)cut};
    if (!conf_model_can(a->conf_model, "image"))
        history_hide_images(&history);
    const struct job *job = &run_claimed(a->run)->job;
    history_add(&history, job->message, job->attachments);
    struct llm_request request = {.messages = history.messages, .message_count = history.count};
    ask(a, &request, told);
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
    } else if (a->place.state == PLACE_HELD) {
        ask_with(a, view);
    }
    run_let_go(run);
}

/* What a turn is to replace, and all behind it, is not shown to the model. */
static void read_history(struct answer *a)
{
    struct worker *worker = run_worker(a->run);
    const struct conf *conf = worker_conf(worker);
    const struct claimed *c = run_claimed(a->run);
    struct id id = {.text = ""};
    if (c->job.replace_from.len > 0 && !id_is_valid(c->job.replace_from)) {
        answer_break(a, ERR_INTERNAL, "The request in the record is damaged.", 0);
        return;
    }
    if (c->job.replace_from.len > 0)
        id = id_from(c->job.replace_from);
    a->is_reading = true;
    run_hold(a->run);
    const struct chat_look look = {
        .tenant = c->tenant,
        .chat = c->chat,
        .limit = (size_t)conf->limits_history_messages,
        .max_bytes = ROOM_FOR_REST * (size_t)conf->limits_history_bytes,
        .before = id.text,
    };
    turn_read_chat(worker_bus(worker), &look, on_history, a);
}

static void on_place(void *arg)
{
    struct answer *a = answer_of(arg);
    if (run_claimed(a->run)->is_stateless)
        ask_stateless(a);
    else if (!a->is_reading)
        read_history(a);
}

/* The place and the history are asked for in one go: both answers come in the same round trip. */
void answer_ask(struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    place_take(answers_of(a)->places, a->conf_model, c->token, &a->place, on_place, a);
    if (a->place.state == PLACE_ASKING && !c->is_stateless)
        read_history(a);
}
