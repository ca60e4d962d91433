/* Which step next: along the edges, from results to the node that they lead to. Steps that an
 * earlier claim finished are gone over in the same way, without running. */
#include "base/mem.h"
#include "graph/inner.h"

static const char end_node[] = "end";

struct line *line_new(struct walk *w, struct step *owner, const struct graph *graph)
{
    struct line *line = MEM_NEW(struct line);
    line->magic = LINE_MAGIC;
    line->walk = w;
    line->owner = owner;
    line->graph = graph;
    if (owner != NULL)
        owner->children++;
    return line;
}

void line_stop(struct line *line)
{
    CHECK_MAGIC(line, LINE_MAGIC);
    struct step *step = line->step;
    line->step = NULL;
    step_free(step);
}

void line_free(struct line *line)
{
    if (line == NULL)
        return;
    line_stop(line);
    if (line->owner != NULL)
        line->owner->children--;
    state_release(&line->state);
    mem_free(line->last);
    line->magic = 0;
    mem_free(line);
}

/* Its end. */

static void end(struct line *line)
{
    if (line->owner == NULL) {
        walk_done(line->walk);
        return;
    }
    struct span result = line->last == NULL ? SPAN_NONE : state_out(&line->state, line->last);
    line->on_end(result.ptr == NULL ? SPAN_LIT("null") : result, NULL, line->arg);
}

/* Of `step`, which is gone already: its node's id. */
static void fail(struct line *line, const char *node, struct failing failing)
{
    if (line->owner == NULL) {
        walk_step_failed(line->walk, node, &failing);
        return;
    }
    failing_within(&failing, node);
    line->on_end(SPAN_NONE, &failing, line->arg);
}

void line_fail_whole(struct line *line, enum step_error error)
{
    struct failing failing;
    while (line->owner != NULL)
        line = line->owner->line;
    step_reject(line->step, error);
    failing = line->step->failing;
    step_tell_end(line->step);
    walk_step_failed(line->walk, line->step->node->id, &failing);
}

/* The next step. */

void line_go(struct line *line, const char *node)
{
    const struct graph_node *to = graph_node(line->graph, node);
    if (to == NULL) {
        end(line); /* the file was checked: it is "end" */
        return;
    }
    line->number++;
    line->step = step_new(line, NULL, to, NULL);
    step_start(line->step);
}

static const char *after_result(struct line *line, struct step *step)
{
    if (state_put(&line->state, step->node->id, span_make(step->result, step->result_len)) != 0) {
        step_reject(step, STEP_LIMIT_STATE);
        return NULL;
    }
    mem_free(line->last);
    line->last = mem_strdup(step->node->id);
    if (step->next != NULL)
        return step->next;
    return step->node->next == NULL ? end_node : step->node->next;
}

/* What follows from a failure: the node that catches it, or NULL. */
static const char *after_failure(struct line *line, const struct step *step)
{
    const struct graph_node *node = step->node;
    struct buf error;
    if (node->on_error == NULL)
        return NULL;
    buf_init(&error, FAILING_JSON);
    failing_write(&step->failing, node->id, &error);
    state_set_error(&line->state, buf_as_span(&error));
    buf_release(&error);
    return node->on_error;
}

void line_step_over(struct line *line, struct step *step)
{
    const char *id = step->node->id, *next = NULL;
    if (!step->has_failed)
        next = after_result(line, step);
    if (step->has_failed)
        next = after_failure(line, step);
    struct failing failing = step->failing;
    char *go = mem_strdup(next);
    mem_free(step->next);
    step->next = mem_strdup(go);
    step_tell_end(step);
    const struct graph_node *node = step->node;
    bool asks = node->kind == GRAPH_ASK && !step->has_failed;
    if (line->owner == NULL)
        kept_release(&line->walk->again);
    if (line->owner == NULL && !step->was_kept)
        kept_release(&line->walk->kept); /* from here on nothing was done before */
    line_stop(line);
    if (asks)
        walk_asked(line->walk, node);
    else if (go != NULL)
        line_go(line, go);
    else
        fail(line, id, failing);
    mem_free(go);
}
