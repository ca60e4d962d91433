/* The call: what it says is handed on, what it costs is counted. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "model/ask_inner.h"
#include "model/request.h"

enum { ERROR_STATUS = 400 };

static void log_moment(const struct ask *ask, const char *event)
{
    log_event(LOG_DEBUG, event, "gen=%s model=%s us=%lld", ask->claimed->generation,
              ask->conf_model->name, (long long)clock_mono_us());
}

/* The call is over, or is closed now. */
static void call_ended(struct ask *ask, struct usage told)
{
    ask->spending.told = told;
    ask->call = NULL;
    metric_add(METRIC_PROVIDER_OPEN, -1);
    place_give(&ask->place);
}

void ask_cancel(struct ask *ask)
{
    CHECK_MAGIC(ask, ASK_MAGIC);
    struct llm_call *call = ask->call;
    timer_stop(&ask->wait);
    if (call == NULL) {
        place_give(&ask->place);
        return;
    }
    struct usage told = llm_usage(call);
    llm_cancel(call);
    call_ended(ask, told);
}

bool ask_read_on(struct ask *ask)
{
    ask->is_silent = true;
    if (ask->call == NULL || !ask->spending.was_asked) {
        ask_cancel(ask);
        return false;
    }
    llm_resume(ask->call);
    return true;
}

void ask_hold(struct ask *ask, bool is_held)
{
    ask->is_held = is_held;
    if (ask->call == NULL)
        return;
    if (is_held)
        llm_pause(ask->call);
    else
        llm_resume(ask->call);
}

/* Hooks of the call. */

static void on_connected(void *arg)
{
    struct ask *ask = ask_of(arg);
    log_moment(ask, "ask.leave");
    ask->spending.was_asked = true;
    if (!ask->is_silent && ask->hooks.on_connected != NULL)
        ask->hooks.on_connected(ask->hooks.arg);
}

/* False: nobody wants to hear it. */
static bool output_comes(struct ask *ask)
{
    if (ask->is_silent)
        return false;
    metric_add(METRIC_TOKENS_OUT, 1);
    if (!ask->has_said)
        cooling_end(ask->desk->cooling, ask->conf_model->name);
    ask->has_said = true;
    return true;
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct ask *ask = ask_of(arg);
    const int64_t before = spending_output(&ask->spending);
    spending_piece(&ask->spending, piece);
    metric_add(METRIC_TOKENS, spending_output(&ask->spending) - before);
    if (output_comes(ask))
        ask->hooks.on_piece(piece, ask->hooks.arg);
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct ask *ask = ask_of(arg);
    spending_call(&ask->spending, call);
    if (output_comes(ask))
        ask->hooks.on_call(call, ask->hooks.arg);
}

static void on_done(const struct llm_result *result, void *arg)
{
    struct ask *ask = ask_of(arg);
    cooling_end(ask->desk->cooling, ask->conf_model->name);
    call_ended(ask, result->usage);
    ask->hooks.on_done(result, ask->hooks.arg);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct ask *ask = ask_of(arg);
    metric_add(METRIC_PROVIDER_ERRORS, 1);
    call_ended(ask, failure->usage);
    ask->spending.is_refused = failure->provider_status >= ERROR_STATUS;
    ask->failure = *failure;
    if (ask->is_silent)
        ask->hooks.on_failed(failure, ask->hooks.arg);
    else
        ask_failed(ask);
}

/* What goes on from a text may not become longer than was asked for in all. */
static int start_call(struct ask *ask, const struct llm_request *request,
                      const struct llm_hooks *hooks, struct err *err)
{
    struct worker *worker = ask->desk->worker;
    char *params = request_params_behind(request->params, request->prefill);
    struct llm_request sent = *request;
    if (params != NULL)
        sent.params = span_of(params);
    int rc = llm_start(worker_loop(worker), worker_fetcher(worker), &ask->model, &sent, hooks,
                       &ask->call, err);
    mem_free(params);
    return rc;
}

bool ask_send(struct ask *ask, const struct llm_request *request)
{
    const struct llm_hooks hooks = {.on_connected = on_connected,
                                    .on_piece = on_piece,
                                    .on_call = on_call,
                                    .on_done = on_done,
                                    .on_failed = on_failed,
                                    .arg = ask};
    struct cooling *cooling = ask->desk->cooling;
    struct err err;
    CHECK(ask->place.state == PLACE_HELD && ask->call == NULL);
    if (cooling_left_ms(cooling, ask->conf_model->name) > 0) { /* since it waited for the place */
        place_give(&ask->place);
        ask_look_again(ask);
        return false;
    }
    cooling_probe(cooling, ask->conf_model->name);
    log_moment(ask, "ask.begin");
    spending_begin(&ask->spending, request);
    if (start_call(ask, request, &hooks, &err) != 0) {
        ask_fail(ask, -ERR_PROVIDER_REFUSED, err.message);
        return false;
    }
    metric_add(METRIC_PROVIDER_REQUESTS, 1);
    metric_add(METRIC_PROVIDER_OPEN, 1);
    if (ask->is_held)
        llm_pause(ask->call);
    return true;
}
