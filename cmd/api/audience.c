/* Readers by generation. The invariant: a generation is in the map exactly while it has a seat
 * taken; the struct lives on while a question to Redis or a cut refers to it. */
#include "api/audience.h"

#include "api/reader.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/keys.h"
#include "bus/turn.h"
#include "wire/event.h"

#include <stdio.h>

enum {
    AUDIENCE_MAGIC = 0x41554449,
    CUT_MAGIC = 0x43555400,
    ASK_AGAIN_MS = 500,
    POSITION_MS = 1000,    /* between two questions for a place in the queue, but: */
    POSITION_STEP_MS = 10, /* for each that is before it, since it is not next soon */
    POSITION_SHARE_MS = 2, /* for each audience that asks, so that all together ask 500 a second */
    POSITION_MOST_MS = 30 * 1000,
    CUT_WRITE_MS = 2, /* time for full sockets to take some of what was written */
    CUT_MOMENTS = 50
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
    bool is_queued; /* and its place is asked for: */
    bool is_asking_position;
    struct timer again, position;
    LIST_ENTRY(audience) link;
};

static void ask_grace(struct audience *a);

static void free_audience(struct audience *a)
{
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    timer_release(&a->again);
    timer_release(&a->position);
    LIST_REMOVE(a, link);
    a->magic = 0;
    mem_free(a);
}

static void free_if_idle(struct audience *a)
{
    if (LIST_EMPTY(&a->seats) && a->holds == 0 && !a->is_asking && !a->is_asking_position) {
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

/* Not all at once: each audience has a phase of its own, from its generation's id. */
static int64_t spread(const struct audience *a, int64_t ms)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *c = a->generation.text; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    }
    return ms - ms / 4 + (int64_t)(hash % 1024) * ms / 2048;
}

static void leave_queue(struct audience *a)
{
    if (a->is_queued) {
        a->is_queued = false;
        a->api->queued_audiences--;
        timer_stop(&a->position);
    }
}

static void tell_position(struct audience *a, int64_t position)
{
    struct seat *next = NULL;
    for (struct seat *s = LIST_FIRST(&a->seats); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        if (s->told != position && reader_tell_position(s->reader, position)) {
            s->told = position;
        }
    }
}

static void on_place(int status, int64_t position, void *arg)
{
    struct audience *a = arg;
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    a->is_asking_position = false;
    if (!a->is_queued) {
        free_if_idle(a);
        return;
    }
    int64_t before = status == 0 && position > 0 ? position : 0;
    int64_t ms = POSITION_MS + POSITION_STEP_MS * (before < 10000 ? before : 10000);
    int64_t share = POSITION_SHARE_MS * (int64_t)a->api->queued_audiences;
    ms = share > ms ? share : ms;
    timer_start(&a->position, spread(a, ms < POSITION_MOST_MS ? ms : POSITION_MOST_MS));
    if (status == 0 && position >= 0) { /* else it waits behind its chat's, or is on its way */
        tell_position(a, position);
    }
}

static void on_position_due(void *arg)
{
    struct audience *a = arg;
    CHECK_MAGIC(a, AUDIENCE_MAGIC);
    a->is_asking_position = true;
    turn_position(a->api->bus, a->tenant, a->generation.text, on_place, a);
}

void audience_is_queued(struct seat *seat)
{
    struct audience *a = seat->audience;
    seat->told = -1;
    if (!a->is_queued) {
        a->is_queued = true;
        a->api->queued_audiences++;
        if (!a->is_asking_position) {
            timer_start(&a->position, spread(a, POSITION_MS));
        }
    }
}

void audience_saw(struct seat *seat, struct span event)
{
    struct event_view e;
    if (!seat->audience->is_queued || event_open(event, &e) != 0) {
        return;
    }
    if (e.kind == EVENT_QUEUED) {
        seat->told = mp_int(mp_get(event_fields(&e), "position"), -1);
    } else {
        leave_queue(seat->audience);
    }
    event_close(&e);
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
        timer_init(&a->position, api->loop, on_position_due, a);
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
        leave_queue(a);
        struct audience_name name = name_of(a->tenant, a->generation.text);
        (void)map_remove(a->api->audiences, name.text); /* it was there */
        free_if_idle(a);
    }
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

/* Bytes that the readers' sockets have not taken yet. */
static size_t unwritten(const struct cut *cut)
{
    size_t bytes = 0;
    for (size_t i = 0; i < cut->count; i++) {
        struct seat *s = NULL;
        LIST_FOREACH(s, &cut->held[i].audience->seats, link)
        {
            bytes += reader_behind(s->reader);
        }
    }
    return bytes;
}

/* What was written has left in this turn of the loop, or a socket is full: then it gets a moment,
 * and another one as long as something leaves (a long message given back is larger than a socket's
 * buffer). */
static void on_cut_written(void *arg)
{
    struct cut *cut = arg;
    CHECK_MAGIC(cut, CUT_MAGIC);
    size_t bytes = unwritten(cut);
    if (bytes > 0 && bytes < cut->unwritten && cut->moments < CUT_MOMENTS) {
        cut->unwritten = bytes;
        cut->moments++;
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
    cut->unwritten = SIZE_MAX;
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

static void close_revoked(struct audience *a)
{
    struct seat *next = NULL;
    a->holds++; /* it outlives its last seat here */
    for (struct seat *s = LIST_FIRST(&a->seats); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        uint64_t print = reader_print(s->reader);
        if (print != 0 && !who_print_is_valid(a->api->conf, print)) {
            reader_close(s->reader, "revoked");
        }
    }
    a->holds--;
}

void audience_close_revoked(struct api *api)
{
    struct audience *next = NULL;
    for (struct audience *a = LIST_FIRST(&api->audience_list); a != NULL; a = next) {
        next = LIST_NEXT(a, link);
        close_revoked(a);
        free_if_idle(a);
    }
}

void audience_free_all(struct api *api)
{
    while (!LIST_EMPTY(&api->audience_list)) {
        free_audience(LIST_FIRST(&api->audience_list));
    }
}
