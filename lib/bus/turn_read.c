/* Records, chats and the index of chats, as they are kept. */
#include "bus/turn.h"

#include "base/mem.h"
#include "bus/bus_inner.h"
#include "wire/limits.h"

/* name, value, name, value: as owned pairs that borrow from the reply. -ERR_INTERNAL for anything
 * else. */
static int read_fields(const struct reply *r, struct field **out, size_t *count)
{
    size_t n = reply_count(r) / 2;
    if (reply_type(r) != REPLY_ARRAY || reply_count(r) % 2 != 0)
        return -ERR_INTERNAL;
    struct field *fields = mem_new_array(n, sizeof *fields);
    for (size_t i = 0; i < n; i++) {
        fields[i] =
            (struct field){reply_str(reply_at(r, i * 2)), reply_str(reply_at(r, i * 2 + 1))};
        if (fields[i].name.ptr == NULL || fields[i].value.ptr == NULL) {
            mem_free(fields);
            return -ERR_INTERNAL;
        }
    }
    *out = fields;
    *count = n;
    return 0;
}

static int read_strings(const struct reply *r, struct span **out, size_t *count)
{
    size_t n = reply_count(r);
    if (reply_type(r) != REPLY_ARRAY)
        return -ERR_INTERNAL;
    struct span *strings = mem_new_array(n, sizeof *strings);
    for (size_t i = 0; i < n; i++) {
        strings[i] = reply_str(reply_at(r, i));
        if (strings[i].ptr == NULL) {
            mem_free(strings);
            return -ERR_INTERNAL;
        }
    }
    *out = strings;
    *count = n;
    return 0;
}

struct span field_find(const struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(fields[i].name, name))
            return fields[i].value;
    return SPAN_NONE;
}

static void answer_record(struct call *call, int status, const struct reply *reply)
{
    on_record done = (on_record)call->done;
    struct field *fields = NULL;
    size_t count = 0;
    if (status == 0)
        status = read_fields(reply, &fields, &count);
    done(status, fields, count, call->arg);
    mem_free(fields);
}

void turn_read_record(struct bus *bus, const char *tenant, const char *generation, on_record done,
                      void *arg)
{
    struct call *call = call_new_plain(bus, "HGETALL");
    call_key(call, key_generation(tenant, generation));
    call_send(call, answer_record, (call_done)done, arg);
}

static void answer_chat(struct call *call, int status, const struct reply *reply)
{
    on_chat done = (on_chat)call->done;
    int64_t older = reply_int(reply_at(reply, 2), 0);
    struct chat_view view = {
        .older = older, .has_more = older > 0, .active_generation = reply_str(reply_at(reply, 3))};
    struct field *record = NULL, *active = NULL;
    struct span *messages = NULL;
    if (status == 0)
        status = read_fields(reply_at(reply, 0), &record, &view.record_count);
    if (status == 0)
        status = read_strings(reply_at(reply, 1), &messages, &view.message_count);
    if (status == 0)
        status = read_fields(reply_at(reply, 4), &active, &view.active_count);
    if (status == 0 && view.active_generation.ptr == NULL)
        status = -ERR_INTERNAL;
    view.record = record;
    view.messages = messages;
    view.active = active;
    done(status, status == 0 ? &view : NULL, call->arg);
    mem_free(record);
    mem_free(messages);
    mem_free(active);
}

void turn_read_chat(struct bus *bus, const struct chat_look *look, on_chat done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_VIEW, 1);
    call_key(call, key_chat(look->tenant, look->chat));
    call_text(call, KEY_PREFIX);
    call_text(call, look->tenant);
    call_text(call, look->chat);
    call_int(call, (int64_t)look->limit);
    call_text(call, look->before);
    call_int(call, (int64_t)look->max_bytes);
    call_send(call, answer_chat, (call_done)done, arg);
}

/* `owned` gets the row's fields. */
static int read_row(const struct reply *r, struct chat_row *row, struct field **owned)
{
    struct span active = reply_str(reply_at(r, 1));
    row->chat = reply_str(reply_at(r, 0));
    row->active = active.len == 0 ? SPAN_NONE : active;
    if (row->chat.ptr == NULL || active.ptr == NULL)
        return -ERR_INTERNAL;
    int status = read_fields(reply_at(r, 2), owned, &row->record_count);
    row->record = *owned;
    return status;
}

static void answer_chats(struct call *call, int status, const struct reply *reply)
{
    on_chats done = (on_chats)call->done;
    size_t count = reply_count(reply) == 0 ? 0 : reply_count(reply) - 1;
    struct chat_row *rows = mem_new_array(count, sizeof *rows);
    struct field **owned = mem_new_array(count, sizeof(struct field *));
    if (status == 0 && reply_type(reply_at(reply, 0)) != REPLY_INT)
        status = -ERR_INTERNAL;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = read_row(reply_at(reply, i + 1), &rows[i], &owned[i]);
    if (status == 0)
        done(0, rows, count, reply_int(reply_at(reply, 0), 0) == 1, call->arg);
    else
        done(status, NULL, 0, false, call->arg);
    for (size_t i = 0; i < count; i++)
        mem_free(owned[i]);
    mem_free(owned);
    mem_free(rows);
}

void turn_list_chats(struct bus *bus, const char *tenant, size_t limit, const char *after,
                     const char *user, on_chats done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_CHATS, 1);
    call_key(call, key_chats(tenant));
    call_text(call, KEY_PREFIX);
    call_text(call, tenant);
    call_int(call, (int64_t)limit);
    call_text(call, after);
    call_text(call, user);
    call_send(call, answer_chats, (call_done)done, arg);
}

static void answer_whose(struct call *call, int status, const struct reply *reply)
{
    enum { MINE = 1, NOBODYS = 0, OTHERS = -1, ODD = -2 };
    on_whose done = (on_whose)call->done;
    int64_t n = status == 0 ? reply_int(reply, ODD) : NOBODYS;
    if (n < OTHERS || n > MINE)
        status = -ERR_INTERNAL;
    done(status, n == MINE ? WHOSE_MINE : n == NOBODYS ? WHOSE_NOBODYS : WHOSE_OTHERS, call->arg);
}

void turn_whose(struct bus *bus, const struct whose_ask *ask, on_whose done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_WHOSE, 1);
    call_key(call, key_chat(ask->tenant, ask->chat));
    call_text(call, KEY_PREFIX);
    call_text(call, ask->tenant);
    call_text(call, ask->chat);
    call_text(call, ask->generation);
    call_text(call, ask->user);
    call_text(call, ask->only_chat);
    call_send(call, answer_whose, (call_done)done, arg);
}
