/* The ends that a walk says itself: done, with a question, failed, or back to the queue. What is
 * still under way is closed first; what it had used is known before that. */
#include "base/clock.h"
#include "graph/inner.h"
#include "wire/limits.h"

enum { UNAVAILABLE_AGAIN_MS = 1000, MESSAGE_BYTES = 512 };

/* Everything that all ends have in common. */
static struct run_end end_of(const struct walk *w, const char *state)
{
    struct run_end end = {.state = state, .usage = walk_used(w), .model = span_of(w->model)};
    end.usage.is_settled = true;
    if (w->graph != NULL)
        end.graph = span_of(w->graph->name);
    return end;
}

void walk_fail(struct walk *w, int code, const char *message)
{
    struct run_end end = end_of(w, "failed"); /* what was used is known before it is stopped */
    end.code = code;
    end.message = message;
    walk_close(w);
    run_finish(w->run, &end);
}

void walk_step_failed(struct walk *w, const char *node, const struct failing *failing)
{
    struct buf message;
    struct run_end end = end_of(w, "failed");
    buf_init(&message, MESSAGE_BYTES);
    (void)buf_printf(&message, "%s: %s: %s", node, step_error_name(failing->error),
                     failing->message); /* a long one is left out */
    end.code = ERR_STEP_FAILED;
    end.message = buf_error(&message) == 0 ? message.ptr : NULL;
    end.node = span_of(node);
    walk_close(w);
    run_finish(w->run, &end);
    buf_release(&message);
}

void walk_give_back(struct walk *w)
{
    walk_close(w);
    run_release(w->run, UNAVAILABLE_AGAIN_MS);
}

/* The reply in the form that is kept; false: it is too large for that. */
static bool put_reply(struct walk *w, struct run_end *end, struct buf *reply, struct buf *output)
{
    const struct claimed *c = run_claimed(w->run);
    struct buf rows;
    if (c->is_stateless) {
        reply_parts_put_output(&w->parts, output);
        end->output = buf_as_span(output);
        return buf_error(output) == 0;
    }
    buf_init(&rows, 2 * ROWS_BYTES);
    step_rows_write(&w->rows, &rows);
    const struct reply_parts_facts facts = {.id = span_of(c->message_id),
                                            .generation = span_of(c->generation),
                                            .graph = span_of(c->graph),
                                            .model = end->model,
                                            .finish_reason = end->finish_reason,
                                            .steps = buf_as_span(&rows),
                                            .created_at_ms = clock_wall_ms(),
                                            .usage = end->usage};
    reply_parts_put_message(&w->parts, &facts, reply);
    end->reply = buf_as_span(reply);
    buf_release(&rows);
    return buf_error(reply) == 0;
}

static void finish_done(struct walk *w, struct run_end *end)
{
    struct buf reply, output;
    buf_init(&reply, LIMIT_MP_BYTES);
    buf_init(&output, LIMIT_MP_BYTES);
    bool fits = put_reply(w, end, &reply, &output);
    if (fits) {
        walk_close(w);
        run_finish(w->run, end);
    }
    buf_release(&reply);
    buf_release(&output);
    if (!fits)
        walk_fail(w, ERR_OUTPUT_LIMIT, NULL);
}

void walk_done(struct walk *w)
{
    struct run_end end = end_of(w, "done");
    end.finish_reason = span_of(w->finish_reason == NULL ? "stop" : w->finish_reason);
    finish_done(w, &end);
}

static void put_resume(struct buf *out, int64_t expires_at_ms)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_int(&w, "expires_at", expires_at_ms);
    json_close(&w);
}

/* Nobody can answer a stateless one. */
static void asked_stateless(struct walk *w)
{
    struct run_end end = end_of(w, "done");
    end.finish_reason = SPAN_LIT("ask");
    finish_done(w, &end);
}

void walk_asked(struct walk *w, const struct graph_node *node)
{
    struct run_end end = end_of(w, "done");
    if (run_claimed(w->run)->is_stateless) {
        asked_stateless(w);
        return;
    }
    struct buf parked, resume;
    buf_init(&parked, LIMIT_MP_BYTES);
    buf_init(&resume, 128);
    parked_write(&w->bound, &w->line->state, node->id, &parked);
    end.parked_ms = node->of.ask.expires_ms;
    put_resume(&resume, clock_wall_ms() + end.parked_ms);
    end.finish_reason = SPAN_LIT("ask");
    end.parked = buf_as_span(&parked);
    end.resume = buf_as_span(&resume);
    if (buf_error(&parked) == 0)
        finish_done(w, &end);
    else
        walk_fail(w, ERR_TOO_LARGE, "The state is too large to be kept for an answer.");
    buf_release(&resume);
    buf_release(&parked);
}
