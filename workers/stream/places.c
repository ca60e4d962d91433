/* Lines of waiters, one per model. */
#include "stream/places.h"

#include "base/mem.h"

struct queue_of_model {
    TAILQ_HEAD(place_line, place) waiting;
    int64_t held, limit;
    bool is_serving; /* on_place is being called: it may give and take */
};

struct places {
    const struct conf *conf;
    struct queue_of_model *queues; /* one per model, in the configuration's order */
};

struct places *places_new(const struct conf *conf)
{
    struct places *places = MEM_NEW(struct places);
    places->conf = conf;
    places->queues = mem_new_array(conf->model_count + 1, sizeof *places->queues);
    for (size_t i = 0; i < conf->model_count; i++) {
        TAILQ_INIT(&places->queues[i].waiting);
        places->queues[i].limit = conf->models[i].concurrency;
    }
    return places;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    mem_free(places->queues);
    mem_free(places);
}

bool place_take(struct places *places, const struct conf_model *model, struct place *place,
                void (*on_place)(void *arg), void *arg)
{
    size_t index = (size_t)(model - places->conf->models);
    CHECK(index < places->conf->model_count && place->queue == NULL);
    struct queue_of_model *queue = &places->queues[index];
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
