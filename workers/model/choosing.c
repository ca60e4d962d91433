/* Which model is asked next, and when: the only loop of retries. A wait of up to a second is waited
 * in place; a longer one is the owner's choice. Nothing is tried again once a piece of the answer
 * has come. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "llm/format.h"
#include "model/ask_inner.h"
#include "model/request.h"
#include <stdlib.h>

enum { IN_PLACE_MS = 1000 };

static const struct conf *conf_of(const struct ask *ask)
{
    return worker_conf(ask->desk->worker);
}

/* A fallback must be able to do what the request needs. */
static bool is_fit(const struct ask_wants *wants, const struct conf_model *m)
{
    return (!wants->has_images || conf_model_can(m, "image")) &&
           (!wants->has_tools || conf_model_can(m, "tools")) &&
           (!wants->has_prefill || conf_model_can(m, "prefill"));
}

static void add_models(struct ask *ask, const struct ask_wants *wants,
                       const struct conf_model *first)
{
    attempts_add(&ask->attempts, span_of(first->name));
    for (size_t i = 0; i < first->fallbacks.count && !wants->is_bound; i++) {
        struct span name = span_of(first->fallbacks.items[i]);
        const struct conf_model *m = conf_find_model(conf_of(ask), name);
        if (m != NULL && is_fit(wants, m))
            attempts_add(&ask->attempts, name);
    }
}

/* Until the queue would have given up on it, counted from the first failure or wait. */
static int64_t left_ms(const struct ask *ask)
{
    int64_t since_ms = ask->attempts.since_ms;
    if (since_ms == 0)
        since_ms = clock_wall_ms();
    return since_ms + request_patience_ms(conf_of(ask), ask->claimed) - clock_wall_ms();
}

static int64_t next_wait_ms(struct ask *ask, bool is_failed)
{
    int64_t cooling_ms[ATTEMPTS_MODELS];
    for (size_t i = 0; i < ask->attempts.count; i++)
        cooling_ms[i] = cooling_left_ms(ask->desk->cooling, ask->attempts.models[i].name);
    const struct attempts_ask now = {cooling_ms, is_failed, arc4random(), left_ms(ask)};
    return attempts_next(&ask->attempts, &now);
}

/* Ends. */

static void end_failed(struct ask *ask, const struct llm_failure *failure)
{
    ask_cancel(ask);
    ask->hooks.on_failed(failure, ask->hooks.arg);
}

void ask_fail(struct ask *ask, int code, const char *message)
{
    struct llm_failure failure = {.retry_after_ms = -1, .usage = usage_unknown()};
    (void)failure_set(&failure, code, "%s", message); /* it returns the code */
    end_failed(ask, &failure);
}

static void give_up(struct ask *ask)
{
    const struct llm_failure failure = ask->failure; /* the hook may free the ask */
    if (failure.code != 0)
        end_failed(ask, &failure);
    else
        ask_fail(ask, -ERR_PROVIDER_RATE_LIMITED,
                 "The provider asks for more patience than there is.");
}

/* The next request. */

static bool use_model(struct ask *ask, struct span name)
{
    const struct conf_model *m = conf_find_model(conf_of(ask), name);
    if (m == NULL)
        return false; /* a reload took it away */
    conf_model_free(ask->conf_model);
    struct conf_model *own = ask->conf_model = conf_model_copy(m);
    ask->model = (struct llm_model){
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

static void on_place(void *arg)
{
    struct ask *ask = ask_of(arg);
    ask->hooks.on_compose(ask->conf_model, ask->hooks.arg);
}

static void go_to_model(struct ask *ask)
{
    struct span name = span_of(ask->attempts.models[ask->attempts.at].name);
    if (!use_model(ask, name)) {
        ask_fail(ask, -ERR_PROVIDER_REFUSED, "The model is no longer configured.");
        return;
    }
    place_take(ask->desk->places, ask->conf_model, ask->holder, &ask->place, on_place, ask);
    if (ask->place.state == PLACE_ASKING && ask->hooks.on_ahead != NULL)
        ask->hooks.on_ahead(ask->hooks.arg);
}

static void go_in(struct ask *ask, int64_t wait_ms)
{
    if (wait_ms > 0 && ask->attempts.since_ms == 0)
        ask->attempts.since_ms = clock_wall_ms(); /* who only ever waits has an end, too */
    if (wait_ms == 0)
        go_to_model(ask);
    else if (wait_ms <= IN_PLACE_MS || ask->hooks.on_wait == NULL ||
             ask->hooks.on_wait(wait_ms, ask->hooks.arg))
        timer_start(&ask->wait, wait_ms);
}

/* Nothing failed meanwhile, but the model may cool, or be probed by another. */
void ask_look_again(struct ask *ask)
{
    int64_t wait_ms = next_wait_ms(ask, false);
    if (wait_ms < 0)
        give_up(ask);
    else
        go_in(ask, wait_ms);
}

void on_ask_due(void *arg)
{
    ask_look_again(ask_of(arg));
}

int ask_start(struct ask *ask, const struct ask_wants *wants, struct err *err)
{
    const struct conf_model *first = conf_find_model(conf_of(ask), wants->model);
    CHECK(ask->attempts.count == 0);
    if (first == NULL)
        return err_set(err, ERR_PROVIDER_REFUSED, NULL,
                       "There is no model \"%.*s\" in the worker's configuration.",
                       SPAN_ARG(wants->model.len > 0 ? wants->model : SPAN_LIT("default")));
    add_models(ask, wants, first);
    attempts_read(&ask->attempts, ask->note); /* once more, now for these models */
    if (next_wait_ms(ask, false) == 0)
        go_to_model(ask);
    else
        timer_start(&ask->wait, 0); /* the hooks shall not come before this returns */
    return 0;
}

void ask_failed(struct ask *ask)
{
    const struct llm_failure *failure = &ask->failure;
    struct span was = span_of(ask->conf_model->name);
    bool may_try = !ask->has_said && failure->is_retryable;
    if (failure->is_retryable && failure->retry_after_ms > 0)
        cooling_start(ask->desk->cooling, ask->conf_model->name, failure->retry_after_ms);
    int64_t wait_ms = -1;
    if (may_try) {
        attempts_failed(&ask->attempts, clock_wall_ms());
        wait_ms = next_wait_ms(ask, true);
    }
    log_event(LOG_INFO, "run.attempt",
              "gen=%s model=%.*s failed=%lld code=%s status=%d retry_after_ms=%lld wait_ms=%lld "
              "next=%s",
              ask->claimed->generation, SPAN_ARG(was), (long long)ask->attempts.made,
              err_name(failure->code), failure->provider_status, (long long)failure->retry_after_ms,
              (long long)wait_ms, wait_ms < 0 ? "-" : ask->attempts.models[ask->attempts.at].name);
    if (wait_ms < 0) {
        give_up(ask);
        return;
    }
    metric_add(METRIC_PROVIDER_RETRIES, 1);
    spending_lose(&ask->spending);
    go_in(ask, wait_ms);
}
