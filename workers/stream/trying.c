/* Which model is asked next, and when: the only loop of retries. A wait of up to a second is waited
 * in the slot; for a longer one the generation goes back to the queue, with a note of what was
 * tried. Nothing is tried again once this claim has put a piece of a reply. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "stream/answer_inner.h"
#include "wire/json.h"
#include <stdio.h>
#include <stdlib.h>

enum { IN_SLOT_MS = 1000 };

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

static bool has_image(struct span attachments)
{
    struct json_walk walk = json_walk_array(attachments);
    struct span name, item;
    while (json_walk_next(&walk, &name, &item))
        if (span_is(json_raw(item, "type"), "\"image\""))
            return true;
    return false;
}

static bool has_image_part(struct span messages)
{
    struct json_walk walk = json_walk_array(messages);
    struct span name, message, part;
    while (json_walk_next(&walk, &name, &message)) {
        struct json_walk parts = json_walk_array(json_raw(message, "content"));
        while (json_walk_next(&parts, &name, &part))
            if (json_raw(part, "image_url").ptr != NULL)
                return true;
    }
    return false;
}

/* A fallback must be able to do what the request needs. */
static bool is_fit(const struct answer *a, const struct conf_model *m)
{
    const struct job *job = &run_claimed(a->run)->job;
    bool has_images = has_image(job->attachments) || has_image_part(job->messages);
    if (has_images && !conf_model_can(m, "image"))
        return false;
    if (job->params.len > 0 && json_raw(job->params, "tools").len > 0 &&
        !conf_model_can(m, "tools"))
        return false;
    return a->seed.len == 0 || conf_model_can(m, "prefill");
}

static void add_models(struct answer *a, const struct conf *conf, const struct conf_model *first)
{
    attempts_add(&a->attempts, span_of(first->name));
    for (size_t i = 0; i < first->fallbacks.count; i++) {
        struct span name = span_of(first->fallbacks.items[i]);
        const struct conf_model *m = conf_find_model(conf, name);
        if (m != NULL && is_fit(a, m))
            attempts_add(&a->attempts, name);
    }
}

void answer_note(struct answer *a)
{
    struct buf note;
    if (a->attempts.count == 0)
        return; /* nothing was tried */
    spending_lose(&a->spending, &a->reply);
    a->attempts.lost_input = a->spending.lost_input;
    a->attempts.lost_output = a->spending.lost_output;
    a->attempts.epoch = run_claimed(a->run)->epoch;
    buf_init(&note, 4096);
    attempts_write(&a->attempts, &note);
    if (buf_error(&note) == 0)
        run_note(a->run, buf_as_span(&note));
    buf_release(&note);
}

/* Until the queue would have given up on it, counted from the first failure or wait. */
static int64_t left_ms(const struct answer *a)
{
    const struct conf *conf = worker_conf(run_worker(a->run));
    int64_t limit_ms = strcmp(run_claimed(a->run)->lane, "stream.batch") == 0
                           ? conf->queue_batch_timeout
                           : conf->queue_interactive_timeout;
    int64_t since_ms = a->attempts.since_ms;
    if (since_ms == 0)
        since_ms = clock_wall_ms();
    return since_ms + limit_ms - clock_wall_ms();
}

static int64_t next_wait_ms(struct answer *a, bool is_failed)
{
    int64_t cooling_ms[ATTEMPTS_MODELS];
    for (size_t i = 0; i < a->attempts.count; i++)
        cooling_ms[i] = cooling_left_ms(answers_of(a)->cooling, a->attempts.models[i].name);
    const struct attempts_ask ask = {cooling_ms, is_failed, arc4random(), left_ms(a)};
    return attempts_next(&a->attempts, &ask);
}

static bool use_model(struct answer *a, struct span name)
{
    const struct conf_model *m = conf_find_model(worker_conf(run_worker(a->run)), name);
    if (m == NULL)
        return false; /* a reload took it away */
    conf_model_free(a->conf_model);
    struct conf_model *own = a->conf_model = conf_model_copy(m);
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
    return true;
}

static void ask_now(struct answer *a)
{
    struct span name = span_of(a->attempts.models[a->attempts.at].name);
    if (!use_model(a, name)) {
        answer_break(a, ERR_PROVIDER_REFUSED, "The model is no longer configured.", 0);
        return;
    }
    answer_ask(a);
}

static void ask_in(struct answer *a, int64_t wait_ms)
{
    if (wait_ms > 0 && a->attempts.since_ms == 0)
        a->attempts.since_ms = clock_wall_ms(); /* who only ever waits has an end, too */
    if (wait_ms == 0)
        ask_now(a);
    else if (wait_ms <= IN_SLOT_MS)
        timer_start(&a->wait, wait_ms);
    else
        answer_give_back(a, wait_ms);
}

static void give_up(struct answer *a)
{
    if (a->failure.code != 0)
        answer_break(a, a->failure.code, a->failure.message, a->failure.provider_status);
    else
        answer_break(a, ERR_PROVIDER_RATE_LIMITED,
                     "The provider asks for more patience than there is.", 0);
}

/* Nothing failed meanwhile, but the model may cool, or be probed by another. */
void answer_look_again(struct answer *a)
{
    int64_t wait_ms = next_wait_ms(a, false);
    if (wait_ms < 0)
        give_up(a);
    else
        ask_in(a, wait_ms);
}

void on_answer_wait(void *arg)
{
    struct answer *a = answer_of(arg);
    if (!run_is_over(a->run))
        answer_look_again(a);
}

void answer_failed(struct answer *a)
{
    const struct llm_failure *failure = &a->failure;
    struct span was = answer_model(a);
    bool may_try = !a->has_output && failure->is_retryable;
    if (failure->is_retryable && failure->retry_after_ms > 0)
        cooling_start(answers_of(a)->cooling, a->conf_model->name, failure->retry_after_ms);
    int64_t wait_ms = -1;
    if (may_try) {
        attempts_failed(&a->attempts, clock_wall_ms());
        wait_ms = next_wait_ms(a, true);
    }
    log_event(LOG_INFO, "run.attempt",
              "gen=%s model=%.*s failed=%lld code=%s status=%d retry_after_ms=%lld wait_ms=%lld "
              "next=%s",
              run_claimed(a->run)->generation, SPAN_ARG(was), (long long)a->attempts.made,
              err_name(failure->code), failure->provider_status, (long long)failure->retry_after_ms,
              (long long)wait_ms, wait_ms < 0 ? "-" : a->attempts.models[a->attempts.at].name);
    if (wait_ms < 0) {
        give_up(a);
        return;
    }
    metric_add(METRIC_PROVIDER_RETRIES, 1);
    answer_note(a);
    ask_in(a, wait_ms);
}

/* A reply that goes on does so with the model that began it. */
static const struct conf_model *first_model(struct answer *a, const struct conf *conf)
{
    if (a->goes_on)
        return conf_find_model(conf, span_of(a->shown.model));
    return choose_model(conf, run_claimed(a->run));
}

void answer_try(struct answer *a)
{
    const struct conf *conf = worker_conf(run_worker(a->run));
    const struct claimed *c = run_claimed(a->run);
    const struct conf_model *first = first_model(a, conf);
    char message[256];
    if (first == NULL) {
        struct span name = c->job.model.len > 0 ? c->job.model : SPAN_LIT("default");
        (void)snprintf(message, sizeof message,
                       "There is no model \"%.*s\" in the worker's configuration.",
                       SPAN_ARG(name)); /* a long name is cut */
        answer_break(a, ERR_PROVIDER_REFUSED, message, 0);
        return;
    }
    if (a->goes_on)
        attempts_add(&a->attempts, span_of(first->name));
    else
        add_models(a, conf, first);
    attempts_read(&a->attempts, span_of(c->attempt)); /* once more, now for these models */
    answer_look_again(a);
}
