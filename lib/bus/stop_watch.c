/* Watches for stops of running generations: their flags polled, `control` heard. Owns copies of
 * what is watched, a timer and a subscriber link. Invariant: nothing depends on pub/sub. An entry
 * whose stop `control` may have told while nobody listened has needs_look, and the poll asks for
 * its live key as well. What is removed while answers are to come lies in `removed` until they
 * came, for they name it. */
#include "bus/stop.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/pubsub.h"

enum { STOP_WATCH_MAGIC = 0x73747764, TELL_AGAIN_MS = 1000, NAME_BYTES = KEY_MAX };

struct entry {
    struct entry *prev, *next;
    char *name; /* "<tenant> <generation> <token>", as `control` says it */
    char *flag; /* or "" */
    char *live; /* key: asked for while in doubt */
    void *arg;
    int64_t told_ms; /* when on_flag was called; 0: never, or the flag was gone since */
    bool needs_look, is_ended, is_removed;
};

struct stop_watch {
    uint32_t magic;
    struct bus *bus;
    struct loop *loop;
    struct pubsub *pubsub;
    struct stop_watch_hooks hooks;
    struct map *by_name;
    struct entry *first, *removed;
    size_t count;
    struct key control;
    struct timer poll;
    int64_t interval_ms;
    unsigned answers_due;
    struct command flags; /* the names of all flags, unless is_changed */
    bool is_changed;      /* what is watched, since they were written */
    bool is_in_doubt;     /* one of the entries may be */
    bool is_any_set;      /* of the flags, as far as is known: then each is asked for */
    bool is_listening;    /* `control` is subscribed */
    bool is_freed;
};

/* A question for a live key: what it is worth depends on when it was asked. */
struct look {
    struct entry *entry;
    bool was_listening;
};

static void list_add(struct entry **first, struct entry *e)
{
    e->prev = NULL;
    e->next = *first;
    if (e->next != NULL)
        e->next->prev = e;
    *first = e;
}

static void list_remove(struct entry **first, struct entry *e)
{
    *(e->prev == NULL ? first : &e->prev->next) = e->next;
    if (e->next != NULL)
        e->next->prev = e->prev;
}

static void free_list(struct entry **first)
{
    while (*first != NULL) {
        struct entry *e = *first;
        *first = e->next;
        mem_free(e->name);
        mem_free(e->flag);
        mem_free(e->live);
        mem_free(e);
    }
}

/* An answer was dealt with. */
static void answered(struct stop_watch *watch)
{
    if (--watch->answers_due == 0)
        free_list(&watch->removed);
}

static void tell_ended(struct stop_watch *watch, struct entry *e)
{
    if (e->is_removed || e->is_ended)
        return;
    e->is_ended = true;
    watch->hooks.on_control(e->arg);
}

/* A flag stays set until a script deletes it, so it is told again only after a while. */
static void tell_flag(struct stop_watch *watch, struct entry *e, bool is_set)
{
    int64_t now = clock_mono_ms();
    if (e->is_removed)
        return;
    if (!is_set) {
        e->told_ms = 0;
    } else if (e->told_ms == 0 || now - e->told_ms >= TELL_AGAIN_MS) {
        e->told_ms = now;
        watch->hooks.on_flag(e->arg);
    }
}

static void on_flags(struct call *call, int status, const struct reply *reply)
{
    struct stop_watch *watch = call->arg;
    struct entry *const *asked = call->extra;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    bool is_any_set = status != 0 && watch->is_any_set;
    for (size_t i = 0;
         status == 0 && i < reply_count(reply) && asked[i] != NULL && !watch->is_freed; i++) {
        bool is_set = reply_type(reply_at(reply, i)) != REPLY_NIL;
        is_any_set = is_any_set || is_set;
        tell_flag(watch, asked[i], is_set);
    }
    if (watch->is_freed)
        return;
    watch->is_any_set = is_any_set;
    answered(watch);
}

static void on_live(struct call *call, int status, const struct reply *reply)
{
    struct stop_watch *watch = call->arg;
    const struct look *look = call->extra;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    if (status == 0 && look->was_listening)
        look->entry->needs_look = false;
    if (status == 0 && reply_int(reply, 1) == 0)
        tell_ended(watch, look->entry);
    if (!watch->is_freed)
        answered(watch);
}

static void ask(struct stop_watch *watch, struct call *call, call_decode decode)
{
    call->is_repeated = false; /* the next poll asks again */
    watch->answers_due++;
    call_send(call, decode, NULL, watch);
}

/* Which of the flags are set. */
static void ask_which(struct stop_watch *watch)
{
    struct entry **asked = mem_new_array(watch->count + 1, sizeof(struct entry *));
    struct call *flags = call_new_plain(watch->bus, "MGET");
    size_t n = 0;
    for (struct entry *e = watch->first; e != NULL; e = e->next) {
        if (e->flag[0] == '\0')
            continue;
        asked[n++] = e;
        call_text(flags, e->flag);
    }
    flags->extra = asked;
    if (n > 0)
        ask(watch, flags, on_flags);
    else
        call_drop(flags);
}

static void on_how_many(struct call *call, int status, const struct reply *reply)
{
    struct stop_watch *watch = call->arg;
    (void)call;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    if (status == 0 && reply_int(reply, 1) != 0)
        ask_which(watch);
    answered(watch);
}

/* How many of the flags are set. Their names are written out once, not at every poll. */
static void ask_how_many(struct stop_watch *watch)
{
    if (watch->is_changed) {
        command_reset(&watch->flags);
        for (struct entry *e = watch->first; e != NULL; e = e->next)
            if (e->flag[0] != '\0')
                command_text(&watch->flags, e->flag);
        watch->is_changed = false;
    }
    if (watch->flags.count == 0)
        return;
    struct call *call = call_new_plain(watch->bus, "EXISTS");
    call_join(call, &watch->flags);
    ask(watch, call, on_how_many);
}

static void ask_for_live_keys(struct stop_watch *watch)
{
    watch->is_in_doubt = false;
    for (struct entry *e = watch->first; e != NULL; e = e->next) {
        if (!e->needs_look || e->is_ended)
            continue;
        struct call *live = call_new_plain(watch->bus, "EXISTS");
        live->extra = mem_dup(&(struct look){e, watch->is_listening}, sizeof(struct look));
        call_text(live, e->live);
        ask(watch, live, on_live);
        watch->is_in_doubt = true; /* until a poll finds none */
    }
}

/* Flags are set seldom and asked for often. So first how many there are, which costs Redis and this
 * process a fraction of an answer each; which ones only when there are any. And an EXISTS for each
 * live key in doubt. One write, one answer. */
static void ask_all(struct stop_watch *watch)
{
    if (watch->is_any_set)
        ask_which(watch);
    else
        ask_how_many(watch);
    if (watch->is_in_doubt)
        ask_for_live_keys(watch);
}

static void on_poll(void *arg)
{
    struct stop_watch *watch = arg;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    timer_start(&watch->poll, watch->interval_ms);
    if (watch->answers_due == 0 && watch->count > 0 && bus_is_up(watch->bus))
        ask_all(watch);
}

static void look_at_all(struct stop_watch *watch)
{
    watch->is_in_doubt = true;
    for (struct entry *e = watch->first; e != NULL; e = e->next)
        e->needs_look = true;
}

static void on_pubsub_up(void *arg)
{
    struct stop_watch *watch = arg;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    pubsub_subscribe(watch->pubsub, watch->control.text);
}

static void on_pubsub_down(void *arg)
{
    struct stop_watch *watch = arg;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    watch->is_listening = false;
    look_at_all(watch);
}

static void on_message(enum sub_kind kind, struct span channel, struct span payload, void *arg)
{
    struct stop_watch *watch = arg;
    char name[NAME_BYTES];
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    if (!span_is(channel, watch->control.text))
        return;
    if (kind == SUB_SUBSCRIBED) {
        watch->is_listening = true;
        look_at_all(watch); /* once more, for what was told before */
    }
    if (kind != SUB_MESSAGE || payload.len == 0 || payload.len >= sizeof name)
        return;
    memcpy(name, payload.ptr, payload.len);
    name[payload.len] = '\0';
    struct entry *e = map_get(watch->by_name, name);
    if (e != NULL)
        tell_ended(watch, e);
}

struct stop_watch *stop_watch_new(struct bus *bus, struct loop *loop, int64_t interval_ms,
                                  const struct stop_watch_hooks *hooks)
{
    struct stop_watch *watch = MEM_NEW(struct stop_watch);
    *watch =
        (struct stop_watch){.magic = STOP_WATCH_MAGIC, .bus = bus, .loop = loop, .hooks = *hooks};
    watch->by_name = map_new();
    command_init(&watch->flags);
    watch->control = key_plain("control");
    watch->interval_ms = interval_ms;
    timer_init(&watch->poll, loop, on_poll, watch);
    timer_start(&watch->poll, interval_ms);
    watch->pubsub = pubsub_new(
        bus, loop, &(struct pubsub_hooks){on_pubsub_up, on_pubsub_down, on_message, watch});
    return watch;
}

static void release(void *arg)
{
    struct stop_watch *watch = arg;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    free_list(&watch->first);
    free_list(&watch->removed);
    map_free(watch->by_name);
    command_release(&watch->flags);
    watch->magic = 0;
    mem_free(watch);
}

void stop_watch_free(struct stop_watch *watch)
{
    if (watch == NULL)
        return;
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    CHECK(!watch->is_freed);
    watch->is_freed = true;
    calls_cancel(watch->bus, watch);
    pubsub_free(watch->pubsub);
    timer_release(&watch->poll);
    loop_defer(watch->loop, release, watch);
}

static char *name_of(const char *tenant, const char *generation, const char *token)
{
    char *name = mem_printf("%s %s %s", tenant, generation, token);
    CHECK(strlen(name) < NAME_BYTES);
    return name;
}

void stop_watch_add(struct stop_watch *watch, const char *tenant, const char *generation,
                    const char *token, const char *flag, void *entry)
{
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    struct entry *e = MEM_NEW(struct entry);
    *e = (struct entry){
        .name = name_of(tenant, generation, token), .flag = mem_strdup(flag), .arg = entry};
    e->live = mem_strdup(key_live(tenant, generation, token).text);
    e->needs_look = true; /* `control` may have named it before the claim's answer was here */
    list_add(&watch->first, e);
    watch->count++;
    watch->is_changed = watch->is_in_doubt = true;
    CHECK(map_put(watch->by_name, e->name, e) == NULL);
}

void stop_watch_remove(struct stop_watch *watch, const char *tenant, const char *generation,
                       const char *token)
{
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    char *name = name_of(tenant, generation, token);
    struct entry *e = map_remove(watch->by_name, name);
    mem_free(name);
    if (e == NULL)
        return;
    list_remove(&watch->first, e);
    watch->count--;
    watch->is_changed = true;
    e->is_removed = true;
    list_add(&watch->removed, e);
    if (watch->answers_due == 0)
        free_list(&watch->removed);
}

void stop_watch_look(struct stop_watch *watch)
{
    CHECK_MAGIC(watch, STOP_WATCH_MAGIC);
    pubsub_read(watch->pubsub);
}
