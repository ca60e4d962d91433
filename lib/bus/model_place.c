/* Places at models: take, give and renew by one script, and the channel that tells of free ones. */
#include "bus/model_place.h"

#include "base/mem.h"
#include "bus/bus_inner.h"
#include "bus/pubsub.h"

enum { PLACE_WATCH_MAGIC = 0x706c6163 };

static struct call *new_call(struct bus *bus, const char *verb, const char *model, int64_t limit)
{
    struct call *call = call_new(bus, SCRIPT_PLACE, 2);
    call_key(call, key_places(model));
    call_key(call, key_wanted(model));
    call_text(call, KEY_PREFIX);
    call_text(call, verb);
    call_text(call, model);
    call_int(call, bus->options.lease_ms);
    call_int(call, limit);
    return call;
}

static void answer_take(struct call *call, int status, const struct reply *reply)
{
    on_model_place done = (on_model_place)call->done;
    int64_t held = status == 0 ? reply_int(reply, -1) : 0;
    if (held < 0 || held > 1)
        status = -ERR_INTERNAL;
    done(status, held == 1, call->arg);
}

void model_place_take(struct bus *bus, const char *model, const char *holder, int64_t limit,
                      on_model_place done, void *arg)
{
    struct call *call = new_call(bus, "take", model, limit);
    call_text(call, holder);
    call_send(call, answer_take, (call_done)done, arg);
}

void model_place_give(struct bus *bus, const char *model, const char *holder)
{
    struct call *call = new_call(bus, "give", model, 0);
    call_text(call, holder);
    call_send(call, NULL, NULL, NULL);
}

void model_place_renew(struct bus *bus, const struct model_holder *holders, size_t count)
{
    bool *is_told = mem_new_array(count + 1, sizeof *is_told);
    for (size_t i = 0; i < count; i++) {
        if (is_told[i])
            continue;
        struct call *call = new_call(bus, "renew", holders[i].model, 0);
        for (size_t j = i; j < count; j++) {
            if (strcmp(holders[j].model, holders[i].model) != 0)
                continue;
            call_text(call, holders[j].holder);
            is_told[j] = true;
        }
        call_send(call, NULL, NULL, NULL);
    }
    mem_free(is_told);
}

struct place_watch {
    uint32_t magic;
    struct pubsub *pubsub;
    struct key channel;
    on_place_free on_free;
    void *arg;
};

static void on_pubsub_up(void *arg)
{
    struct place_watch *watch = arg;
    CHECK_MAGIC(watch, PLACE_WATCH_MAGIC);
    pubsub_subscribe(watch->pubsub, watch->channel.text);
}

static void on_message(enum sub_kind kind, struct span channel, struct span payload, void *arg)
{
    struct place_watch *watch = arg;
    CHECK_MAGIC(watch, PLACE_WATCH_MAGIC);
    if (kind == SUB_MESSAGE && span_is(channel, watch->channel.text))
        watch->on_free(payload, watch->arg); /* last: it may free the watch */
}

struct place_watch *place_watch_new(struct bus *bus, struct loop *loop, on_place_free on_free,
                                    void *arg)
{
    struct place_watch *watch = MEM_NEW(struct place_watch);
    *watch = (struct place_watch){.magic = PLACE_WATCH_MAGIC, .on_free = on_free, .arg = arg};
    watch->channel = key_plain("places");
    watch->pubsub =
        pubsub_new(bus, loop, &(struct pubsub_hooks){on_pubsub_up, NULL, on_message, watch});
    return watch;
}

void place_watch_free(struct place_watch *watch)
{
    if (watch == NULL)
        return;
    CHECK_MAGIC(watch, PLACE_WATCH_MAGIC);
    pubsub_free(watch->pubsub);
    watch->magic = 0;
    mem_free(watch);
}
