/* JSON of the admin routes. */
#include "api/admin_view.h"

#include "api/render.h"

#include <stdio.h>

static void put_count(struct json_writer *w, const char *name, int64_t value)
{
    if (value < 0) {
        json_member_null(w, name);
    } else {
        json_member_int(w, name, value);
    }
}

static void put_lanes(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "lanes", '[');
    for (size_t i = 0; i < LANE_COUNT; i++) {
        const struct operator_lane *lane = &view->lanes[i];
        json_open(w, NULL, '{');
        json_member_str(w, "lane", span_of(lane_name(lane->lane)));
        json_member_bool(w, "paused", lane->is_paused);
        json_member_int(w, "waiting", lane->waiting);
        put_count(w, "oldest_wait_ms", lane->oldest_wait_ms);
        json_close(w);
    }
    json_close(w);
}

static void put_tenants(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "tenants", '[');
    for (size_t i = 0; i < view->tenant_count; i++) {
        const struct operator_tenant *tenant = &view->tenants[i];
        json_open(w, NULL, '{');
        json_member_str(w, "tenant", tenant->name);
        json_member_int(w, "queued", tenant->queued);
        json_member_int(w, "running", tenant->running);
        json_member_int(w, "input_tokens", tenant->input_tokens);
        json_member_int(w, "output_tokens", tenant->output_tokens);
        json_close(w);
    }
    json_close(w);
}

static void put_workers(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "workers", '[');
    for (size_t i = 0; i < view->worker_count; i++) {
        const struct operator_worker *worker = &view->workers[i];
        json_open(w, NULL, '{');
        json_member_str(w, "worker", worker->name);
        json_member_str(w, "kind", worker->kind);
        json_member_int(w, "slots", worker->slots);
        json_member_int(w, "running", worker->running);
        json_close(w);
    }
    json_close(w);
}

static void put_running(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "running", '[');
    for (size_t i = 0; i < view->running_count; i++) {
        const struct operator_running *run = &view->running[i];
        json_open(w, NULL, '{');
        json_member_str(w, "tenant", run->tenant);
        json_member_str(w, "generation_id", run->generation);
        render_text(w, "chat_id", run->chat);
        json_member_str(w, "lane", run->lane);
        render_text(w, "user", run->user);
        render_text(w, "model", run->model);
        render_text(w, "worker", run->owner);
        put_count(w, "started_at", run->started_at_ms);
        put_count(w, "first_token_at", run->first_token_at_ms);
        json_close(w);
    }
    json_close(w);
}

static void put_queues(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "queues", '[');
    for (size_t i = 0; i < view->queue_count; i++) {
        const struct operator_queue *queue = &view->queues[i];
        json_open(w, NULL, '{');
        json_member_str(w, "lane", queue->lane);
        json_member_str(w, "tenant", queue->tenant);
        json_member_int(w, "waiting", queue->waiting);
        put_count(w, "oldest_wait_ms", queue->oldest_wait_ms);
        json_close(w);
    }
    json_close(w);
}

static void put_failures(struct json_writer *w, const struct operator_view *view)
{
    json_open(w, "failures", '[');
    for (size_t i = 0; i < view->failure_count; i++) {
        const struct operator_failure *failure = &view->failures[i];
        json_open(w, NULL, '{');
        json_member_str(w, "tenant", failure->tenant);
        json_member_str(w, "generation_id", failure->generation);
        json_member_str(w, "state", failure->state);
        render_text(w, "chat_id", failure->chat);
        json_member_str(w, "lane", failure->lane);
        render_text(w, "model", failure->model);
        render_raw(w, "error", failure->error);
        json_member_int(w, "ended_at", failure->ended_at_ms);
        json_close(w);
    }
    json_close(w);
}

static void put_spread(struct json_writer *w, const char *name, const struct figures_spread *spread)
{
    json_open(w, name, '{');
    json_member_int(w, "count", spread->count);
    put_count(w, "p50_us", spread->count == 0 ? -1 : spread->p50_us);
    put_count(w, "p95_us", spread->count == 0 ? -1 : spread->p95_us);
    json_close(w);
}

static void put_figures(struct json_writer *w, const char *name, const struct figures *figures)
{
    json_open(w, name, '{');
    json_member_int(w, "at", figures->at_ms);
    json_member_int(w, "tokens", figures->tokens);
    put_spread(w, "first_token", &figures->first_token);
    put_spread(w, "stop", &figures->stop);
    json_open(w, "ended", '{');
    for (size_t i = 0; i < FIGURES_ENDS; i++) {
        json_member_int(w, FIGURES_END_NAMES[i], figures->ended[i]);
    }
    json_close(w);
    json_open(w, "errors", '[');
    for (size_t i = 0; i < figures->code_count; i++) {
        json_open(w, NULL, '{');
        json_member_str(w, "code", figures->codes[i].code);
        json_member_int(w, "count", figures->codes[i].count);
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

static void put_all_figures(struct json_writer *w, const struct figures_view *figures)
{
    char rate[32];
    (void)snprintf(rate, sizeof rate, "%.1f", figures->tokens_per_second); /* fits */
    json_member_raw(w, "tokens_per_second", span_of(rate));
    put_figures(w, "recent", &figures->recent);
    json_member_int(w, "slot_ms", FIGURES_SLOT_MS);
    json_open(w, "slots", '[');
    for (size_t i = 0; i < figures->count; i++) {
        put_figures(w, NULL, &figures->slots[i]);
    }
    json_close(w);
}

void admin_put_view(struct buf *out, const struct operator_view *view, int64_t at_ms)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_int(&w, "at", at_ms);
    put_lanes(&w, view);
    put_tenants(&w, view);
    put_workers(&w, view);
    put_running(&w, view);
    json_member_int(&w, "running_total", view->running_total);
    json_member_int(&w, "delayed", view->delayed);
    json_member_int(&w, "dead", view->dead);
    put_queues(&w, view);
    put_failures(&w, view);
    put_all_figures(&w, &view->figures);
    json_close(&w);
}

void admin_put_dead(struct buf *out, const struct dead_row *rows, size_t count, int64_t next)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&w, NULL, '{');
        json_member_str(&w, "tenant", rows[i].tenant);
        json_member_str(&w, "generation_id", rows[i].generation);
        render_text(&w, "chat_id", rows[i].chat);
        render_text(&w, "lane", rows[i].lane);
        render_raw(&w, "error", rows[i].error);
        json_member_int(&w, "crashes", rows[i].crashes);
        json_member_int(&w, "died_at", rows[i].died_at_ms);
        json_close(&w);
    }
    json_close(&w);
    put_count(&w, "next", next);
    json_close(&w);
}
