/* Append: alone, with a checkpoint, or several streams' in one call. Owns what is gathered.
 * Invariant: whatever was given to log_append is answered once, by its own callback, in whichever
 * call it went. */
#include "bus/log.h"

#include "base/mem.h"
#include "base/metric.h"
#include "bus/bus_inner.h"
#include "bus/script.h"

enum {
    GATHERED_MAX = 64, /* streams in one call: Redis serves nobody else meanwhile */
    GATHERED_BYTES = 64 * 1024
};

struct waiting {
    on_append done;
    void *arg;
    int64_t count; /* events */
};

struct gathering {
    unsigned depth; /* of log_gather */
    size_t count;
    struct waiting waiting[GATHERED_MAX];
    struct command keys, argv;
};

/* append answers one number: n > 0 the length, 0 fenced, -1 flagged, -2 - length refused. */
static enum append_outcome outcome_of(int64_t n, int64_t *length)
{
    *length = n > 0 ? n : n <= -2 ? -2 - n : 0;
    return n > 0 ? APPEND_OK : n == 0 ? APPEND_FENCED : n == -1 ? APPEND_FLAGGED : APPEND_REFUSED;
}

static void answer_one(const struct waiting *w, int status, const struct reply *reply)
{
    if (status == 0 && reply_type(reply) == REPLY_ERROR) /* among those of others */
        status = script_error(reply_str(reply));
    if (status == 0 && reply_type(reply) != REPLY_INT)
        status = -ERR_INTERNAL;
    if (status != 0) {
        w->done(status, APPEND_REFUSED, 0, w->arg);
        return;
    }
    int64_t length;
    enum append_outcome outcome = outcome_of(reply_int(reply, 0), &length);
    if (outcome == APPEND_OK)
        metric_add(METRIC_EVENTS, w->count);
    else if (outcome == APPEND_FENCED)
        metric_add(METRIC_FENCED, 1);
    w->done(0, outcome, length, w->arg);
}

/* What the callbacks append goes together too. One of them may free the bus. */
static void answer_all(struct call *call, const struct waiting *waiting, size_t count, int status,
                       const struct reply *reply, bool is_array)
{
    struct bus *bus = call->bus;
    log_gather(bus);
    for (size_t i = 0; i < count && !bus->is_freed; i++) {
        if (call->is_full)
            waiting[i].done(0, APPEND_FULL, 0, waiting[i].arg);
        else
            answer_one(&waiting[i], status, is_array ? reply_at(reply, i) : reply);
    }
    if (!bus->is_freed)
        log_send(bus);
}

static void answer_append(struct call *call, int status, const struct reply *reply)
{
    answer_all(call, call->extra, 1, status, reply, false);
}

static void answer_appends(struct call *call, int status, const struct reply *reply)
{
    size_t count = call->extra_count;
    if (status == 0 && (reply_type(reply) != REPLY_ARRAY || reply_count(reply) != count))
        status = -ERR_INTERNAL;
    answer_all(call, call->extra, count, status, reply, true);
}

static void send_gathered(struct bus *bus)
{
    struct gathering *g = bus->gathering;
    if (g->count == 0)
        return;
    bool is_one = g->count == 1;
    struct call *call = call_new(bus, is_one ? SCRIPT_APPEND : SCRIPT_APPENDS, g->keys.count);
    call_join(call, &g->keys);
    call_join(call, &g->argv);
    call->extra = mem_dup(g->waiting, g->count * sizeof *g->waiting);
    call->extra_count = g->count;
    g->count = 0;
    command_reset(&g->keys);
    command_reset(&g->argv);
    call_send(call, is_one ? answer_append : answer_appends, NULL, NULL);
}

static void gather(struct gathering *g, const struct append *a, const struct waiting *w)
{
    struct key live = key_live(a->tenant, a->generation, a->token);
    command_text(&g->keys, live.text);
    command_text(&g->keys, key_generation(a->tenant, a->generation).text);
    command_text(&g->keys, a->flag[0] != '\0' ? a->flag : live.text);
    command_text(&g->argv, key_events(a->tenant, a->generation).text);
    command_int(&g->argv, a->first);
    command_text(&g->argv, a->is_first_visible ? "1" : "0");
    command_arg(&g->argv, a->events[0]);
    g->waiting[g->count++] = *w;
}

static void send_alone(struct bus *bus, const struct append *a, const struct waiting *w)
{
    struct call *call = call_new(bus, SCRIPT_APPEND, a->flag[0] == '\0' ? 2 : 3);
    call->extra = mem_dup(w, sizeof *w);
    call->extra_count = 1;
    call_key(call, key_live(a->tenant, a->generation, a->token));
    call_key(call, key_generation(a->tenant, a->generation));
    if (a->flag[0] != '\0')
        call_text(call, a->flag);
    call_key(call, key_events(a->tenant, a->generation));
    call_int(call, a->first);
    call_int(call, a->is_first_visible ? 1 : 0);
    for (size_t i = 0; i < a->count; i++)
        call_arg(call, a->events[i]);
    call_send(call, answer_append, NULL, NULL);
}

void log_checkpoint(struct bus *bus, const struct checkpoint *c, on_append done, void *arg)
{
    const struct waiting w = {done, arg, 1};
    struct call *call = call_new(bus, SCRIPT_CHECKPOINT, c->flag[0] == '\0' ? 3 : 4);
    call->extra = mem_dup(&w, sizeof w);
    call->extra_count = 1;
    call_key(call, key_live(c->tenant, c->generation, c->token));
    call_key(call, key_generation(c->tenant, c->generation));
    call_key(call, key_steps(c->tenant, c->generation));
    if (c->flag[0] != '\0')
        call_text(call, c->flag);
    call_key(call, key_events(c->tenant, c->generation));
    call_int(call, c->seq);
    call_text(call, c->is_shown ? "1" : "0");
    call_text(call, c->field);
    call_arg(call, c->value);
    call_arg(call, c->event);
    call_send(call, answer_append, NULL, NULL);
}

void log_append(struct bus *bus, const struct append *a, on_append done, void *arg)
{
    struct gathering *g = bus->gathering;
    const struct waiting w = {done, arg, (int64_t)a->count};
    if (g == NULL || g->depth == 0 || a->count != 1) {
        send_alone(bus, a, &w);
        return;
    }
    gather(g, a, &w);
    if (g->count == GATHERED_MAX || g->argv.bytes.len > GATHERED_BYTES)
        send_gathered(bus);
}

void log_gather(struct bus *bus)
{
    if (bus->gathering == NULL) {
        bus->gathering = MEM_NEW(struct gathering);
        command_init(&bus->gathering->keys);
        command_init(&bus->gathering->argv);
    }
    bus->gathering->depth++;
}

void log_send(struct bus *bus)
{
    CHECK(bus->gathering != NULL && bus->gathering->depth > 0);
    if (--bus->gathering->depth == 0)
        send_gathered(bus);
}

void gathering_free(struct gathering *g)
{
    if (g == NULL)
        return;
    command_release(&g->keys);
    command_release(&g->argv);
    mem_free(g);
}
