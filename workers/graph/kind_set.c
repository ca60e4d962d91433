/* set: an expression's value is the result; of a visible one it is shown, too. */
#include "graph/kinds.h"

#include "wire/limits.h"

/* False: the last word is said, or the generation ends. */
static bool show(struct step *step, const struct expr *expr)
{
    struct template_piece piece = {.kind = PIECE_EXPR, .expr = expr};
    const struct template text = {&piece, 1};
    struct err err;
    struct buf out;
    bool is_put = false;
    buf_init(&out, LIMIT_OUTPUT);
    if (render_text(step_values(step), &text, &out, &err) != 0 || buf_error(&out) != 0)
        step_fail(step, STEP_TOO_LARGE, 0, -1, "The value is too large to be shown.");
    else
        is_put =
            out.len == 0 || step_put_piece(step, &(struct piece){.kind = EVENT_DELTA,
                                                                 .text = buf_as_span(&out)}) == 0;
    buf_release(&out);
    return is_put;
}

static void *set_begin(struct step *step)
{
    const struct expr *expr = step_node(step)->of.set.value;
    if (!step_is_visible(step) || show(step, expr))
        step_done(step, step_values(step)->values[expr->index], NULL);
    return NULL;
}

const struct step_kind kind_set = {.begin = set_begin};
