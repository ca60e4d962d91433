/* Steps of a step: the branches of a parallel node, the items of a map. */
#include "base/mem.h"
#include "graph/inner.h"

struct step *step_child(struct step *parent, const struct graph_node *node, const char *key,
                        size_t index, struct span item, on_child done, void *arg)
{
    CHECK_MAGIC(parent, STEP_MAGIC);
    struct step *child = step_new(parent->line, parent, node, key);
    child->index = index;
    child->item = span_dup_or_null(item);
    child->on_child = done;
    child->child_arg = arg;
    step_start(child);
    return child;
}

void step_child_stop(struct step *child)
{
    CHECK_MAGIC(child, STEP_MAGIC);
    CHECK(child->parent != NULL);
    step_free(child);
}

void step_child_over(struct step *child)
{
    struct buf error;
    buf_init(&error, FAILING_JSON);
    step_tell_end(child);
    if (child->has_failed)
        failing_write(&child->failing, NULL, &error);
    struct span result =
        child->has_failed ? SPAN_NONE : span_make(child->result, child->result_len);
    /* It is let go of first: its parent's kind may stop the others in the call. */
    char *owned = child->result;
    on_child done = child->on_child;
    void *arg = child->child_arg;
    size_t index = child->index;
    child->result = NULL;
    step_free(child);
    done(index, result, result.ptr == NULL ? buf_as_span(&error) : SPAN_NONE, arg);
    mem_free(owned);
    buf_release(&error);
}
