/* Readers by generation. The invariant: a generation is in the map exactly while it has a seat
 * taken; the struct lives on while a question to Redis or a cut refers to it. */
#include "api/audience.h"

#include "api/reader.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/keys.h"

#include <stdio.h>

enum {
    AUDIENCE_MAGIC = 0x41554449,
    CUT_MAGIC = 0x43555400,
    ASK_AGAIN_MS = 500,
    CUT_WRITE_MS = 2 /* time for full sockets to take what was written */
};

LIST_HEAD(seat_list, seat);

struct audience_name {
    char text[ID_TENANT_MAX + 1 + ID_MAX + 1];
};

struct audience {
    uint32_t magic;
    struct api *api;
    char tenant[ID_TENANT_MAX + 1];
    struct id generation;
    struct id chat;
    struct seat_list seats;
    size_t holds;   /* cuts under way */
    bool is_asking; /* for the grace */
    struct timer again;
    LIST_ENTRY(audience) link;
};

static void ask_grace(struct audience *a);

static void free_audience(struct audience *a)
{
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    timer_release(&a->again);
    LIST_REMOVE(a, link);
    a->magic = 0;
    mem_free(a);
}

static void free_if_idle(struct audience *a)
{
    if (LIST_EMPTY(&a->seats) && a->holds == 0 && !a->is_asking) {
        free_audience(a);
    }
}

/* Generations that stop when their reader leaves have a grace in their record; the hub says for us
 * that somebody reads. */
static void on_grace(int status, const struct reply *reply, void *arg)
{
    struct audience *a = arg;
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    a->is_asking = false;
    if (LIST_EMPTY(&a->seats)) {
        free_if_idle(a);
        return;
    }
    if (status != 0 || reply_type(reply) == REPLY_ERROR) {
        timer_start(&a->again, ASK_AGAIN_MS);
        return;
    }
    int64_t grace_ms = reply_int(reply, 0);
    if (grace_ms > 0) {
        hub_watch(a->api->hub, a->tenant, a->generation.text, grace_ms);
    }
}

static void on_again(void *arg)
{
    struct audience *a = arg;
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    ask_grace(a);
}

static void ask_grace(struct audience *a)
{
    struct key record = key_generation(a->tenant, a->generation.text);
    struct span argv[] = {SPAN_LIT("HGET"), span_of(record.text), SPAN_LIT("grace")};
    a->is_asking = true;
    link_command(bus_link(a->api->bus), 3, argv, 0, on_grace, a);
}

/* Generations of two tenants may have equal ids. */
static struct audience_name name_of(const char *tenant, const char *generation)
{
    struct audience_name name;
    (void)snprintf(name.text, sizeof name.text, "%s:%s", tenant, generation); /* fits */
    return name;
}

void audience_join(struct api *api, const char *tenant, const char *generation, struct seat *seat)
{
    struct audience_name name = name_of(tenant, generation);
    struct audience *a = map_get(api->audiences, name.text);
    if (a == NULL) {
        a = MEM_NEW(struct audience);
        a->magic = AUDIENCE_MAGIC;
        a->api = api;
        (void)snprintf(a->tenant, sizeof a->tenant, "%s", tenant);
        a->generation = id_from(span_of(generation));
        LIST_INIT(&a->seats);
        timer_init(&a->again, api->loop, on_again, a);
        LIST_INSERT_HEAD(&api->audience_list, a, link);
        (void)map_put(api->audiences, name.text, a); /* there was none */
        ask_grace(a);
    }
    LIST_INSERT_HEAD(&a->seats, seat, link);
    seat->audience = a;
}

void audience_leave(struct seat *seat)
{
    struct audience *a = seat->audience;
    if (a == NULL) {
        return;
    }
    LIST_REMOVE(seat, link);
    seat->audience = NULL;
    if (LIST_EMPTY(&a->seats)) {
        timer_stop(&a->again);
        struct audience_name name = name_of(a->tenant, a->generation.text);
        (void)map_remove(a->api->audiences, name.text); /* it was there */
        free_if_idle(a);
    }
}

const char *audience_tenant(const struct seat *seat)
{
    return seat->audience->tenant;
}

void audience_set_chat(struct seat *seat, const char *chat)
{
    (void)snprintf(seat->audience->chat.text, sizeof seat->audience->chat.text, "%s", chat);
}

bool audience_is_held(const struct seat *seat)
{
    return seat->audience != NULL && seat->audience->holds > 0;
}

/* The hold is still counted meanwhile, so the audience outlives its last seat. */
static void let_go(struct audience *a)
{
    struct seat *next = NULL;
    for (struct seat *s = LIST_FIRST(&a->seats); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        reader_let_go(s->reader);
    }
    a->holds--;
    free_if_idle(a);
}

static bool is_written(const struct cut *cut)
{
    for (size_t i = 0; i < cut->count; i++) {
        struct seat *s = NULL;
        LIST_FOREACH(s, &cut->held[i].audience->seats, link)
        {
            if (reader_is_behind(s->reader)) {
                return false;
            }
        }
    }
    return true;
}

/* What was written has left in this turn of the loop, or its socket is full: then it gets a moment.
 */
static void on_cut_written(void *arg)
{
    struct cut *cut = arg;
    CHECK_MAGIC(cut, CUT_MAGIC);
    if (!cut->is_late && !is_written(cut)) {
        cut->is_late = true;
        timer_start(&cut->timer, CUT_WRITE_MS);
        return;
    }
    for (size_t i = 0; i < cut->count; i++) {
        let_go(cut->held[i].audience);
    }
    cut->count = 0;
    cut->done(cut->arg);
}

static void on_flushed(void *arg)
{
    struct cut *cut = arg;
    CHECK_MAGIC(cut, CUT_MAGIC);
    if (--cut->waiting == 0) {
        timer_start(&cut->timer, 0);
    }
}

static void hold(struct cut *cut, struct audience *a)
{
    cut->held = mem_grow(cut->held, cut->count + 1, sizeof(struct held));
    cut->held[cut->count++].audience = a;
    a->holds++;
    cut->waiting++;
    hub_flush(cut->api->hub, a->tenant, a->generation.text, on_flushed, cut);
}

void cut_start(struct cut *cut, struct api *api, const char *tenant, const char *generation,
               const char *chat)
{
    cut->magic = CUT_MAGIC;
    cut->api = api;
    cut->waiting = 1; /* this function itself */
    timer_init(&cut->timer, api->loop, on_cut_written, cut);
    struct audience *a = NULL;
    LIST_FOREACH(a, &api->audience_list, link)
    {
        bool is_meant = generation[0] != '\0' ? strcmp(a->generation.text, generation) == 0
                                              : strcmp(a->chat.text, chat) == 0;
        if (is_meant && strcmp(a->tenant, tenant) == 0 && !LIST_EMPTY(&a->seats)) {
            hold(cut, a);
        }
    }
    on_flushed(cut);
}

void cut_release(struct cut *cut)
{
    timer_release(&cut->timer);
    mem_free(cut->held);
    cut->held = NULL;
}

/* Closes seats of one audience while `count` lasts; returns how many are left in it. */
static size_t close_some(struct audience *a, size_t *count)
{
    size_t left = 0;
    struct seat *next = NULL;
    a->holds++; /* it outlives its last seat here */
    for (struct seat *s = LIST_FIRST(&a->seats); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        if (*count > 0) {
            (*count)--;
            reader_close(s->reader, "drain");
        } else {
            left++;
        }
    }
    a->holds--;
    return left;
}

size_t audience_close_some(struct api *api, size_t count)
{
    size_t left = 0;
    struct audience *next = NULL;
    for (struct audience *a = LIST_FIRST(&api->audience_list); a != NULL; a = next) {
        next = LIST_NEXT(a, link);
        left += close_some(a, &count);
        free_if_idle(a);
    }
    return left;
}

void audience_free_all(struct api *api)
{
    while (!LIST_EMPTY(&api->audience_list)) {
        free_audience(LIST_FIRST(&api->audience_list));
    }
}
