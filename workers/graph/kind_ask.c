/* ask: the question is shown, and the generation ends with it; the chat's next message goes on
 * behind this node. That is the line's business: here it is a text that is put. */
#include "graph/kinds.h"

#include "wire/limits.h"

static void *ask_begin(struct step *step)
{
    struct buf prompt;
    struct err err;
    buf_init(&prompt, LIMIT_OUTPUT);
    int rc = render_text(step_values(step), &step_node(step)->of.ask.prompt, &prompt, &err);
    const struct piece piece = {.kind = EVENT_DELTA, .text = buf_as_span(&prompt)};
    if (rc != 0 || buf_error(&prompt) != 0)
        step_fail(step, STEP_TOO_LARGE, 0, -1, "The question is too large.");
    else if (prompt.len == 0 || step_put_piece(step, &piece) == 0)
        step_done(step, SPAN_LIT("null"), NULL);
    buf_release(&prompt);
    return NULL;
}

const struct step_kind kind_ask = {.begin = ask_begin};
