/* graph: a sub-graph run as a line of its own: its own state, the same budget of steps and seconds.
 * Reaches into the engine for that. */
#include "base/mem.h"
#include "graph/inner.h"
#include "graph/kinds.h"

enum { SUB_MAGIC = 0x73756267 };

struct sub {
    uint32_t magic;
    struct step *step;
    struct line *line;
};

static void on_end(struct span result, const struct failing *failing, void *arg)
{
    struct sub *sub = arg;
    CHECK_MAGIC(sub, SUB_MAGIC);
    if (failing != NULL)
        step_fail(sub->step, failing->error, failing->status, failing->retry_after_ms,
                  failing->message);
    else
        step_done(sub->step, result, NULL);
}

/* The sub-graph's `.input`: what the node says, or that of the state around it. */
static int put_input(struct step *step, struct buf *out, struct err *err)
{
    const struct value *input = step->node->of.sub.input;
    if (input == NULL)
        return buf_text(out, step->line->state.input);
    int rc = render_json(step_values(step), input, out, err);
    return rc != 0 ? rc : buf_error(out);
}

static bool init_state(struct sub *sub)
{
    struct step *step = sub->step;
    struct line *line = sub->line;
    struct buf input;
    struct err err;
    buf_init(&input,
             strlen(step->line->state.input) + (size_t)step->line->graph->limits.state_bytes + 1);
    bool fits = put_input(step, &input, &err) == 0;
    if (fits)
        state_init(&line->state, buf_as_span(&input), step->line->state.history,
                   (size_t)line->graph->limits.state_bytes);
    buf_release(&input);
    return fits;
}

static void *graph_begin(struct step *step)
{
    const struct graph *graph = walk_graph(step->walk, step->node->of.sub.graph);
    CHECK(graph != NULL); /* it is bound with the graph that names it */
    struct sub *sub = MEM_NEW(struct sub);
    sub->magic = SUB_MAGIC;
    sub->step = step;
    sub->line = line_new(step->walk, step, graph);
    sub->line->on_end = on_end;
    sub->line->arg = sub;
    if (init_state(sub))
        line_go(sub->line, graph->start);
    else
        step_fail(step, STEP_LIMIT_STATE, 0, -1, "The sub-graph's input is too large.");
    return sub;
}

static void graph_release(void *kept)
{
    struct sub *sub = kept;
    CHECK_MAGIC(sub, SUB_MAGIC);
    line_free(sub->line);
    sub->magic = 0;
    mem_free(sub);
}

const struct step_kind kind_graph = {.begin = graph_begin, .release = graph_release};
