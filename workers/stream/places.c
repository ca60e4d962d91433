/* Lines of waiters, one per model. */
#include "stream/places.h"

#include "base/map.h"
#include "base/mem.h"

struct queue_of_model {
    TAILQ_HEAD(place_line, place) waiting;
    int64_t held, limit;
    bool is_serving; /* on_place is being called: it may give and take */
};

struct places {
    struct map *queues; /* by the model's name; they stay until the end */
};

struct places *places_new(void)
{
    struct places *places = MEM_NEW(struct places);
    places->queues = map_new();
    return places;
}

static void free_queue(const char *name, void *value, void *arg)
{
    struct places *places = arg;
    mem_free(map_remove(places->queues, name));
    (void)value;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    map_each(places->queues, free_queue, places);
    map_free(places->queues);
    mem_free(places);
}

static struct queue_of_model *queue_of(struct places *places, const struct conf_model *model)
{
    struct queue_of_model *queue = map_get(places->queues, model->name);
    if (queue == NULL) {
        queue = MEM_NEW(struct queue_of_model);
        TAILQ_INIT(&queue->waiting);
        (void)map_put(places->queues, model->name, queue); /* there was none */
    }
    queue->limit = model->concurrency;
    return queue;
}

bool place_take(struct places *places, const struct conf_model *model, struct place *place,
                void (*on_place)(void *arg), void *arg)
{
    CHECK(place->queue == NULL);
    struct queue_of_model *queue = queue_of(places, model);
    *place = (struct place){.queue = queue, .on_place = on_place, .arg = arg};
    if (queue->held < queue->limit && TAILQ_EMPTY(&queue->waiting)) {
        queue->held++;
        place->is_held = true;
    } else {
        TAILQ_INSERT_TAIL(&queue->waiting, place, link);
    }
    return place->is_held;
}

/* Who gives a place back while another is being served only leaves it: the loop below sees it. */
static void serve(struct queue_of_model *queue)
{
    struct place *place;
    if (queue->is_serving)
        return;
    queue->is_serving = true;
    while (queue->held < queue->limit && (place = TAILQ_FIRST(&queue->waiting)) != NULL) {
        TAILQ_REMOVE(&queue->waiting, place, link);
        queue->held++;
        place->is_held = true;
        place->on_place(place->arg);
    }
    queue->is_serving = false;
}

void place_drop(struct place *place)
{
    struct queue_of_model *queue = place->queue;
    if (queue == NULL)
        return;
    if (place->is_held)
        queue->held--;
    else
        TAILQ_REMOVE(&queue->waiting, place, link);
    *place = (struct place){.queue = NULL};
}

void place_give(struct place *place)
{
    struct queue_of_model *queue = place->queue;
    place_drop(place);
    if (queue != NULL)
        serve(queue);
}
