/* The stop script: asks, decodes the truth. */
#include "bus/stop.h"

#include "base/mem.h"
#include "bus/bus_inner.h"
#include "wire/limits.h"

static int decode_waiting(const struct reply *r, struct stop_answer *out,
                          struct stop_waiting **waiting)
{
    size_t count = reply_count(r) / 2;
    if (reply_type(r) != REPLY_ARRAY || reply_count(r) % 2 != 0)
        return -ERR_INTERNAL;
    *waiting = mem_new_array(count, sizeof **waiting);
    for (size_t i = 0; i < count; i++) {
        struct span generation = reply_str(reply_at(r, i * 2));
        if (!id_is_valid(generation))
            return -ERR_INTERNAL;
        (*waiting)[i] =
            (struct stop_waiting){id_from(generation), reply_str(reply_at(r, i * 2 + 1))};
    }
    out->waiting = *waiting;
    out->waiting_count = count;
    return 0;
}

static int decode_stop(const struct reply *r, struct stop_answer *out,
                       struct stop_waiting **waiting)
{
    enum {
        OUTCOME,
        GENERATION,
        CHAT,
        SEQ,
        STATE,
        REASON,
        RESTORE,
        COMMITTED,
        MESSAGE_ID,
        USAGE,
        WAITING,
        ELEMENTS
    };
    int64_t committed = reply_int(reply_at(r, COMMITTED), -1);
    *out = (struct stop_answer){
        .outcome = reply_str(reply_at(r, OUTCOME)),
        .generation = reply_str(reply_at(r, GENERATION)),
        .chat = reply_str(reply_at(r, CHAT)),
        .state = reply_str(reply_at(r, STATE)),
        .reason = reply_str(reply_at(r, REASON)),
        .seq = reply_int(reply_at(r, SEQ), -1),
        .restore = reply_str(reply_at(r, RESTORE)),
        .committed = committed == 1,
        .message_id = reply_str(reply_at(r, MESSAGE_ID)),
        .usage = reply_str(reply_at(r, USAGE)),
    };
    if (reply_count(r) != ELEMENTS || out->outcome.len == 0 || committed < 0 || committed > 1)
        return -ERR_INTERNAL;
    return decode_waiting(reply_at(r, WAITING), out, waiting);
}

static void answer_stop(struct call *call, int status, const struct reply *reply)
{
    on_stop done = (on_stop)call->done;
    struct stop_answer answer;
    struct stop_waiting *waiting = NULL;
    if (status == 0)
        status = decode_stop(reply, &answer, &waiting);
    done(status, status == 0 ? &answer : NULL, call->arg);
    mem_free(waiting);
}

/* Redis writes its answers in the reverse of the order in which this pass first had one for each
 * connection. With one before the stop's own, the worker is told before whoever asked for the stop:
 * its next request stays there. Nothing depends on it. */
static void be_answered_last(struct bus *bus)
{
    struct call *first = call_new_plain(bus, "PING");
    first->is_repeated = false;
    call_send(first, NULL, NULL, NULL);
}

void stop_request(struct bus *bus, const struct stop *s, on_stop done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_STOP, 1);
    CHECK(s->request_token[0] !=
          '\0'); /* without it a repeated stop by chat could hit the next turn */
    be_answered_last(bus);
    call_key(call, key_plain("open"));
    call_text(call, KEY_PREFIX);
    call_text(call, s->tenant);
    call_text(call, s->chat);
    call_text(call, s->generation);
    call_text(call, s->reason);
    call_text(call, s->request_token);
    if (s->seen < 0)
        call_text(call, "");
    else
        call_int(call, s->seen);
    call_int(call, s->all ? 1 : 0);
    call_int(call, LIMIT_TOMBSTONES);
    call_text(call, s->user == NULL ? "" : s->user);
    call_send(call, answer_stop, (call_done)done, arg);
}
