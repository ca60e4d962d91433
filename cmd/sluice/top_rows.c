/* A table of columns for each section, and what stands in them. */
#include "top_rows.h"

#include "show.h"

#include <inttypes.h>

enum { CELLS_MAX = 12 };

/* Cells. */

static size_t columns_of(struct span text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.len; i++)
        columns += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return columns;
}

struct span row_cut(struct span text, size_t columns)
{
    size_t len = 0;
    for (size_t taken = 0; len < text.len; len++) {
        taken += ((unsigned char)text.ptr[len] & 0xc0) != 0x80;
        if (taken > columns)
            break;
    }
    return span_make(text.ptr, len);
}

void row_put_spaces(struct row *row, size_t count)
{
    while (count-- > 0)
        (void)buf_byte(&row->text, ' '); /* the width is cut at the end, and looked at there */
}

void row_put_cell(struct row *row, const struct column *column, struct span text)
{
    struct buf words;
    buf_init(&words, ROW_BYTES_MAX);
    show_put_short(text.ptr == NULL ? SPAN_LIT("-") : text, &words);
    struct span shown =
        column->width == 0 ? buf_as_span(&words) : row_cut(buf_as_span(&words), column->width);
    size_t columns = columns_of(shown),
           rest = column->width > columns ? column->width - columns : 0;
    row_put_spaces(row, column->is_number ? rest : 0);
    (void)buf_span(&row->text, shown);
    row_put_spaces(row, column->is_number ? 1 : rest + 1);
    buf_release(&words);
}

void row_put_duration(int64_t us, struct buf *out)
{
    int64_t ms = us / 1000, minutes = ms / 60000;
    if (us < 0)
        (void)buf_byte(out, '-');
    else if (us < 9950)
        (void)buf_printf(out, "%.1f ms", (double)us / 1000.0);
    else if (ms < 1000)
        (void)buf_printf(out, "%" PRId64 " ms", ms);
    else if (minutes == 0)
        (void)buf_printf(out, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms / 100 % 10);
    else if (minutes < 60)
        (void)buf_printf(out, "%" PRId64 " min %" PRId64 " s", minutes, ms / 1000 % 60);
    else
        (void)buf_printf(out, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
}

static void put_cells(struct row *row, const struct column *columns, const struct span *texts)
{
    for (size_t i = 0; columns[i].title != NULL; i++)
        row_put_cell(row, &columns[i], texts[i]);
}

/* Small texts of one row, until it is put together. */
struct scratch {
    struct buf texts[CELLS_MAX];
    size_t count;
};

static struct span keep(struct scratch *s, struct buf *text)
{
    CHECK(s->count < CELLS_MAX);
    s->texts[s->count] = *text;
    return buf_as_span(&s->texts[s->count++]);
}

static void scratch_release(struct scratch *s)
{
    while (s->count > 0)
        buf_release(&s->texts[--s->count]);
}

static int64_t number(const struct json *object, const char *name)
{
    int64_t n = -1;
    return json_int(json_get(object, name), &n) ? n : -1;
}

static struct span count_text(struct scratch *s, const struct json *object, const char *name)
{
    struct buf text;
    int64_t n = number(object, name);
    buf_init(&text, 64);
    (void)buf_printf(&text, "%" PRId64, n < 0 ? 0 : n);
    return keep(s, &text);
}

static struct span duration_text(struct scratch *s, int64_t us)
{
    struct buf text;
    buf_init(&text, 64);
    row_put_duration(us, &text);
    return keep(s, &text);
}

static struct span text_of(const struct json *object, const char *name)
{
    return json_string(json_get(object, name));
}

static int64_t ms_as_us(int64_t ms)
{
    return ms < 0 ? -1 : ms * 1000;
}

/* The sections. */

static size_t count_of(const struct json *object, const char *name)
{
    return json_count(json_get(object, name));
}

static const struct column LANE_COLUMNS[] = {{"LANE", 20, false},
                                             {"WAITING", 9, true},
                                             {"OLDEST", 12, true},
                                             {"STATE", 8, false},
                                             {NULL, 0, false}};

static size_t count_lanes(const struct top_picture *p)
{
    return count_of(p->overview, "lanes") + count_of(p->overview, "queues");
}

/* A lane, and below it the tenants that wait there. */
static const struct json *find_lane_row(const struct json *overview, size_t index, bool *is_tenant)
{
    const struct json *lanes = json_get(overview, "lanes"), *queues = json_get(overview, "queues");
    for (size_t i = 0; i < json_count(lanes); i++) {
        const struct json *lane = json_at(lanes, i);
        *is_tenant = false;
        if (index-- == 0)
            return lane;
        for (size_t k = 0; k < json_count(queues); k++) {
            const struct json *queue = json_at(queues, k);
            if (!span_equal(text_of(queue, "lane"), text_of(lane, "lane")))
                continue;
            *is_tenant = true;
            if (index-- == 0)
                return queue;
        }
    }
    return NULL; /* a queue of a lane that is not there */
}

static void put_lane(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    bool is_tenant = false;
    const struct json *what = find_lane_row(p->overview, index, &is_tenant);
    struct buf name;
    buf_init(&name, ROW_BYTES_MAX);
    (void)buf_printf(&name, "%s%.*s", is_tenant ? "  " : "",
                     SPAN_ARG(text_of(what, is_tenant ? "tenant" : "lane")));
    bool is_paused = json_bool(json_get(what, "paused"), false);
    row->is_dim = is_tenant;
    put_cells(row, LANE_COLUMNS,
              (struct span[]){keep(&s, &name), count_text(&s, what, "waiting"),
                              duration_text(&s, ms_as_us(number(what, "oldest_wait_ms"))),
                              is_tenant   ? SPAN_LIT("")
                              : is_paused ? SPAN_LIT("paused")
                                          : SPAN_LIT("open")});
    scratch_release(&s);
}

static const struct column WORKER_COLUMNS[] = {{"WORKER", 34, false},
                                               {"KIND", 7, false},
                                               {"RUNNING", 8, true},
                                               {"SLOTS", 6, true},
                                               {NULL, 0, false}};

static size_t count_workers(const struct top_picture *p)
{
    return count_of(p->overview, "workers");
}

static void put_worker(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    const struct json *worker = json_at(json_get(p->overview, "workers"), index);
    put_cells(row, WORKER_COLUMNS,
              (struct span[]){text_of(worker, "worker"), text_of(worker, "kind"),
                              count_text(&s, worker, "running"), count_text(&s, worker, "slots")});
    scratch_release(&s);
}

static const struct column TENANT_COLUMNS[] = {{"TENANT", 20, false},    {"QUEUED", 9, true},
                                               {"RUNNING", 9, true},     {"TOKENS IN", 13, true},
                                               {"TOKENS OUT", 13, true}, {NULL, 0, false}};

static size_t count_tenants(const struct top_picture *p)
{
    return count_of(p->overview, "tenants");
}

static void put_tenant(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    const struct json *tenant = json_at(json_get(p->overview, "tenants"), index);
    put_cells(row, TENANT_COLUMNS,
              (struct span[]){text_of(tenant, "tenant"), count_text(&s, tenant, "queued"),
                              count_text(&s, tenant, "running"),
                              count_text(&s, tenant, "input_tokens"),
                              count_text(&s, tenant, "output_tokens")});
    scratch_release(&s);
}

static const struct column RUNNING_COLUMNS[] = {
    {"GENERATION", 30, false}, {"AGE", 12, true},     {"1ST TOKEN", 10, true},
    {"TENANT", 12, false},     {"LANE", 18, false},   {"MODEL", 14, false},
    {"USER", 14, false},       {"WORKER", 34, false}, {NULL, 0, false}};

static size_t count_running(const struct top_picture *p)
{
    return count_of(p->overview, "running");
}

static void put_running(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    const struct json *run = json_at(json_get(p->overview, "running"), index);
    int64_t now = number(p->overview, "at"), began = number(run, "started_at"),
            first = number(run, "first_token_at");
    row->is_marked = index == p->selected;
    put_cells(
        row, RUNNING_COLUMNS,
        (struct span[]){text_of(run, "generation_id"),
                        duration_text(&s, began < 0 ? -1 : ms_as_us(now - began)),
                        duration_text(&s, began < 0 || first < 0 ? -1 : ms_as_us(first - began)),
                        text_of(run, "tenant"), text_of(run, "lane"), text_of(run, "model"),
                        text_of(run, "user"), text_of(run, "worker")});
    scratch_release(&s);
}

static const struct column DEAD_COLUMNS[] = {{"DEAD", 30, false},
                                             {"CRASHES", 8, true},
                                             {"TENANT", 12, false},
                                             {"WHY", 0, false},
                                             {NULL, 0, false}};

static size_t count_dead(const struct top_picture *p)
{
    return count_of(p->dead, "data");
}

static void put_dead(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    const struct json *dead = json_at(json_get(p->dead, "data"), index);
    put_cells(row, DEAD_COLUMNS,
              (struct span[]){text_of(dead, "generation_id"), count_text(&s, dead, "crashes"),
                              text_of(dead, "tenant"),
                              text_of(json_get(dead, "error"), "message")});
    scratch_release(&s);
}

static const struct column FAILURE_COLUMNS[] = {{"FAILURE", 30, false}, {"AGO", 12, true},
                                                {"TENANT", 12, false},  {"CODE", 20, false},
                                                {"WHY", 0, false},      {NULL, 0, false}};

static size_t count_failures(const struct top_picture *p)
{
    return count_of(p->overview, "failures");
}

static void put_failure(const struct top_picture *p, size_t index, struct row *row)
{
    struct scratch s = {.count = 0};
    const struct json *failure = json_at(json_get(p->overview, "failures"), index);
    const struct json *error = json_get(failure, "error");
    put_cells(
        row, FAILURE_COLUMNS,
        (struct span[]){
            text_of(failure, "generation_id"),
            duration_text(&s, ms_as_us(number(p->overview, "at") - number(failure, "ended_at"))),
            text_of(failure, "tenant"), text_of(error, "code"), text_of(error, "message")});
    scratch_release(&s);
}

const struct section TOP_SECTIONS[SECTIONS] = {
    [LANES] = {2, LANE_COLUMNS, count_lanes, put_lane},
    [WORKERS] = {2, WORKER_COLUMNS, count_workers, put_worker},
    [TENANTS] = {2, TENANT_COLUMNS, count_tenants, put_tenant},
    [RUNNING] = {4, RUNNING_COLUMNS, count_running, put_running},
    [DEAD] = {2, DEAD_COLUMNS, count_dead, put_dead},
    [FAILURES] = {2, FAILURE_COLUMNS, count_failures, put_failure},
};
