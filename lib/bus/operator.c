/* The operator's calls: two scripts that only look, and plain commands that are safe to repeat. */
#include "bus/operator.h"

#include "base/mem.h"
#include "base/num.h"
#include "bus/bus_inner.h"

#include <stdio.h>

enum { LOOK_ROWS = 200 };

/* A flat array of rows, `parts` elements each. */
struct rows {
    const struct reply *reply;
    size_t parts, count;
};

static int read_rows(const struct reply *reply, size_t parts, struct rows *out)
{
    size_t n = reply_count(reply);
    if (reply_type(reply) != REPLY_ARRAY || n % parts != 0)
        return -ERR_INTERNAL;
    for (size_t i = 0; i < n; i++)
        if (reply_str(reply_at(reply, i)).ptr == NULL && reply_int(reply_at(reply, i), -2) == -2)
            return -ERR_INTERNAL;
    *out = (struct rows){reply, parts, n / parts};
    return 0;
}

static struct span text_at(const struct rows *rows, size_t row, size_t part)
{
    return reply_str(reply_at(rows->reply, row * rows->parts + part));
}

static int64_t int_at(const struct rows *rows, size_t row, size_t part, int64_t otherwise)
{
    return reply_int(reply_at(rows->reply, row * rows->parts + part), otherwise);
}

static int read_lanes(const struct reply *reply, struct operator_view *view)
{
    struct rows rows;
    if (read_rows(reply, 4, &rows) != 0 || rows.count != LANE_COUNT)
        return -ERR_INTERNAL;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (!span_is(text_at(&rows, i, 0), lane_name((enum lane)i)))
            return -ERR_INTERNAL;
        view->lanes[i] = (struct operator_lane){.lane = (enum lane)i,
                                                .is_paused = int_at(&rows, i, 1, 0) == 1,
                                                .waiting = int_at(&rows, i, 2, 0),
                                                .oldest_wait_ms = int_at(&rows, i, 3, -1)};
    }
    return 0;
}

static int read_tenants(const struct reply *reply, struct operator_tenant **out, size_t *count)
{
    struct rows rows;
    if (read_rows(reply, 5, &rows) != 0)
        return -ERR_INTERNAL;
    struct operator_tenant *tenants = mem_new_array(rows.count, sizeof *tenants);
    for (size_t i = 0; i < rows.count; i++)
        tenants[i] = (struct operator_tenant){.name = text_at(&rows, i, 0),
                                              .queued = int_at(&rows, i, 1, 0),
                                              .running = int_at(&rows, i, 2, 0),
                                              .input_tokens = int_at(&rows, i, 3, 0),
                                              .output_tokens = int_at(&rows, i, 4, 0)};
    *out = tenants;
    *count = rows.count;
    return 0;
}

/* "<kind> <slots> <running>", as queue_announce writes it. */
static struct operator_worker worker_of(struct span name, struct span facts)
{
    struct operator_worker worker = {.name = name, .kind = span_cut(&facts, ' ')};
    struct span slots = span_cut(&facts, ' ');
    if (num_parse_i64(slots, &worker.slots) != 0)
        worker.slots = 0;
    if (num_parse_i64(facts, &worker.running) != 0)
        worker.running = 0;
    return worker;
}

static int read_workers(const struct reply *reply, struct operator_worker **out, size_t *count)
{
    struct rows rows;
    if (read_rows(reply, 2, &rows) != 0)
        return -ERR_INTERNAL;
    struct operator_worker *workers = mem_new_array(rows.count, sizeof *workers);
    for (size_t i = 0; i < rows.count; i++)
        workers[i] = worker_of(text_at(&rows, i, 0), text_at(&rows, i, 1));
    *out = workers;
    *count = rows.count;
    return 0;
}

static int read_running(const struct reply *reply, struct operator_running **out, size_t *count)
{
    struct rows rows;
    if (read_rows(reply, 9, &rows) != 0)
        return -ERR_INTERNAL;
    struct operator_running *running = mem_new_array(rows.count, sizeof *running);
    for (size_t i = 0; i < rows.count; i++)
        running[i] = (struct operator_running){.tenant = text_at(&rows, i, 0),
                                               .generation = text_at(&rows, i, 1),
                                               .chat = text_at(&rows, i, 2),
                                               .lane = text_at(&rows, i, 3),
                                               .user = text_at(&rows, i, 4),
                                               .model = text_at(&rows, i, 5),
                                               .owner = text_at(&rows, i, 6),
                                               .started_at_ms = int_at(&rows, i, 7, -1),
                                               .first_token_at_ms = int_at(&rows, i, 8, -1)};
    *out = running;
    *count = rows.count;
    return 0;
}

static int read_queues(const struct reply *reply, struct operator_queue **out, size_t *count)
{
    struct rows rows;
    if (read_rows(reply, 4, &rows) != 0)
        return -ERR_INTERNAL;
    struct operator_queue *queues = mem_new_array(rows.count, sizeof *queues);
    for (size_t i = 0; i < rows.count; i++)
        queues[i] = (struct operator_queue){.lane = text_at(&rows, i, 0),
                                            .tenant = text_at(&rows, i, 1),
                                            .waiting = int_at(&rows, i, 2, 0),
                                            .oldest_wait_ms = int_at(&rows, i, 3, -1)};
    *out = queues;
    *count = rows.count;
    return 0;
}

static int read_failures(const struct reply *reply, struct operator_failure **out, size_t *count)
{
    struct rows rows;
    if (read_rows(reply, 8, &rows) != 0)
        return -ERR_INTERNAL;
    struct operator_failure *failures = mem_new_array(rows.count, sizeof *failures);
    for (size_t i = 0; i < rows.count; i++)
        failures[i] = (struct operator_failure){.tenant = text_at(&rows, i, 0),
                                                .generation = text_at(&rows, i, 1),
                                                .state = text_at(&rows, i, 2),
                                                .chat = text_at(&rows, i, 3),
                                                .lane = text_at(&rows, i, 4),
                                                .model = text_at(&rows, i, 5),
                                                .error = text_at(&rows, i, 6),
                                                .ended_at_ms = int_at(&rows, i, 7, 0)};
    *out = failures;
    *count = rows.count;
    return 0;
}

static void answer_look(struct call *call, int status, const struct reply *reply)
{
    on_operator_view done = (on_operator_view)call->done;
    struct operator_view view = {.running_total = reply_int(reply_at(reply, 4), 0),
                                 .delayed = reply_int(reply_at(reply, 5), 0),
                                 .dead = reply_int(reply_at(reply, 6), 0)};
    struct operator_tenant *tenants = NULL;
    struct operator_worker *workers = NULL;
    struct operator_running *running = NULL;
    struct operator_queue *queues = NULL;
    struct operator_failure *failures = NULL;
    if (status == 0)
        status = read_lanes(reply_at(reply, 0), &view);
    if (status == 0)
        status = read_tenants(reply_at(reply, 1), &tenants, &view.tenant_count);
    if (status == 0)
        status = read_workers(reply_at(reply, 2), &workers, &view.worker_count);
    if (status == 0)
        status = read_running(reply_at(reply, 3), &running, &view.running_count);
    if (status == 0)
        status = read_queues(reply_at(reply, 7), &queues, &view.queue_count);
    if (status == 0)
        status = read_failures(reply_at(reply, 8), &failures, &view.failure_count);
    if (status == 0)
        status = figures_read(reply_at(reply, 9), &view.figures);
    view.queues = queues;
    view.failures = failures;
    view.tenants = tenants;
    view.workers = workers;
    view.running = running;
    done(status, status == 0 ? &view : NULL, call->arg);
    mem_free(tenants);
    mem_free(workers);
    mem_free(running);
    mem_free(queues);
    mem_free(failures);
    figures_release(&view.figures);
}

void operator_look(struct bus *bus, size_t slots, on_operator_view done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_LOOK, 1);
    call_key(call, key_plain("leases"));
    call_text(call, KEY_PREFIX);
    call_int(call, LOOK_ROWS);
    call_int(call, (int64_t)slots);
    call_send(call, answer_look, (call_done)done, arg);
}

static void answer_dead(struct call *call, int status, const struct reply *reply)
{
    enum { PARTS = 7 };
    on_dead done = (on_dead)call->done;
    size_t count = reply_count(reply) == 0 ? 0 : (reply_count(reply) - 1) / PARTS;
    if (status == 0 && (reply_count(reply) != count * PARTS + 1))
        status = -ERR_INTERNAL;
    struct dead_row *rows = mem_new_array(count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        size_t at = 1 + i * PARTS;
        rows[i] = (struct dead_row){.tenant = reply_str(reply_at(reply, at)),
                                    .generation = reply_str(reply_at(reply, at + 1)),
                                    .chat = reply_str(reply_at(reply, at + 2)),
                                    .lane = reply_str(reply_at(reply, at + 3)),
                                    .error = reply_str(reply_at(reply, at + 4)),
                                    .died_at_ms = reply_int(reply_at(reply, at + 5), 0),
                                    .crashes = reply_int(reply_at(reply, at + 6), 0)};
    }
    done(status, status == 0 ? rows : NULL, status == 0 ? count : 0,
         reply_int(reply_at(reply, 0), 0) == 1, call->arg);
    mem_free(rows);
}

void operator_dead(struct bus *bus, size_t limit, size_t offset, on_dead done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_DEAD, 1);
    call_key(call, key_plain("dead"));
    call_text(call, KEY_PREFIX);
    call_int(call, (int64_t)offset);
    call_int(call, (int64_t)limit);
    call_send(call, answer_dead, (call_done)done, arg);
}

static void answer_done(struct call *call, int status, const struct reply *reply)
{
    (void)reply; /* how many it was new to says nothing: the call may have been repeated */
    ((on_operator)call->done)(status, call->arg);
}

void operator_pause(struct bus *bus, enum lane lane, bool is_paused, on_operator done, void *arg)
{
    struct call *call = call_new_plain(bus, is_paused ? "SADD" : "SREM");
    call_key(call, key_plain("paused"));
    call_text(call, lane_name(lane));
    call_send(call, answer_done, (call_done)done, arg);
}

/* A member of the dead list, in front of its command's arguments. */
static struct call *call_dead(struct bus *bus, const char *verb, const char *tenant,
                              const char *generation)
{
    char member[ID_TENANT_MAX + 1 + ID_MAX + 1];
    (void)snprintf(member, sizeof member, "%s:%s", tenant, generation); /* fits */
    struct call *call = call_new_plain(bus, verb);
    call_key(call, key_plain("dead"));
    call_text(call, member);
    return call;
}

static void answer_is_dead(struct call *call, int status, const struct reply *reply)
{
    bool is_there = reply_type(reply) != REPLY_NIL;
    ((on_operator)call->done)(status == 0 && !is_there ? -ERR_NOT_FOUND : status, call->arg);
}

void operator_is_dead(struct bus *bus, const char *tenant, const char *generation, on_operator done,
                      void *arg)
{
    call_send(call_dead(bus, "ZSCORE", tenant, generation), answer_is_dead, (call_done)done, arg);
}

static void answer_forgotten(struct call *call, int status, const struct reply *reply)
{
    bool was_there = reply_int(reply, 0) > 0;
    ((on_operator)call->done)(status == 0 && !was_there ? -ERR_NOT_FOUND : status, call->arg);
}

void operator_forget(struct bus *bus, const char *tenant, const char *generation, on_operator done,
                     void *arg)
{
    call_send(call_dead(bus, "ZREM", tenant, generation), answer_forgotten, (call_done)done, arg);
}
