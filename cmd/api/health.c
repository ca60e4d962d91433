/* /livez: the process turns its loop. /readyz: it can serve, that is Redis answers and it is not
 * going away. /metrics: its counters. */
#include "api/handlers.h"
#include "api/pending.h"
#include "api/request.h"
#include "base/metric.h"
#include "wire/json.h"

enum { METRICS_MAX = 1024 * 1024, REASONS = 3 };

void get_livez(struct http_request *request, void *arg)
{
    (void)arg; /* nothing is asked of anybody */
    http_reply_json(request, 200, SPAN_LIT("{\"status\":\"ok\"}"));
}

void get_metrics(struct http_request *request, void *arg)
{
    (void)arg; /* the counters are the process's */
    struct buf text;
    buf_init(&text, METRICS_MAX);
    metric_render(&text, "sluice-api");
    http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_as_span(&text));
    buf_release(&text);
}

static void reply_ready(struct http_request *request, const char *const *reasons, size_t count)
{
    struct buf json;
    buf_init(&json, 1024);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    json_member_str(&w, "status", count == 0 ? SPAN_LIT("ready") : SPAN_LIT("not_ready"));
    json_open(&w, "reasons", '[');
    for (size_t i = 0; i < count; i++) {
        json_member_str(&w, NULL, span_of(reasons[i]));
    }
    json_close(&w);
    json_close(&w);
    if (count > 0) {
        http_add_header(request, "Retry-After", SPAN_LIT("1"));
    }
    http_reply_json(request, count == 0 ? 200 : 503, buf_as_span(&json));
    buf_release(&json);
}

static void on_pong(int status, const struct reply *reply, void *arg)
{
    struct pending *p = pending_of(arg);
    bool is_good = status == 0 && reply_type(reply) != REPLY_ERROR;
    struct http_request *request = pending_take(p);
    if (request != NULL) {
        reply_ready(request, (const char *const[]){"redis"}, is_good ? 0 : 1);
    }
    pending_free(p);
}

void get_readyz(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    const char *reasons[REASONS];
    size_t count = 0;
    if (api->is_draining) {
        reasons[count++] = "draining";
    }
    if (!bus_is_up(api->bus)) {
        reasons[count++] = "redis";
    }
    if (!hub_is_up(api->hub)) {
        reasons[count++] = "redis_events";
    }
    if (count > 0) {
        reply_ready(request, reasons, count);
        return;
    }
    struct pending *p = pending_new(api, request, sizeof *p, NULL);
    struct span ping = SPAN_LIT("PING");
    link_command(bus_link(api->bus), 1, &ping, API_OPEN_MS, on_pong, p);
}
