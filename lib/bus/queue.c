/* The worker's side of the queue: claim, renew, release, announce. */
#include "bus/queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bus/bus_inner.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    CLAIM_AGAIN_MAX = 64, /* times that one claim asks on when it cleared stale entries only */
    RENEW_PART = 1000,    /* leases per call: Redis does nothing else meanwhile */
    ANNOUNCE_MS = 30 * 1000,
    TOKEN_MAX = ID_MAX + 24, /* <epoch>.<nonce> */
};

/* What a claim needs to ask once more; the call's extra. */
struct claim_request {
    char kind[16];
    struct id worker, nonce;
    int64_t tenant_cap;
    int tries;
};

/* What claim.lua answers, in its order. */
enum claim_element {
    TENANT,
    GENERATION,
    TOKEN,
    SEQ,
    EPOCH,
    SHOWN,
    CRASHES,
    ATTEMPT,
    CHAT,
    FLAG,
    MODE,
    LANE,
    ON_STOP,
    ON_INTERRUPT,
    USER,
    MESSAGE_ID,
    USER_MESSAGE_ID,
    CREATED_AT,
    REQUEST,
    USER_MSG,
    MODEL,
    SYSTEM,
    GRAPH,
    ELEMENTS
};

static bool is_sound_claim(const struct claim *c)
{
    return id_is_tenant(c->tenant) && id_is_valid(c->generation) && c->token.len > 0 &&
           c->length >= 0 && c->epoch >= 0 && c->crashes >= 0 &&
           (c->chat.len == 0 || id_is_valid(c->chat));
}

static int decode_claim(const struct reply *r, struct claim *out)
{
    struct span s[ELEMENTS];
    if (reply_count(r) != ELEMENTS)
        return -ERR_INTERNAL;
    for (size_t i = 0; i < ELEMENTS; i++)
        s[i] = reply_str(reply_at(r, i));
    *out = (struct claim){
        .tenant = s[TENANT],
        .generation = s[GENERATION],
        .token = s[TOKEN],
        .chat = s[CHAT],
        .flag = s[FLAG],
        .length = reply_int(reply_at(r, SEQ), -1),
        .epoch = reply_int(reply_at(r, EPOCH), -1),
        .crashes = reply_int(reply_at(r, CRASHES), -1),
        .was_shown = span_is(s[SHOWN], "1"),
        .is_stateless = span_is(s[MODE], "none"),
        .request = s[REQUEST],
        .on_interrupt = s[ON_INTERRUPT],
        .message_id = s[MESSAGE_ID],
        .user_message_id = s[USER_MESSAGE_ID],
        .chat_model = s[MODEL].len == 0 ? SPAN_NONE : s[MODEL],
        .chat_system = s[SYSTEM].len == 0 ? SPAN_NONE : s[SYSTEM],
        .lane = s[LANE],
        .on_stop = s[ON_STOP],
        .user = s[USER],
        .attempt = s[ATTEMPT],
        .user_message = s[USER_MSG],
        .graph = s[GRAPH],
        .queued_at_ms = reply_int(reply_at(r, CREATED_AT), 0),
    };
    s[SEQ] = SPAN_LIT("a number");
    for (size_t i = 0; i < ELEMENTS; i++)
        if (s[i].ptr == NULL)
            return -ERR_INTERNAL;
    return is_sound_claim(out) ? 0 : -ERR_INTERNAL;
}

static void claim_send(struct bus *bus, struct claim_request *request, on_claim done, void *arg);

static void answer_claim(struct call *call, int status, const struct reply *reply)
{
    on_claim done = (on_claim)call->done;
    struct claim_request *request = call->extra;
    struct claim claim;
    if (status != 0 || reply_type(reply) == REPLY_NIL) {
        done(status, NULL, call->arg);
        return;
    }
    if (reply_type(reply) ==
        REPLY_INT) { /* stale entries were cleared, or there are more tenants than one look sees */
        call->extra = NULL;
        if (--request->tries > 0) {
            claim_send(call->bus, request, done, call->arg);
            return;
        }
        mem_free(request);
        done(0, NULL, call->arg);
        return;
    }
    status = decode_claim(reply, &claim);
    done(status, status == 0 ? &claim : NULL, call->arg);
}

/* Takes the request. */
static void claim_send(struct bus *bus, struct claim_request *request, on_claim done, void *arg)
{
    char ring[64];
    struct call *call = call_new(bus, SCRIPT_CLAIM, 1);
    (void)snprintf(ring, sizeof ring, "ring:%s.interactive", request->kind); /* fits: see kind */
    call->extra = request;
    call_key(call, key_plain(ring));
    call_text(call, KEY_PREFIX);
    call_text(call, request->kind);
    call_text(call, request->worker.text);
    call_text(call, request->nonce.text);
    call_int(call, bus->options.lease_ms);
    call_int(call, request->tenant_cap);
    for (size_t i = 0; i < bus->cap_count; i++) {
        call_text(call, bus->caps[i].tenant);
        call_int(call, bus->caps[i].running);
    }
    call_send(call, answer_claim, (call_done)done, arg);
}

void queue_claim(struct bus *bus, const char *kind, const char *worker, const char *nonce,
                 int64_t tenant_cap, on_claim done, void *arg)
{
    struct claim_request *request = MEM_NEW(struct claim_request);
    CHECK(strlen(kind) < sizeof request->kind);
    memcpy(request->kind, kind, strlen(kind) + 1);
    request->worker = id_from(span_of(worker));
    request->nonce = id_from(span_of(nonce));
    request->tenant_cap = tenant_cap;
    request->tries = CLAIM_AGAIN_MAX;
    claim_send(bus, request, done, arg);
}

void queue_set_caps(struct bus *bus, const struct tenant_cap *caps, size_t count)
{
    mem_free(bus->caps);
    bus->caps = mem_new_array(count, sizeof *bus->caps);
    bus->cap_count = count;
    for (size_t i = 0; i < count; i++) {
        CHECK(id_is_tenant(span_of(caps[i].tenant)));
        memcpy(bus->caps[i].tenant, caps[i].tenant, strlen(caps[i].tenant));
        bus->caps[i].running = caps[i].running;
    }
}

/* A renewal goes in parts, one after the other. Between them it lives in the call's extra, its
 * texts in one block behind it. */
struct renewal {
    size_t count, asked;
    struct renewal_lease {
        struct id generation;
        char tenant[ID_TENANT_MAX + 1];
        char token[TOKEN_MAX + 1];
    } * leases;
    bool *is_held;
};

static size_t align(size_t n)
{
    return (n + 15) / 16 * 16;
}

static struct renewal *renewal_new(const struct lease *leases, size_t count)
{
    CHECK(count < SIZE_MAX / 2 / sizeof(struct renewal_lease));
    char *block =
        mem_new(align(sizeof(struct renewal)) + count * sizeof(struct renewal_lease) + count + 1);
    struct renewal *renewal = (void *)block;
    renewal->count = count;
    renewal->leases = (void *)(block + align(sizeof *renewal));
    renewal->is_held = (void *)(block + align(sizeof *renewal) + count * sizeof *renewal->leases);
    for (size_t i = 0; i < count; i++) {
        CHECK(strlen(leases[i].tenant) <= ID_TENANT_MAX && strlen(leases[i].token) <= TOKEN_MAX);
        memcpy(renewal->leases[i].tenant, leases[i].tenant, strlen(leases[i].tenant));
        memcpy(renewal->leases[i].token, leases[i].token, strlen(leases[i].token));
        renewal->leases[i].generation = id_from(span_of(leases[i].generation));
    }
    return renewal;
}

static size_t renewal_part(const struct renewal *renewal)
{
    size_t left = renewal->count - renewal->asked;
    return left < RENEW_PART ? left : RENEW_PART;
}

static void renewal_send(struct bus *bus, struct renewal *renewal, on_renew done, void *arg);

static void answer_renew(struct call *call, int status, const struct reply *reply)
{
    on_renew done = (on_renew)call->done;
    struct renewal *renewal = call->extra;
    size_t part = renewal_part(renewal);
    if (status == 0 && reply_count(reply) != part)
        status = -ERR_INTERNAL;
    if (status != 0) {
        done(status, NULL, 0, call->arg);
        return;
    }
    for (size_t i = 0; i < part; i++)
        renewal->is_held[renewal->asked + i] = reply_int(reply_at(reply, i), 0) == 1;
    renewal->asked += part;
    if (renewal->asked == renewal->count) {
        done(0, renewal->is_held, renewal->count, call->arg);
        return;
    }
    call->extra = NULL;
    renewal_send(call->bus, renewal, done, call->arg);
}

/* Takes the renewal. */
static void renewal_send(struct bus *bus, struct renewal *renewal, on_renew done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_RENEW, 1);
    size_t part = renewal_part(renewal);
    call->extra = renewal;
    call_key(call, key_plain("leases"));
    call_text(call, KEY_PREFIX);
    call_int(call, bus->options.lease_ms);
    for (size_t i = 0; i < part; i++) {
        const struct renewal_lease *lease = &renewal->leases[renewal->asked + i];
        call_text(call, lease->tenant);
        call_text(call, lease->generation.text);
        call_text(call, lease->token);
    }
    call_send(call, answer_renew, (call_done)done, arg);
}

void queue_renew(struct bus *bus, const struct lease *leases, size_t count, on_renew done,
                 void *arg)
{
    renewal_send(bus, renewal_new(leases, count), done, arg);
}

static void answer_release(struct call *call, int status, const struct reply *reply)
{
    on_release done = (on_release)call->done;
    struct span outcome = status == 0 ? reply_str(reply) : SPAN_NONE;
    if (status == 0 && outcome.len == 0)
        status = -ERR_INTERNAL;
    done(status, outcome, call->arg);
}

void queue_release(struct bus *bus, const struct lease *lease, int64_t delay_ms,
                   struct span attempt, on_release done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_RELEASE, 1);
    call_key(call, key_generation(lease->tenant, lease->generation));
    call_text(call, KEY_PREFIX);
    call_text(call, lease->tenant);
    call_text(call, lease->generation);
    call_text(call, lease->token);
    call_int(call, delay_ms);
    call_arg(call, attempt);
    call_send(call, answer_release, (call_done)done, arg);
}

static void send_words(struct link *link, size_t argc, const char *const *words)
{
    struct span argv[8];
    CHECK(argc <= sizeof argv / sizeof *argv);
    for (size_t i = 0; i < argc; i++)
        argv[i] = span_of(words[i]);
    link_command(link, argc, argv, 0, NULL,
                 NULL); /* what is said again soon need not be answered */
}

void queue_announce(struct bus *bus, const char *worker, const char *kind, int64_t slots,
                    int64_t running)
{
    char until[24], now[24], name[ID_MAX + 16], value[128], expiry[24];
    int64_t now_ms = clock_wall_ms();
    struct key workers = key_plain("workers");
    if (!bus_is_up(bus))
        return;
    CHECK(strlen(worker) <= ID_MAX);
    (void)snprintf(now, sizeof now, "%" PRId64, now_ms);
    (void)snprintf(until, sizeof until, "%" PRId64, now_ms + ANNOUNCE_MS);
    (void)snprintf(expiry, sizeof expiry, "%d", ANNOUNCE_MS);
    (void)snprintf(name, sizeof name, "worker:%s", worker);
    (void)snprintf(value, sizeof value, "%s %" PRId64 " %" PRId64, kind, slots, running);
    struct key own = key_plain(name);
    send_words(bus->link, 4, (const char *const[]){"ZADD", workers.text, until, worker});
    send_words(bus->link, 4, (const char *const[]){"ZREMRANGEBYSCORE", workers.text, "-inf", now});
    send_words(bus->link, 5, (const char *const[]){"SET", own.text, value, "PX", expiry});
}
