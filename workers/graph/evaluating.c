/* The expressions of a step, evaluated by the jq child on the state that the step sees. */
#include "base/mem.h"
#include "graph/inner.h"
#include <stdio.h>

static void take_values(struct step *step, const struct jq_answer *answer)
{
    const struct graph_node *node = step->node;
    size_t bytes = 0;
    CHECK(answer->count == node->expr_count);
    for (size_t i = 0; i < answer->count; i++)
        bytes += answer->values[i].len;
    step->values = mem_new_array(step->line->graph->expr_count + 1, sizeof(struct span));
    step->value_text = mem_new(bytes + 1);
    char *at = step->value_text;
    for (size_t i = 0; i < answer->count; i++) {
        struct span value = answer->values[i];
        memcpy(at, value.ptr, value.len);
        step->values[node->exprs[i]->index] = span_make(at, value.len);
        at += value.len;
    }
}

static void tell_wrong(struct step *step, const struct jq_answer *answer)
{
    const struct graph_node *node = step->node;
    char message[256];
    if (answer == NULL || answer->failed >= node->expr_count) {
        step_fail(step, STEP_BAD_EXPRESSION, 0, -1, "The expressions could not be evaluated.");
        return;
    }
    const struct expr *expr = node->exprs[answer->failed];
    (void)snprintf(message, sizeof message, "line %d: %s", expr->at.line + (int)answer->line,
                   answer->message == NULL ? "it failed" : answer->message); /* may be cut */
    step_fail(step, STEP_BAD_EXPRESSION, 0, -1, message);
}

static void on_values(int status, const struct jq_answer *answer, void *arg)
{
    struct step *step = arg;
    CHECK_MAGIC(step, STEP_MAGIC);
    step->eval = NULL;
    if (status != 0) {
        tell_wrong(step, answer);
        return;
    }
    take_values(step, answer);
    step->render.values = step->values;
    step_begin(step);
}

/* The history may be long, and most expressions have no use for it: it is there where one of them
 * names it. */
static bool want_history(const struct expr *const *exprs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(exprs[i]->text, "history") != NULL)
            return true;
    return false;
}

static struct jq_call *eval(struct step *step, const struct state_member *more, size_t count,
                            const struct expr *const *exprs, size_t expr_count, on_jq done,
                            void *arg)
{
    struct buf input;
    struct span *programs = mem_new_array(expr_count + 1, sizeof *programs);
    buf_init(&input, state_bytes(&step->line->state, more, count));
    state_write(&step->line->state, want_history(exprs, expr_count), more, count, &input);
    CHECK(buf_error(&input) == 0);
    for (size_t i = 0; i < expr_count; i++)
        programs[i] = span_of(exprs[i]->text);
    struct jq_call *call =
        jq_eval(step->walk->graphs->jq, buf_as_span(&input), programs, expr_count, done, arg);
    buf_release(&input);
    mem_free(programs);
    return call;
}

struct jq_call *step_eval(struct step *step, const char *name, struct span value,
                          const struct expr *const *exprs, size_t count, on_jq done, void *arg)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    struct buf index;
    buf_init(&index, 32);
    json_put_int(&index, (int64_t)step->index);
    const struct state_member more[] = {
        {"item", span_of(step->item)},
        {"index", step->item == NULL ? SPAN_NONE : buf_as_span(&index)},
        {name, name == NULL ? SPAN_NONE : value},
    };
    struct jq_call *call = eval(step, more, sizeof more / sizeof more[0], exprs, count, done, arg);
    buf_release(&index);
    return call;
}

void step_evaluate(struct step *step)
{
    const struct graph_node *node = step->node;
    if (node->expr_count == 0) {
        step_begin(step);
        return;
    }
    step_set_life(step, LIFE_EVALUATING);
    step->eval = step_eval(step, NULL, SPAN_NONE, node->exprs, node->expr_count, on_values, step);
}
