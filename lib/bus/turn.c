/* Begin, finish, settle, delete, position: arguments in the order of their scripts' first lines,
 * answers decoded and checked. */
#include "bus/turn.h"

#include "bus/bus_inner.h"
#include "wire/limits.h"

#include <inttypes.h>
#include <stdio.h>

/* A word of the protocol and what it stands for; tables end with a NULL word. */
struct word {
    const char *word;
    int value;
};

static int word_find(const struct word *words, struct span s)
{
    for (; words->word != NULL; words++)
        if (span_is(s, words->word))
            return words->value;
    return -1;
}

static void call_retention(struct call *call, const char *name, int64_t ms)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, ms == INT64_MAX ? 0 : ms); /* 0: for ever */
    call_field(call, name, span_of(text));
}

static struct span or_none(const char *text)
{
    return text == NULL || text[0] == '\0' ? SPAN_NONE : span_of(text);
}

static int decode_begin(const struct reply *r, struct begin_answer *out)
{
    static const struct word outcomes[] = {
        {"queued", BEGIN_QUEUED},
        {"waiting", BEGIN_WAITING},
        {"stopped", BEGIN_STOPPED},
        {"replayed", BEGIN_REPLAYED},
        {"conflict", BEGIN_CONFLICT},
        {"busy", BEGIN_BUSY},
        {"full", BEGIN_FULL},
        {"exists", BEGIN_EXISTS},
        {"no_message", BEGIN_NO_MESSAGE},
        {"notfound", BEGIN_NOT_FOUND},
        {"limited", BEGIN_LIMITED},
        {NULL, 0},
    };
    int outcome = word_find(outcomes, reply_str(reply_at(r, 0)));
    struct span generation = reply_str(reply_at(r, 1)), chat = reply_str(reply_at(r, 4));
    int64_t n = reply_int(reply_at(r, 3), -1);
    if (outcome < 0 || !id_is_valid(generation) || n < 0 || (chat.len > 0 && !id_is_valid(chat)))
        return -ERR_INTERNAL;
    *out = (struct begin_answer){
        .outcome = (enum begin_outcome)outcome, .state = reply_str(reply_at(r, 2)), .position = n};
    if (outcome == BEGIN_LIMITED)
        *out = (struct begin_answer){
            .outcome = BEGIN_LIMITED, .state = SPAN_LIT(""), .retry_after_ms = n};
    out->generation = id_from(generation);
    if (chat.len > 0)
        out->chat = id_from(chat);
    if (outcome == BEGIN_REPLAYED && n == 0)
        out->outcome = BEGIN_GONE;
    return 0;
}

static void answer_begin(struct call *call, int status, const struct reply *reply)
{
    struct begin_answer answer;
    on_begin done = (on_begin)call->done;
    if (status == 0)
        status = decode_begin(reply, &answer);
    done(status, status == 0 ? &answer : NULL, call->arg);
}

void turn_begin(struct bus *bus, const struct begin *b, on_begin done, void *arg)
{
    static const char *const modes[] = {
        [BEGIN_NEW] = "new", [BEGIN_ANY] = "any", [BEGIN_NONE] = "none"};
    static const char *const policies[] = {[IF_BUSY_REJECT] = "reject",
                                           [IF_BUSY_ENQUEUE] = "enqueue",
                                           [IF_BUSY_INTERRUPT] = "interrupt"};
    char grace[24];
    struct key flag = bus_flag(bus, b->tenant, b->chat);
    struct call *call = call_new(bus, SCRIPT_BEGIN, flag.text[0] == '\0' ? 1 : 2);

    call_key(call, key_generation(b->tenant, b->generation));
    if (flag.text[0] != '\0')
        call_key(call, flag);
    call_text(call, KEY_PREFIX);
    call_text(call, b->tenant);
    call_text(call, b->chat);
    call_text(call, b->generation);
    call_text(call, lane_name(b->lane));
    call_text(call, modes[b->mode]);
    call_text(call, policies[b->if_busy]);
    call_arg(call, b->hash);
    call_arg(call, b->idempotency_key);
    call_int(call, b->tenant_limit);
    call_int(call, b->waiting_limit);
    call_int(call, b->requests_per_minute);
    call_int(call, b->tokens_per_day);
    (void)snprintf(grace, sizeof grace, "%" PRId64, b->grace_ms);
    call_field(call, "request", b->request);
    call_field(call, "restore", b->restore);
    call_field(call, "user_msg", b->user_message);
    call_field(call, "title", b->title);
    call_field(call, "metadata", b->metadata);
    call_field(call, "user", b->user);
    call_field(call, "model", b->model);
    call_field(call, "graph", b->graph);
    call_field(call, "replace_from", b->replace_from);
    call_field(call, "message_id", or_none(b->message_id));
    call_field(call, "user_message_id", or_none(b->user_message_id));
    call_field(call, "on_stop", or_none(b->on_stop));
    call_field(call, "on_interrupt", or_none(b->on_interrupt));
    call_field(call, "grace", span_of(grace));
    if (b->is_own)
        call_field(call, "own", SPAN_LIT("1"));
    if (b->grace_if_new)
        call_field(call, "grace_if_new", SPAN_LIT("1"));
    call_retention(call, "keep_log", bus->options.keep_log_ms);
    call_retention(call, "keep_record", bus->options.keep_record_ms);
    call_retention(call, "keep_chat", bus->options.keep_chat_ms);
    call_send(call, answer_begin, (call_done)done, arg);
}

static int decode_finish(const struct reply *r, struct finish_answer *out)
{
    struct span state = reply_str(reply_at(r, 0));
    int64_t second = reply_int(reply_at(r, 1), -1);
    if (state.len == 0 || second < 0 || reply_count(r) != 3)
        return -ERR_INTERNAL;
    *out = (struct finish_answer){.state = state, .length = reply_int(reply_at(r, 2), 0)};
    if (span_is(state, "gone"))
        out->outcome = FINISH_GONE;
    else if (span_is(state, "behind"))
        *out = (struct finish_answer){FINISH_BEHIND, state, second};
    else
        out->outcome = second == 1 ? FINISH_MINE : FINISH_OTHER;
    return 0;
}

static void answer_finish(struct call *call, int status, const struct reply *reply)
{
    struct finish_answer answer;
    on_finish done = (on_finish)call->done;
    if (status == 0)
        status = decode_finish(reply, &answer);
    done(status, status == 0 ? &answer : NULL, call->arg);
}

void turn_finish(struct bus *bus, const struct finish *f, on_finish done, void *arg)
{
    char parked_ms[24];
    struct call *call = call_new(bus, SCRIPT_FINISH, 1);
    call_key(call, key_generation(f->tenant, f->generation));
    call_text(call, KEY_PREFIX);
    call_text(call, f->tenant);
    call_text(call, f->generation);
    call_text(call, f->token);
    call_text(call, f->state);
    call_int(call, f->expected_seq);
    call_field(call, "usage", f->usage);
    call_field(call, "source", or_none(f->usage_source));
    call_field(call, "reply", f->reply);
    call_field(call, "output", f->output);
    call_field(call, "finish_reason", f->finish_reason);
    call_field(call, "model", f->model);
    call_field(call, "system", f->system);
    call_field(call, "reason", f->reason);
    call_field(call, "error", f->error);
    if (strcmp(f->state, "interrupted") == 0)
        call_field(call, "resumable", f->is_resumable ? SPAN_LIT("1") : SPAN_LIT("0"));
    call_field(call, "graph", f->graph);
    call_field(call, "resume", f->resume);
    if (f->parked.ptr != NULL) {
        CHECK(f->parked_ms > 0 && f->parked_ms <= LIMIT_PARKED_DAYS * INT64_C(86400000) &&
              f->parked.len <= LIMIT_PARKED);
        (void)snprintf(parked_ms, sizeof parked_ms, "%" PRId64, f->parked_ms);
        call_field(call, "parked", f->parked);
        call_field(call, "parked_ms", span_of(parked_ms));
    }
    call_send(call, answer_finish, (call_done)done, arg);
}

static void answer_settle(struct call *call, int status, const struct reply *reply)
{
    enum { NO_RECORD = -1, NOT_OVER = -2, ODD = -3 };
    on_status done = (on_status)call->done;
    int64_t n = status == 0 ? reply_int(reply, ODD) : 0;
    if (n == NO_RECORD)
        status = -ERR_NOT_FOUND;
    else if (n == NOT_OVER)
        status = -ERR_CONFLICT;
    else if (n < 0 || n > 1)
        status = -ERR_INTERNAL;
    if (done != NULL)
        done(status, call->arg);
}

void turn_settle(struct bus *bus, const struct settle *s, on_status done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_SETTLE, 1);
    call_key(call, key_generation(s->tenant, s->generation));
    call_text(call, KEY_PREFIX);
    call_text(call, s->tenant);
    call_text(call, s->generation);
    call_text(call, s->token);
    call_arg(call, s->usage);
    call_text(call, s->usage_source);
    call_send(call, answer_settle, (call_done)done, arg);
}

static void answer_delete(struct call *call, int status, const struct reply *reply)
{
    on_deleted done = (on_deleted)call->done;
    int64_t n = status == 0 ? reply_int(reply, -1) : 0;
    if (n < 0 || n > 1)
        status = -ERR_INTERNAL;
    done(status, n == 1, call->arg);
}

void turn_delete(struct bus *bus, const char *tenant, const char *chat, on_deleted done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_DELETE, 1);
    call_key(call, key_plain("open"));
    call_text(call, KEY_PREFIX);
    call_text(call, tenant);
    call_text(call, chat);
    call_send(call, answer_delete, (call_done)done, arg);
}

static void answer_change(struct call *call, int status, const struct reply *reply)
{
    on_status done = (on_status)call->done;
    int64_t n = status == 0 ? reply_int(reply, -1) : 0;
    if (n < 0 || n > 1)
        status = -ERR_INTERNAL;
    else if (status == 0 && n == 0)
        status = -ERR_NOT_FOUND;
    done(status, call->arg);
}

void turn_change_chat(struct bus *bus, const struct chat_change *change, on_status done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_PATCH, 1);
    call_key(call, key_chat(change->tenant, change->chat));
    call_field(call, "title", change->title);
    call_field(call, "metadata", change->metadata);
    call_field(call, "graph", change->graph);
    call_send(call, answer_change, (call_done)done, arg);
}

static void answer_position(struct call *call, int status, const struct reply *reply)
{
    on_position done = (on_position)call->done;
    int64_t position = -1;
    if (status == 0 && (reply_count(reply) != 1 || reply_type(reply_at(reply, 0)) != REPLY_INT))
        status = -ERR_INTERNAL;
    if (status == 0)
        position = reply_int(reply_at(reply, 0), -1);
    done(status, position, call->arg);
}

void turn_position(struct bus *bus, const char *tenant, const char *generation, on_position done,
                   void *arg)
{
    struct call *call = call_new(bus, SCRIPT_POSITION, 1);
    call_key(call, key_plain("open"));
    call_text(call, KEY_PREFIX);
    call_text(call, tenant);
    call_text(call, generation);
    call_send(call, answer_position, (call_done)done, arg);
}
