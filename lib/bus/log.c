/* Read: a page of a log. */
#include "bus/log.h"

#include "base/mem.h"
#include "bus/bus_inner.h"

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
