/* parallel: branches at once. */
#include "graph/gather.h"
#include "graph/kinds.h"

static void *parallel_begin(struct step *step)
{
    const struct graph_node *node = step_node(step);
    size_t count = node->of.parallel.count;
    struct gather *g = gather_new(&(struct gather_wants){
        .step = step, .count = count, .at_once = count, .is_fast = node->of.parallel.is_fast});
    for (size_t i = 0; i < count; i++) {
        const struct graph_branch *branch = &node->of.parallel.branches[i];
        gather_add(g, branch->node, branch->name, SPAN_NONE);
    }
    gather_start(g);
    return g;
}

static void parallel_release(void *kept)
{
    gather_free(kept);
}

const struct step_kind kind_parallel = {.begin = parallel_begin, .release = parallel_release};
