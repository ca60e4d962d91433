/* branch: the first case whose condition is neither false nor null says where to. */
#include "graph/kinds.h"

static bool is_true(struct span value)
{
    return !span_is(value, "false") && !span_is(value, "null");
}

static void *branch_begin(struct step *step)
{
    const struct graph_node *node = step_node(step);
    const char *next = node->of.branch.otherwise;
    struct buf result;
    for (size_t i = node->of.branch.count; i > 0; i--) {
        const struct graph_case *c = &node->of.branch.cases[i - 1];
        if (is_true(step_values(step)->values[c->condition->index]))
            next = c->then;
    }
    buf_init(&result, GRAPH_ID_MAX + 3);
    json_put_string(&result, span_of(next));
    step_done(step, buf_as_span(&result), next);
    buf_release(&result);
    return NULL;
}

const struct step_kind kind_branch = {.begin = branch_begin};
