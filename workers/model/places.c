/* Lines of waiters, one per model, and the leases of what is held.
 *
 *     NONE ─take─► ASKING ─► HELD ─give─► NONE
 *       └─► WAITING ─first─┘  │ refused: first in line again
 *             ▲───────────────┘
 * Invariant: a line that is stuck (its last question was refused) sends one question at a time. */
#include "model/places.h"

#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/model_place.h"
#include "loop/loop.h"
#include <stdio.h>

enum {
    PLACES_MAGIC = 0x706c6373,
    LINE_MAGIC = 0x6c696e65,
    ASK_MAGIC = 0x61736b3f,
    ASK_AGAIN_MS = 1000
};

TAILQ_HEAD(place_list, place);
TAILQ_HEAD(ask_list, place_ask);

struct place_line {
    uint32_t magic;
    struct places *places;
    char *model;
    struct place_list waiting;
    struct timer again;           /* on: nobody asks */
    bool is_stuck;                /* the last answer was a refusal: one at a time */
    int64_t limit, taken, asking; /* taken: asked for or held by this process */
    uint64_t turns;
};

/* A question under way; it outlives its place, whose owner may go meanwhile. */
struct place_ask {
    uint32_t magic;
    struct place_line *line;
    struct place *place; /* NULL: no longer wanted */
    char holder[128];
    TAILQ_ENTRY(place_ask) link;
};

struct places {
    uint32_t magic;
    struct bus *bus;
    struct loop *loop;
    struct map *lines; /* by the model's name; they stay until the end */
    struct place_list held;
    size_t held_count;
    struct ask_list asks;
    struct timer renew;
    struct place_watch *watch;
    int64_t lease_ms;
};

static void serve(struct place_line *line);

static void renew(struct places *places)
{
    struct place *place;
    size_t count = 0;
    struct model_holder *holders = mem_new_array(places->held_count + 1, sizeof *holders);
    TAILQ_FOREACH(place, &places->held, link)
    {
        holders[count++] = (struct model_holder){place->line->model, place->holder};
    }
    if (count > 0 && bus_is_up(places->bus))
        model_place_renew(places->bus, holders, count);
    mem_free(holders);
}

static void on_renew_due(void *arg)
{
    struct places *places = arg;
    CHECK_MAGIC(places, PLACES_MAGIC);
    timer_start(&places->renew, places->lease_ms / 3);
    renew(places);
}

static void ask_again(struct place_line *line)
{
    timer_stop(&line->again);
    serve(line);
}

static void on_again(void *arg)
{
    struct place_line *line = arg;
    CHECK_MAGIC(line, LINE_MAGIC);
    ask_again(line);
}

static void on_free(struct span model, void *arg)
{
    struct places *places = arg;
    char name[ID_MAX + 1];
    CHECK_MAGIC(places, PLACES_MAGIC);
    if (model.len >= sizeof name)
        return;
    (void)snprintf(name, sizeof name, "%.*s", SPAN_ARG(model)); /* it fits */
    struct place_line *line = map_get(places->lines, name);
    if (line != NULL && timer_is_on(&line->again))
        ask_again(line);
}

struct places *places_new(struct bus *bus, struct loop *loop, int64_t lease_ms)
{
    struct places *places = MEM_NEW(struct places);
    places->magic = PLACES_MAGIC;
    places->bus = bus;
    places->loop = loop;
    places->lease_ms = lease_ms;
    places->lines = map_new();
    TAILQ_INIT(&places->held);
    TAILQ_INIT(&places->asks);
    timer_init(&places->renew, loop, on_renew_due, places);
    timer_start(&places->renew, lease_ms / 3);
    places->watch = place_watch_new(bus, loop, on_free, places);
    return places;
}

static void free_line(const char *name, void *value, void *arg)
{
    struct places *places = arg;
    struct place_line *line = value;
    CHECK_MAGIC(line, LINE_MAGIC);
    CHECK(line->taken == 0 && TAILQ_EMPTY(&line->waiting));
    (void)map_remove(places->lines, name); /* it is `line` */
    timer_release(&line->again);
    mem_free(line->model);
    line->magic = 0;
    mem_free(line);
}

void places_free(struct places *places)
{
    struct place_ask *ask;
    if (places == NULL)
        return;
    place_watch_free(places->watch);
    while ((ask = TAILQ_FIRST(&places->asks)) != NULL) {
        TAILQ_REMOVE(&places->asks, ask, link);
        ask->line->taken--;
        ask->magic = 0;
        mem_free(ask);
    }
    map_each(places->lines, free_line, places);
    map_free(places->lines);
    timer_release(&places->renew);
    places->magic = 0;
    mem_free(places);
}

static struct place_line *line_of(struct places *places, const struct conf_model *model)
{
    struct place_line *line = map_get(places->lines, model->name);
    if (line == NULL) {
        line = MEM_NEW(struct place_line);
        line->magic = LINE_MAGIC;
        line->places = places;
        line->model = span_dup(span_of(model->name));
        TAILQ_INIT(&line->waiting);
        timer_init(&line->again, places->loop, on_again, line);
        (void)map_put(places->lines, model->name, line); /* there was none */
    }
    line->limit = model->concurrency;
    return line;
}

/* Asking. */

static void hold(struct place *place)
{
    struct places *places = place->line->places;
    place->state = PLACE_HELD;
    TAILQ_INSERT_TAIL(&places->held, place, link);
    places->held_count++;
    place->on_place(place->arg);
}

/* Back to where it was in the line. */
static void refused(struct place *place)
{
    struct place_line *line = place->line;
    struct place *behind = TAILQ_FIRST(&line->waiting);
    while (behind != NULL && behind->turn < place->turn)
        behind = TAILQ_NEXT(behind, link);
    place->state = PLACE_WAITING;
    if (behind != NULL)
        TAILQ_INSERT_BEFORE(behind, place, link);
    else
        TAILQ_INSERT_TAIL(&line->waiting, place, link);
    line->is_stuck = true;
    timer_start(&line->again, ASK_AGAIN_MS);
}

static void on_answer(int status, bool is_held, void *arg)
{
    struct place_ask *ask = arg;
    CHECK_MAGIC(ask, ASK_MAGIC);
    struct place_line *line = ask->line;
    struct place *place = ask->place;
    bool is_odd = status != 0 && status != -ERR_UNAVAILABLE;
    bool is_wanted = place != NULL, is_ours = is_wanted && (is_held || is_odd);
    if (is_odd)
        log_event(LOG_WARN, "worker.place", "model=%s error=%s", line->model, err_name(status));
    if (!is_wanted && is_held)
        model_place_give(line->places->bus, line->model, ask->holder);
    TAILQ_REMOVE(&line->places->asks, ask, link);
    ask->magic = 0;
    mem_free(ask);
    line->asking--;
    line->taken -= is_ours ? 0 : 1;
    line->is_stuck = line->is_stuck && !is_ours;
    if (is_wanted)
        place->ask = NULL;
    if (is_ours)
        hold(place);
    else if (is_wanted)
        refused(place);
    serve(line);
}

static void send_ask(struct place *place)
{
    struct place_line *line = place->line;
    struct place_ask *ask = MEM_NEW(struct place_ask);
    CHECK(strlen(place->holder) < sizeof ask->holder);
    *ask = (struct place_ask){.magic = ASK_MAGIC, .line = line, .place = place};
    memcpy(ask->holder, place->holder, strlen(place->holder) + 1);
    place->state = PLACE_ASKING;
    place->ask = ask;
    line->taken++;
    line->asking++;
    TAILQ_INSERT_TAIL(&line->places->asks, ask, link);
    model_place_take(line->places->bus, line->model, ask->holder, line->limit, on_answer, ask);
}

static bool may_ask(const struct place_line *line)
{
    return !timer_is_on(&line->again) && line->taken < line->limit &&
           !(line->is_stuck && line->asking > 0);
}

static void serve(struct place_line *line)
{
    struct place *place;
    while (may_ask(line) && (place = TAILQ_FIRST(&line->waiting)) != NULL) {
        TAILQ_REMOVE(&line->waiting, place, link);
        send_ask(place);
    }
}

void place_take(struct places *places, const struct conf_model *model, const char *holder,
                struct place *place, void (*on_place)(void *arg), void *arg)
{
    CHECK(place->state == PLACE_NONE);
    struct place_line *line = line_of(places, model);
    *place = (struct place){.state = PLACE_WAITING,
                            .line = line,
                            .turn = ++line->turns,
                            .holder = holder,
                            .on_place = on_place,
                            .arg = arg};
    TAILQ_INSERT_TAIL(&line->waiting, place, link);
    serve(line);
}

void place_drop(struct place *place)
{
    struct place_line *line = place->line;
    if (place->state == PLACE_WAITING) {
        TAILQ_REMOVE(&line->waiting, place, link);
    } else if (place->state == PLACE_ASKING) {
        place->ask->place = NULL;
    } else if (place->state == PLACE_HELD) {
        TAILQ_REMOVE(&line->places->held, place, link);
        line->places->held_count--;
        line->taken--;
    }
    *place = (struct place){.state = PLACE_NONE};
}

void place_give(struct place *place)
{
    struct place_line *line = place->line;
    enum place_state was = place->state;
    if (was == PLACE_HELD || was == PLACE_ASKING)
        model_place_give(line->places->bus, line->model, place->holder);
    place_drop(place);
    if (was == PLACE_HELD)
        ask_again(line);
}
