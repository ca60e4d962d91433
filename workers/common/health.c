/* What the worker tells of itself over HTTP. */
#include "common/health.h"

#include "base/address.h"
#include "base/metric.h"
#include "common/worker_inner.h"
#include "http/http.h"

enum { METRICS_MAX = 1024 * 1024 };

static void get_livez(struct http_request *request, void *arg)
{
    (void)arg; /* the loop turns: nothing is asked of anybody */
    http_reply_json(request, 200, SPAN_LIT("{\"status\":\"ok\"}"));
}

static void get_readyz(struct http_request *request, void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    bool is_draining = worker->drain.stage != DRAIN_NO;
    if (!is_draining && worker->revival.is_whole)
        http_reply_json(request, 200, SPAN_LIT("{\"status\":\"ready\",\"reasons\":[]}"));
    else if (is_draining)
        http_reply_json(request, 503,
                        SPAN_LIT("{\"status\":\"not_ready\",\"reasons\":[\"draining\"]}"));
    else
        http_reply_json(request, 503,
                        SPAN_LIT("{\"status\":\"not_ready\",\"reasons\":[\"redis\"]}"));
}

static void get_metrics(struct http_request *request, void *arg)
{
    const struct worker *worker = arg;
    struct buf text;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    buf_init(&text, METRICS_MAX);
    metric_render(&text, worker->work->program);
    http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_as_span(&text));
    buf_release(&text);
}

/* On a loopback address: no web page reads it by a name that leads there. */
static bool refuse_foreign(struct http_request *request, void *arg)
{
    const struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    if (!address_host_is_loopback(span_of(worker->conf->worker_metrics_listen)) ||
        address_host_is_loopback(http_header(request, "Host")))
        return false;
    http_reply_code(request, ERR_FORBIDDEN);
    return true;
}

int health_open(struct worker *worker, struct err *err)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/livez", get_livez},
        {HTTP_GET, "/readyz", get_readyz},
        {HTTP_GET, "/metrics", get_metrics},
    };
    const struct http_options options = {
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .arg = worker,
        .before = refuse_foreign,
    };
    worker->health = http_server_new(worker->loop, &options);
    return http_listen(worker->health, worker->conf->worker_metrics_listen, worker->metrics,
                       sizeof worker->metrics, err);
}
