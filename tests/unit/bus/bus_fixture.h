/* A bus on a private Redis, and the few steps of a generation's life that most tests need: each
 * runs the loop until it is answered. */
#ifndef SLUICE_TESTS_BUS_FIXTURE_H
#define SLUICE_TESTS_BUS_FIXTURE_H

#include "bus/redis_fixture.h"

#include "bus/feed.h"
#include "bus/log.h"
#include "bus/queue.h"
#include "bus/stop.h"
#include "bus/turn.h"
#include "wire/event.h"

struct house {
    struct redis redis;
    struct loop *loop;
    struct bus *bus;
    bool is_up;
    int nonces;
    /* of the last answer */
    bool came;
    int status;
    enum begin_outcome begun;
    int64_t position;
    struct id generation, chat;
    int64_t retry_after_ms;
    enum append_outcome appended;
    int64_t length;
    enum finish_outcome finished;
    char token[160], text[256], state[128];
    int64_t seq;
    bool was_found, committed;
};

static inline void on_house_up(void *arg)
{
    ((struct house *)arg)->is_up = true;
}

static inline void on_house_down(void *arg)
{
    ((struct house *)arg)->is_up = false;
}

static inline void house_open(struct house *h, int64_t retry_ms)
{
    h->bus =
        bus_new(h->loop, &(struct bus_options){.redis_url = h->redis.url,
                                               .stop_key = "chat_stop:{chat_id}",
                                               .tenant_stop_key = "chat_stop@{tenant}:{chat_id}",
                                               .retry_ms = retry_ms,
                                               .lease_ms = 10000,
                                               .keep_log_ms = 600000,
                                               .keep_record_ms = INT64_MAX,
                                               .on_up = on_house_up,
                                               .on_down = on_house_down,
                                               .arg = h});
    CHECK(run_until(h->loop, is_set, &h->is_up));
}

static inline int house_setup(void **state)
{
    struct house *h = MEM_NEW(struct house);
    redis_setup(&h->redis);
    h->loop = loop_new();
    *state = h;
    if (redis_is_installed()) {
        redis_start(&h->redis, "--loglevel", "warning");
        house_open(h, 5000);
    }
    return 0;
}

static inline int house_teardown(void **state)
{
    struct house *h = *state;
    bus_free(h->bus);
    loop_free(h->loop);
    redis_teardown(&h->redis);
    mem_free(h);
    return 0;
}

static inline void house_wait(struct house *h)
{
    CHECK(run_until(h->loop, is_set, &h->came));
}

static inline void keep_text(char *to, size_t size, struct span s)
{
    (void)snprintf(to, size, "%.*s", SPAN_ARG(s));
}

static inline void on_begun(int status, const struct begin_answer *answer, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    if (status != 0)
        return;
    h->begun = answer->outcome;
    h->position = answer->position;
    h->generation = answer->generation;
    h->chat = answer->chat;
    h->retry_after_ms = answer->retry_after_ms;
    keep_text(h->state, sizeof h->state, answer->state);
}

/* A turn with the usual answers to every question. */
static inline struct begin usual_begin(const char *chat, const char *generation)
{
    return (struct begin){
        .tenant = "default",
        .chat = chat,
        .generation = generation,
        .lane = LANE_STREAM_INTERACTIVE,
        .mode = BEGIN_ANY,
        .hash = SPAN_LIT("hash"),
        .message_id = "msg_reply",
        .user_message_id = "msg_user",
        .request = SPAN_LIT("job"),
        .restore = SPAN_LIT("{\"message\":\"hi\",\"attachments\":[],\"metadata\":{}}"),
        .user_message = SPAN_LIT("user message"),
        .title = SPAN_LIT("hi"),
        .on_stop = "discard",
        .on_interrupt = "interrupted",
        .tenant_limit = 100,
        .waiting_limit = 10,
    };
}

static inline enum begin_outcome house_begin(struct house *h, const struct begin *begin)
{
    h->came = false;
    turn_begin(h->bus, begin, on_begun, h);
    CHECK(!h->came);
    house_wait(h);
    CHECK(h->status == 0);
    return h->begun;
}

static inline void on_claimed(int status, const struct claim *claim, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->was_found = claim != NULL;
    if (claim == NULL)
        return;
    keep_text(h->token, sizeof h->token, claim->token);
    keep_text(h->text, sizeof h->text, claim->request);
    h->generation = id_from(claim->generation);
    h->length = claim->length;
}

/* Claims one; false when there was nothing. Its token is in h->token, the log's length in
 * h->length. */
static inline bool house_claim(struct house *h)
{
    char nonce[32];
    (void)snprintf(nonce, sizeof nonce, "n%d", ++h->nonces);
    h->came = false;
    queue_claim(h->bus, "stream", "worker", nonce, 64, on_claimed, h);
    house_wait(h);
    CHECK(h->status == 0);
    return h->was_found;
}

static inline void on_appended(int status, enum append_outcome outcome, int64_t length, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->appended = outcome;
    h->length = length;
}

/* Appends `count` deltas "<seq> " from `first` on, in one call. */
static inline enum append_outcome house_append(struct house *h, const char *generation,
                                               const char *flag, int64_t first, size_t count)
{
    struct buf b;
    struct span events[64];
    size_t ends[64];
    buf_init(&b, 1 << 20);
    CHECK(count <= 64);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%lld ", (long long)(first + (int64_t)i));
        event_put_piece(&b, first + (int64_t)i,
                        &(struct piece){.kind = EVENT_DELTA,
                                        .text = span_make(text, (size_t)len),
                                        .node = SPAN_NONE,
                                        .signature = SPAN_NONE});
        ends[i] = b.len;
    }
    for (size_t i = 0; i < count; i++)
        events[i] =
            span_make(b.ptr + (i == 0 ? 0 : ends[i - 1]), ends[i] - (i == 0 ? 0 : ends[i - 1]));
    h->came = false;
    log_append(
        h->bus,
        &(struct append){"default", generation, h->token, flag, first, first == 2, events, count},
        on_appended, h);
    house_wait(h);
    buf_release(&b);
    return h->appended;
}

static inline void on_finished(int status, const struct finish_answer *answer, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    if (status != 0)
        return;
    h->finished = answer->outcome;
    h->length = answer->length;
    keep_text(h->state, sizeof h->state, answer->state);
}

static inline enum finish_outcome house_finish(struct house *h, const char *generation,
                                               const char *state, int64_t expected)
{
    h->came = false;
    turn_finish(h->bus,
                &(struct finish){.tenant = "default",
                                 .generation = generation,
                                 .token = h->token,
                                 .state = state,
                                 .expected_seq = expected,
                                 .reason = SPAN_LIT("provider_error"),
                                 .error = SPAN_LIT("{\"code\":\"provider_error\"}"),
                                 .finish_reason = SPAN_LIT("stop"),
                                 .model = SPAN_LIT("m"),
                                 .system = SPAN_NONE,
                                 .usage = SPAN_LIT("{\"input\":1,\"output\":2,\"settled\":true}"),
                                 .usage_source = "provider",
                                 .reply = SPAN_LIT("reply message")},
                on_finished, h);
    house_wait(h);
    return h->finished;
}

static inline void on_stopped(int status, const struct stop_answer *answer, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    if (status != 0)
        return;
    keep_text(h->text, sizeof h->text, answer->outcome);
    keep_text(h->state, sizeof h->state, answer->restore);
    h->seq = answer->seq;
    h->committed = answer->committed;
    h->length = (int64_t)answer->waiting_count;
}

/* The outcome's word; h->seq and so on. */
static inline const char *house_stop(struct house *h, const char *chat, const char *generation,
                                     const char *reason)
{
    char token[32];
    (void)snprintf(token, sizeof token, "s%d", ++h->nonces);
    h->came = false;
    stop_request(h->bus,
                 &(struct stop){"default", chat, generation, reason, token, -1, false, NULL},
                 on_stopped, h);
    house_wait(h);
    CHECK(h->status == 0);
    return h->text;
}

#endif
