/* Append and read. */
#include "bus/log.h"

#include "base/mem.h"
#include "base/metric.h"
#include "bus/bus_inner.h"

/* append answers one number: n > 0 the length, 0 fenced, -1 flagged, -2 - length refused. */
static enum append_outcome outcome_of(int64_t n, int64_t *length)
{
    *length = n > 0 ? n : n <= -2 ? -2 - n : 0;
    return n > 0 ? APPEND_OK : n == 0 ? APPEND_FENCED : n == -1 ? APPEND_FLAGGED : APPEND_REFUSED;
}

static void answer_append(struct call *call, int status, const struct reply *reply)
{
    on_append done = (on_append)call->done;
    const int64_t *count = call->extra;
    if (call->is_full) {
        done(0, APPEND_FULL, 0, call->arg);
        return;
    }
    if (status == 0 && reply_type(reply) != REPLY_INT)
        status = -ERR_INTERNAL;
    if (status != 0) {
        done(status, APPEND_REFUSED, 0, call->arg);
        return;
    }
    int64_t length;
    enum append_outcome outcome = outcome_of(reply_int(reply, 0), &length);
    if (outcome == APPEND_OK)
        metric_add(METRIC_EVENTS, *count);
    else if (outcome == APPEND_FENCED)
        metric_add(METRIC_FENCED, 1);
    done(0, outcome, length, call->arg);
}

void log_append(struct bus *bus, const struct append *a, on_append done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_APPEND, a->flag[0] == '\0' ? 2 : 3);
    int64_t count = (int64_t)a->count;
    call->extra = mem_dup(&count, sizeof count);
    call_key(call, key_live(a->tenant, a->generation, a->token));
    call_key(call, key_generation(a->tenant, a->generation));
    if (a->flag[0] != '\0')
        call_text(call, a->flag);
    call_key(call, key_events(a->tenant, a->generation));
    call_int(call, a->first);
    call_int(call, a->is_first_visible ? 1 : 0);
    for (size_t i = 0; i < a->count; i++)
        call_arg(call, a->events[i]);
    call_send(call, answer_append, (call_done)done, arg);
}

static int decode_page(const struct reply *r, struct log_page *page, struct span **events)
{
    const struct reply *list = reply_at(r, 5);
    int64_t length = reply_int(reply_at(r, 1), -1), is_kept = reply_int(reply_at(r, 3), -1);
    struct span state = reply_str(reply_at(r, 0)), chat = reply_str(reply_at(r, 4));
    if (state.len == 0 || length < 0 || is_kept < 0 || chat.ptr == NULL ||
        reply_type(list) != REPLY_ARRAY)
        return -ERR_INTERNAL;
    *events = mem_new_array(reply_count(list), sizeof **events);
    *page = (struct log_page){state, is_kept == 0, length, chat, *events, reply_count(list)};
    for (size_t i = 0; i < page->count; i++) {
        (*events)[i] = reply_str(reply_at(list, i));
        if ((*events)[i].ptr == NULL)
            return -ERR_INTERNAL;
    }
    return 0;
}

static void answer_read(struct call *call, int status, const struct reply *reply)
{
    on_page done = (on_page)call->done;
    struct log_page page;
    struct span *events = NULL;
    bool is_there = status == 0 && reply_type(reply) != REPLY_NIL;
    if (is_there)
        status = decode_page(reply, &page, &events);
    done(status, is_there && status == 0 ? &page : NULL, call->arg);
    mem_free(events);
}

void log_read(struct bus *bus, const char *tenant, const char *generation, int64_t after,
              size_t max, on_page done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_READ, 1);
    CHECK(after >= 0 && max > 0);
    call_key(call, key_generation(tenant, generation));
    call_text(call, KEY_PREFIX);
    call_text(call, tenant);
    call_text(call, generation);
    call_int(call, after);
    call_int(call, (int64_t)max);
    call_send(call, answer_read, (call_done)done, arg);
}
