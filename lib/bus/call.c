/* Owns: every call from call_send to its answer. Invariant: a call is on the bus's list until it is
 * answered and off the wire; it is on the wire exactly while is_sent. The list is in order of age,
 * and so is what is sent again. */
#include "bus/bus_inner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bus/script.h"

enum { CALL_MAGIC = 0x63616c6c, LOADS_MAX = 3, HELD_UP_MS = 100 };

static struct call *make(struct bus *bus, enum script script, bool is_repeated)
{
    struct call *call = MEM_NEW(struct call);
    call->magic = CALL_MAGIC;
    call->bus = bus;
    call->script = script;
    call->is_repeated = is_repeated;
    command_init(&call->command);
    return call;
}

struct call *call_new(struct bus *bus, enum script script, unsigned keys)
{
    static const bool repeated[SCRIPT_COUNT] = {
#define X(name, file, form, is_repeated) [SCRIPT_##name] = is_repeated,
#include "bus/scripts.def"
#undef X
    };
    struct call *call = make(bus, script, repeated[script]);
    script_invoke(&call->command, script);
    command_int(&call->command, keys);
    return call;
}

struct call *call_new_plain(struct bus *bus, const char *verb)
{
    struct call *call = make(bus, SCRIPT_COUNT, true);
    command_text(&call->command, verb);
    return call;
}

void call_arg(struct call *call, struct span s)
{
    command_arg(&call->command, s);
}

void call_text(struct call *call, const char *text)
{
    command_text(&call->command, text);
}

void call_int(struct call *call, int64_t v)
{
    command_int(&call->command, v);
}

void call_key(struct call *call, struct key key)
{
    command_text(&call->command, key.text);
}

void call_field(struct call *call, const char *name, struct span value)
{
    if (value.ptr == NULL)
        return;
    command_text(&call->command, name);
    command_arg(&call->command, value);
}

void call_join(struct call *call, const struct command *more)
{
    command_join(&call->command, more);
}

static void link_in(struct call *call)
{
    struct bus *bus = call->bus;
    call->prev = bus->last_call;
    *(call->prev == NULL ? &bus->first_call : &call->prev->next) = call;
    bus->last_call = call;
}

void call_drop(struct call *call)
{
    CHECK_MAGIC(call, CALL_MAGIC);
    command_release(&call->command);
    mem_free(call->extra);
    call->magic = 0;
    mem_free(call);
}

static void destroy(struct call *call)
{
    struct bus *bus = call->bus;
    *(call->prev == NULL ? &bus->first_call : &call->prev->next) = call->next;
    *(call->next == NULL ? &bus->last_call : &call->next->prev) = call->prev;
    call_drop(call);
}

/* Off the list first: the callback may free the bus with all that is on it. */
static void answer(struct call *call, int status, const struct reply *reply)
{
    struct call copy = *call; /* what the decoder looks at */
    bool is_on_wire = call->is_sent;
    call->extra = NULL;
    call->is_answered = true;
    if (!is_on_wire)
        destroy(call);
    if (copy.decode != NULL)
        copy.decode(&copy, status, reply);
    mem_free(copy.extra);
}

static void send(struct call *call);

static void on_reply(int status, const struct reply *reply, void *arg)
{
    struct call *call = arg;
    CHECK_MAGIC(call, CALL_MAGIC);
    call->is_sent = false;
    if (call->is_answered) { /* its time was over before, or nobody asks any more */
        destroy(call);
        return;
    }
    if (status == -ERR_UNAVAILABLE || status == -ERR_TIMEOUT) {
        if (!call->is_repeated)
            answer(call, -ERR_UNAVAILABLE, NULL);
        else if (bus_is_up(call->bus)) /* up again before it was told */
            send(call);
        return;
    }
    if (status != 0 || reply_type(reply) != REPLY_ERROR) {
        answer(call, status, status == 0 ? reply : NULL);
        return;
    }
    status = script_error(reply_str(reply));
    if (status == 0 && call->script != SCRIPT_COUNT && call->loads++ < LOADS_MAX) {
        script_load(call->bus->link, call->script);
        send(call);
        return;
    }
    if (status == 0) /* it cannot be loaded: FUNCTION LOAD is refused while memory is full */
        status = -ERR_UNAVAILABLE;
    call->is_full = status == -ERR_UNAVAILABLE;
    answer(call, status, NULL);
}

static void send(struct call *call)
{
    call->is_sent = true;
    link_send(call->bus->link, command_bytes(&call->command), 0, on_reply, call);
}

static void watch_calls(struct bus *bus, int64_t ms)
{
    bus->calls_due_ms = clock_mono_ms() + ms;
    timer_start(&bus->call_timer, ms);
}

void call_send(struct call *call, call_decode decode, call_done done, void *arg)
{
    struct bus *bus = call->bus;
    CHECK(!bus->is_freed);
    call->decode = decode;
    call->done = done;
    call->arg = arg;
    call->deadline_ms = call->is_repeated ? clock_mono_ms() + bus->options.retry_ms : INT64_MAX;
    link_in(call);
    if (!call->is_repeated || bus_is_up(bus))
        send(call);
    if (call->is_repeated && !timer_is_on(&bus->call_timer))
        watch_calls(bus, bus->options.retry_ms);
}

void calls_send(struct bus *bus)
{
    for (struct call *call = bus->first_call; call != NULL; call = call->next)
        if (!call->is_sent)
            send(call);
}

void calls_drop(struct bus *bus)
{
    while (bus->first_call != NULL)
        destroy(bus->first_call);
}

void calls_cancel(struct bus *bus, const void *arg)
{
    for (struct call *call = bus->first_call, *next; call != NULL; call = next) {
        next = call->next;
        if (call->arg != arg)
            continue;
        call->is_answered = true;
        if (!call->is_sent)
            destroy(call);
    }
}

/* The oldest call that may still be answered by the clock; NULL when there is none. */
static struct call *oldest(const struct bus *bus)
{
    struct call *call = bus->first_call;
    while (call != NULL && (!call->is_repeated || call->is_answered))
        call = call->next;
    return call;
}

/* Calls whose time is over may be unsent or their answers unread: because this process was held up,
 * or behind much that goes out. As long as something moves that is not Redis's fault, and giving up
 * would leave behind what is done a moment later. */
static bool is_moving(struct bus *bus, int64_t now)
{
    uint64_t before = bus->moves_seen;
    bool is_late = now > bus->calls_due_ms + HELD_UP_MS;
    bus->moves_seen = link_moves(bus->link);
    return bus_is_up(bus) && (is_late || bus->moves_seen != before);
}

void on_calls_due(void *arg)
{
    struct bus *bus = arg;
    CHECK_MAGIC(bus, BUS_MAGIC);
    int64_t now = clock_mono_ms();
    struct call *call = oldest(bus);
    if (call != NULL && call->deadline_ms <= now && is_moving(bus, now)) {
        watch_calls(bus, HELD_UP_MS);
        return;
    }
    while (call != NULL && call->deadline_ms <= now) {
        answer(call, -ERR_UNAVAILABLE, NULL);
        if (bus->is_freed)
            return;
        call = oldest(bus);
    }
    if (call != NULL)
        watch_calls(bus, call->deadline_ms - now);
}
