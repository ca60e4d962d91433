/* The admin listener's routes: one look at everything, lanes paused and resumed, the dead list. The
 * stream of looks is board.c, stopping stops.c, requeueing requeue.c. */
#include "api/admin.h"

#include "api/admin_view.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"

enum { ADMIN_JSON_MAX = 4 * 1024 * 1024, DEAD_PAGE = 50, DEAD_PAGE_MOST = 200, DEAD_MOST = 1000 };

/* A question of an operator under way. */
struct admin_query {
    struct pending pending; /* first */
    enum lane lane;
    bool is_paused;
    int64_t offset;
    struct buf json;
};

static void free_query(struct pending *pending)
{
    buf_release(&((struct admin_query *)pending)->json);
}

static struct admin_query *new_query(struct api *api, struct http_request *request)
{
    struct admin_query *q = pending_new(api, request, sizeof *q, free_query);
    buf_init(&q->json, ADMIN_JSON_MAX);
    return q;
}

static void on_look(int status, const struct operator_view *view, void *arg)
{
    struct admin_query *q = pending_of(arg);
    if (!pending_failed(&q->pending, status)) {
        admin_put_view(&q->json, view, clock_wall_ms());
        pending_reply_json(&q->pending, &q->json);
    }
}

void get_admin_overview(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    if (request_has_no_query(request)) {
        operator_look(api->bus, FIGURES_SLOTS, on_look, new_query(api, request));
    }
}

static void on_paused(int status, void *arg)
{
    struct admin_query *q = pending_of(arg);
    if (pending_failed(&q->pending, status)) {
        return;
    }
    struct json_writer w = json_writer(&q->json);
    json_open(&w, NULL, '{');
    json_member_str(&w, "lane", span_of(lane_name(q->lane)));
    json_member_bool(&w, "paused", q->is_paused);
    json_close(&w);
    log_event(LOG_INFO, "admin.lane", "lane=%s paused=%d", lane_name(q->lane), q->is_paused);
    pending_reply_json(&q->pending, &q->json);
}

static bool path_lane(struct http_request *request, enum lane *out)
{
    struct span name = http_param(request, "lane");
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (span_is(name, lane_name((enum lane)i))) {
            *out = (enum lane)i;
            return true;
        }
    }
    struct err err;
    (void)err_set(&err, ERR_NOT_FOUND, "lane", "there is no lane of that name");
    http_reply_error(request, &err);
    return false;
}

bool admin_has_no_fields(struct http_request *request)
{
    struct span text = SPAN_NONE;
    struct err err;
    if (!request_json(request, &text)) {
        return false;
    }
    if (empty_body_parse(text, &err) != 0) {
        http_reply_error(request, &err);
        return false;
    }
    return true;
}

static void set_paused(struct http_request *request, struct api *api, bool is_paused)
{
    enum lane lane;
    if (!request_has_no_query(request) || !admin_has_no_fields(request) ||
        !path_lane(request, &lane)) {
        return;
    }
    struct admin_query *q = new_query(api, request);
    q->lane = lane;
    q->is_paused = is_paused;
    operator_pause(api->bus, lane, is_paused, on_paused, q);
}

void post_admin_pause(struct http_request *request, void *arg)
{
    set_paused(request, api_of(arg), true);
}

void post_admin_resume(struct http_request *request, void *arg)
{
    set_paused(request, api_of(arg), false);
}

static void on_dead_read(int status, const struct dead_row *rows, size_t count, bool has_more,
                         void *arg)
{
    struct admin_query *q = pending_of(arg);
    if (!pending_failed(&q->pending, status)) {
        int64_t next = q->offset + (int64_t)count;
        admin_put_dead(&q->json, rows, count, has_more ? next : -1);
        pending_reply_json(&q->pending, &q->json);
    }
}

void get_admin_dead(struct http_request *request, void *arg)
{
    static const char *const queries[] = {"limit", "offset"};
    struct api *api = api_of(arg);
    int64_t limit = 0, offset = 0;
    if (!request_has_query(request, queries, 2) ||
        !request_query_int(request, "limit", 1, DEAD_PAGE_MOST, DEAD_PAGE, &limit) ||
        !request_query_int(request, "offset", 0, DEAD_MOST, 0, &offset)) {
        return;
    }
    struct admin_query *q = new_query(api, request);
    q->offset = offset;
    operator_dead(api->bus, (size_t)limit, (size_t)offset, on_dead_read, q);
}
