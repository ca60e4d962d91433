/* One generation as one model call: a place at the model, the chat's history, the call, its end.
 * Invariant: at most one of the three is under way, and none once the run is over, but for a call
 * that is read on silently for its usage. */
#include "stream/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/num.h"
#include "bus/turn.h"
#include "common/run.h"
#include "common/worker.h"
#include "llm/llm.h"
#include "stream/history.h"
#include "stream/places.h"
#include "stream/reply.h"
#include "wire/json.h"
#include "wire/limits.h"
#include <stdio.h>

enum { ANSWER_MAGIC = 0x616e7377, UNAVAILABLE_AGAIN_MS = 1000 };

struct answer {
    uint32_t magic;
    struct run *run;
    const struct conf_model *conf_model;
    struct llm_model model; /* borrows from conf_model */
    struct place place;
    struct llm_call *call; /* NULL: none is open */
    struct reply reply;
    struct usage usage; /* when no call is open */
    bool was_asked;     /* a request went out to the provider */
    bool is_silent;     /* the run is over: only the usage is of interest */
};

static struct answer *answer_of(void *arg)
{
    struct answer *a = arg;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return a;
}

/* Ends. */

static struct usage usage_now(const struct answer *a)
{
    if (a->call == NULL)
        return a->usage;
    return a->was_asked ? llm_usage(a->call) : a->usage;
}

/* The call is over, or is closed now. */
static void call_ended(struct answer *a, struct usage usage)
{
    if (a->was_asked)
        a->usage = usage;
    a->call = NULL;
    metric_add(METRIC_PROVIDER_OPEN, -1);
    place_give(&a->place);
}

static void cancel_call(struct answer *a)
{
    struct llm_call *call = a->call;
    if (call == NULL)
        return;
    struct usage usage = llm_usage(call);
    llm_cancel(call);
    call_ended(a, usage);
}

static struct span system_of(const struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    return c->job.system.ptr != NULL ? c->job.system : span_of(c->chat_system);
}

static struct span model_of(const struct answer *a)
{
    return a->conf_model == NULL ? SPAN_NONE : span_of(a->conf_model->name);
}

static void end_broken(struct answer *a, const char *state, int code, const char *message,
                       int provider_status)
{
    a->usage.is_settled = true;
    const struct run_end end = {
        .state = state,
        .usage = a->usage,
        .code = code,
        .message = message,
        .provider_status = provider_status,
        .is_resumable = !a->reply.has_calls, /* a call that was begun may have taken effect */
        .model = model_of(a),
        .system = system_of(a),
    };
    run_finish(a->run, &end);
}

static void end_refused(struct answer *a, const char *message)
{
    end_broken(a, "failed", ERR_PROVIDER_REFUSED, message, 0);
}

static void end_too_large(struct answer *a)
{
    cancel_call(a);
    end_broken(a, "failed", ERR_OUTPUT_LIMIT, NULL, 0);
}

static void end_done(struct answer *a, const char *finish_reason)
{
    const struct claimed *c = run_claimed(a->run);
    struct buf reply, output;
    buf_init(&reply, LIMIT_MP_BYTES);
    buf_init(&output, LIMIT_MP_BYTES);
    if (c->is_stateless)
        reply_put_output(&output, &a->reply);
    else
        reply_put_message(&reply, &a->reply,
                          &(struct reply_facts){.id = span_of(c->message_id),
                                                .generation = span_of(c->generation),
                                                .model = model_of(a),
                                                .finish_reason = span_of(finish_reason),
                                                .created_at_ms = clock_wall_ms(),
                                                .usage = a->usage});
    const struct run_end end = {
        .state = "done",
        .usage = a->usage,
        .finish_reason = span_of(finish_reason),
        .reply = c->is_stateless ? SPAN_NONE : buf_as_span(&reply),
        .output = c->is_stateless ? buf_as_span(&output) : SPAN_NONE,
        .model = model_of(a),
        .system = system_of(a),
    };
    if (buf_error(&reply) != 0 || buf_error(&output) != 0)
        end_broken(a, "failed", ERR_OUTPUT_LIMIT, NULL, 0);
    else
        run_finish(a->run, &end);
    buf_release(&reply);
    buf_release(&output);
}

/* The call's hooks. */

static void on_connected(void *arg)
{
    struct answer *a = answer_of(arg);
    a->was_asked = true;
    if (!a->is_silent)
        run_enter(a->run, RUN_PREFILL);
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct answer *a = answer_of(arg);
    if (a->is_silent)
        return;
    metric_add(METRIC_TOKENS_OUT, 1);
    run_enter(a->run, RUN_STREAMING);
    if (run_put_piece(a->run, piece) != 0)
        end_too_large(a);
    else
        reply_put_piece(&a->reply, piece);
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct answer *a = answer_of(arg);
    struct call_piece dated = *call;
    if (a->is_silent)
        return;
    metric_add(METRIC_TOKENS_OUT, 1);
    run_enter(a->run, RUN_STREAMING);
    if (call->kind == EVENT_TOOL_CALL)
        dated.at_ms = clock_wall_ms();
    if (run_put_call(a->run, &dated) != 0)
        end_too_large(a);
    else
        reply_put_call(&a->reply, &dated);
}

static void on_done(const struct llm_result *result, void *arg)
{
    struct answer *a = answer_of(arg);
    call_ended(a, result->usage);
    a->usage.is_settled = true;
    if (a->is_silent)
        run_closed(a->run);
    else
        end_done(a, result->finish_reason);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct answer *a = answer_of(arg);
    bool may_go_on = run_has_shown(a->run) && failure->code != -ERR_OUTPUT_LIMIT;
    metric_add(METRIC_PROVIDER_ERRORS, 1);
    call_ended(a, failure->usage);
    a->usage.is_settled = true;
    if (a->is_silent)
        run_closed(a->run);
    else
        end_broken(a, may_go_on ? "interrupted" : "failed", failure->code, failure->message,
                   failure->provider_status);
}

/* Asking. */

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
    mp_field_str(&f, "model", model_of(a));
    mp_field_str(&f, "provider_model", span_of(a->conf_model->model));
    mp_field_int(&f, "attempt", attempt);
    mp_field_int(&f, "epoch", c->epoch);
    mp_field_str(&f, "history", buf_as_span(&history));
    run_end_event(a->run, &f);
    buf_release(&history);
}

static void ask(struct answer *a, struct llm_request *request, struct history_told told)
{
    static const struct llm_hooks hooks = {.on_connected = on_connected,
                                           .on_piece = on_piece,
                                           .on_call = on_call,
                                           .on_done = on_done,
                                           .on_failed = on_failed};
    struct worker *worker = run_worker(a->run);
    const struct claimed *c = run_claimed(a->run);
    struct llm_hooks mine = hooks;
    struct err err;
    mine.arg = a;
    request->system = system_of(a);
    request->params = c->job.params;
    request->generation = c->generation;
    if (llm_start(worker_loop(worker), worker_fetcher(worker), &a->model, request, &mine, &a->call,
                  &err) != 0) {
        end_refused(a, err.message);
        return;
    }
    metric_add(METRIC_PROVIDER_REQUESTS, 1);
    metric_add(METRIC_PROVIDER_OPEN, 1);
    run_enter(a->run, RUN_CONNECTING);
    put_started(a, told);
}

static void ask_stateless(struct answer *a)
{
    struct llm_request request = {.raw_messages = run_claimed(a->run)->job.messages};
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
    history_add(&history, run_claimed(a->run)->job.message);
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
        place_give(&a->place);
        run_release(run, UNAVAILABLE_AGAIN_MS);
    } else {
        place_give(&a->place);
        end_broken(a, "failed", ERR_INTERNAL, "The chat's record is damaged.", 0);
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

/* The work. */

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

static void answer_start(void *work)
{
    struct answer *a = answer_of(work);
    struct worker *worker = run_worker(a->run);
    const struct claimed *c = run_claimed(a->run);
    const struct conf_model *m = choose_model(worker_conf(worker), c);
    char message[256];
    if (m == NULL) {
        (void)snprintf(message, sizeof message,
                       "There is no model %.*s in the worker's configuration.",
                       SPAN_ARG(c->job.model));
        end_refused(a, message);
        return;
    }
    a->conf_model = m;
    a->model = (struct llm_model){
        .format = m->provider,
        .base_url = m->base_url,
        .key = m->key,
        .model = m->model,
        .connect_ms = m->connect_ms,
        .first_byte_ms = m->first_byte_ms,
        .first_token_ms = m->first_token_ms,
        .idle_ms = m->idle_ms,
        .total_ms = m->total_ms,
    };
    if (place_take(worker_shared(worker), m, &a->place, on_place, a))
        on_place(a);
}

static bool answer_stop(void *work, bool read_on)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    if (read_on && a->call != NULL && a->was_asked) {
        llm_resume(a->call);
        return false;
    }
    cancel_call(a);
    place_give(&a->place);
    return true;
}

static void answer_hold(void *work, bool is_held)
{
    struct answer *a = answer_of(work);
    if (a->call == NULL)
        return;
    if (is_held)
        llm_pause(a->call);
    else
        llm_resume(a->call);
}

static struct usage answer_usage(const void *work)
{
    const struct answer *a = work;
    CHECK_MAGIC(a, ANSWER_MAGIC);
    return usage_now(a);
}

static void *answer_new(struct run *run)
{
    struct answer *a = MEM_NEW(struct answer);
    const struct conf *conf = worker_conf(run_worker(run));
    a->magic = ANSWER_MAGIC;
    a->run = run;
    /* An earlier claim may have asked: then nobody knows. */
    a->usage = run_claimed(run)->epoch == 1 ? usage_none() : usage_unknown();
    reply_init(&a->reply, 8 * (size_t)conf->limits_output); /* calls are kept as JSON */
    return a;
}

static void answer_free(void *work)
{
    struct answer *a = answer_of(work);
    a->is_silent = true;
    place_drop(&a->place); /* held in the teardown only, where nobody shall be served */
    cancel_call(a);
    reply_release(&a->reply);
    a->magic = 0;
    mem_free(a);
}

static void *shared_new(struct worker *worker)
{
    if (worker_conf(worker)->model_count == 0)
        log_event(LOG_WARN, "worker.no_model", "hint=models");
    return places_new(worker_conf(worker));
}

static void shared_free(void *shared)
{
    places_free(shared);
}

const struct work answer_work = {
    .kind = "stream",
    .program = "sluice-stream-worker",
    .summary =
        "Runs generations: takes them from the queue, streams the model's output into Redis.",
    .shared_new = shared_new,
    .shared_free = shared_free,
    .work_new = answer_new,
    .work_start = answer_start,
    .work_stop = answer_stop,
    .work_hold = answer_hold,
    .work_usage = answer_usage,
    .work_free = answer_free,
};
