/* map: one child for each item of a list, some at once. */
#include "graph/gather.h"
#include "graph/kinds.h"
#include "graphs/limits.h"
#include <stdio.h>

static size_t count_items(struct span list)
{
    struct json_walk walk = json_walk_array(list);
    struct span name, item;
    size_t count = 0;
    while (json_walk_next(&walk, &name, &item))
        count++;
    return count;
}

/* What an expression gave, looked at before it is walked. */
static bool is_list(struct span value)
{
    struct err err;
    return value.len > 0 && value.ptr[0] == '[' && json_check(value, &err) == 0;
}

static void *map_begin(struct step *step)
{
    const struct graph_node *node = step_node(step);
    struct span list = step_values(step)->values[node->of.map.over->index];
    struct span name, item;
    char key[32];
    if (!is_list(list)) {
        step_fail(step, STEP_BAD_EXPRESSION, 0, -1, "`over` gave no list that can be walked.");
        return NULL;
    }
    size_t count = count_items(list);
    if (count > GRAPH_STEPS_MAX) { /* more than any graph may run: none is made ready */
        step_fail(step, STEP_LIMIT_STEPS, 0, -1, NULL);
        return NULL;
    }
    struct gather *g =
        gather_new(&(struct gather_wants){.step = step,
                                          .count = count,
                                          .at_once = (size_t)node->of.map.concurrency,
                                          .is_fast = node->of.map.is_fast,
                                          .is_list = true});
    struct json_walk walk = json_walk_array(list);
    for (size_t i = 0; json_walk_next(&walk, &name, &item); i++) {
        (void)snprintf(key, sizeof key, "%zu", i);
        gather_add(g, node->of.map.child, key, item);
    }
    gather_start(g);
    return g;
}

static void map_release(void *kept)
{
    gather_free(kept);
}

const struct step_kind kind_map = {.begin = map_begin, .release = map_release};
