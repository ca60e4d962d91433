/* What was read made the present: the state, the reply so far, the steps that were over. What was
 * half-shown is gone on from, where that can be, or voided, and what finished steps had shown
 * behind it is put again. */
#include "base/clock.h"
#include "base/mem.h"
#include "graph/inner.h"
#include "graph/input.h"
#include "graph/kinds.h"
#include "graph/outcome.h"
#include "wire/limits.h"

enum { INPUT_SLACK = 4096, MS = 1000 };

/* Steps that were over. */

static void take_outcome(const char *field, struct span value, void *arg)
{
    struct walk *w = arg;
    struct outcome outcome;
    (void)field;
    if (outcome_read(value, &outcome) != 0) {
        outcome_release(&outcome); /* something of a kind's own, or looked at when it is needed */
        return;
    }
    w->taken++;
    used_add(&w->used, outcome.usage);
    if (outcome.spent_ms > w->spent_ms)
        w->spent_ms = outcome.spent_ms;
    for (size_t i = 0; i < outcome.part_count; i++) {
        struct reply_part *part = reply_parts_find(&w->past.parts, outcome.parts[i]);
        if (part != NULL)
            part->is_whole = true;
    }
    outcome_release(&outcome);
}

static struct step_row row_of(const struct past_step *s)
{
    return (struct step_row){.step = s->step,
                             .ms = s->ms,
                             .node = span_of(s->node),
                             .kind = span_of(s->kind),
                             .status = span_of(s->status),
                             .error = span_of(s->error)};
}

static void take_rows(struct walk *w)
{
    for (size_t i = 0; i < w->past.step_count; i++) {
        struct step_row row = row_of(&w->past.steps[i]);
        step_rows_add(&w->rows, &row);
    }
}

/* What was half-shown. */

static const struct graph_node *branch_of(const struct graph_node *node, const char *name)
{
    for (size_t i = 0; node->kind == GRAPH_PARALLEL && i < node->of.parallel.count; i++)
        if (strcmp(node->of.parallel.branches[i].name, name) == 0)
            return node->of.parallel.branches[i].node;
    return NULL;
}

/* The node that a label of the log names, by way of children and sub-graphs; NULL: there is none.
 * `*is_visible`: it shows, and so does all above it. */
static const struct graph_node *node_of(const struct walk *w, const char *label, bool *is_visible)
{
    const struct graph *graph = w->graph;
    const struct graph_node *node = NULL;
    struct span rest = span_of(label);
    *is_visible = true;
    while (rest.ptr != NULL && graph != NULL) {
        char id[GRAPH_ID_MAX + 1] = "";
        struct span part = span_cut(&rest, '/');
        if (part.len > GRAPH_ID_MAX)
            return NULL;
        memcpy(id, part.ptr, part.len);
        if (node == NULL || node->kind == GRAPH_GRAPH)
            node = graph_node(graph, id);
        else
            node = node->kind == GRAPH_MAP ? node->of.map.child : branch_of(node, id);
        if (node == NULL)
            return NULL;
        if (node->kind == GRAPH_GRAPH) {
            *is_visible = *is_visible && node->is_visible;
            graph = walk_graph(w, node->of.sub.graph);
        }
    }
    if (node != NULL)
        *is_visible = *is_visible && node->is_visible;
    return node;
}

/* Calls of tools that no reader takes for a part of the reply are none. */
static void pass_by_hidden(struct walk *w)
{
    for (size_t i = 0; i < w->past.parts.count; i++) {
        struct reply_part *part = &w->past.parts.items[i];
        bool is_visible = true;
        if (part->kind == EVENT_TOOL_CALL && node_of(w, part->node, &is_visible) != NULL)
            part->is_whole = part->is_whole || !is_visible;
    }
}

/* One text alone, of a step of the main line whose kind says that it can. */
static bool can_go_on(const struct walk *w, const struct past_half *half)
{
    const struct claimed *c = run_claimed(w->run);
    if (strcmp(c->on_interrupt, "continue") != 0 || half->only == NULL ||
        half->only->kind != EVENT_DELTA)
        return false;
    const struct graph_node *node = graph_node(w->graph, half->only->node);
    const struct step_kind *kind = node == NULL ? NULL : kind_find(node->kind);
    return kind != NULL && kind->can_go_on != NULL && kind->can_go_on(w->graphs, node, c);
}

static void put_reset(struct walk *w, int64_t after)
{
    struct mp_fields f = run_begin_event(w->run, EVENT_RESET);
    mp_field_int(&f, "after", after);
    run_end_event(w->run, &f);
}

static void drop_half(struct walk *w)
{
    for (size_t i = w->past.parts.count; i > 0; i--) {
        const struct reply_part *part = &w->past.parts.items[i - 1];
        if (!part->is_whole)
            reply_parts_drop(&w->past.parts, part->number);
    }
}

/* What the reset voided though it stays true: what steps that are over have shown, calls of tools
 * that are not made again, and ends of steps. False: it does not fit. */

static bool put_texts_again(struct walk *w, int64_t after)
{
    const struct past *past = &w->past;
    for (size_t i = 0; i < past->parts.count; i++) {
        const struct reply_part *part = &past->parts.items[i];
        size_t shown = past_shown_until(past, part->number, after);
        if (part->kind == EVENT_TOOL_CALL || shown >= part->text.len)
            continue;
        const struct piece piece = {.kind = part->kind,
                                    .part = part->number,
                                    .text = {part->text.ptr + shown, part->text.len - shown},
                                    .node = span_of(part->node)};
        if (run_put_piece(w->run, &piece) != 0)
            return false;
    }
    return true;
}

static bool put_call_again(struct walk *w, const struct past_call *c, int64_t after)
{
    bool is_visible = true;
    (void)node_of(w, c->node, &is_visible); /* one that the graph does not have is shown */
    const struct call_piece call = {.kind = EVENT_TOOL_CALL,
                                    .part = c->part,
                                    .call_id = span_of(c->call_id),
                                    .name = span_of(c->name),
                                    .arguments = span_of(c->arguments),
                                    .node = span_of(c->node),
                                    .at_ms = clock_wall_ms(),
                                    .is_hidden = !is_visible};
    if (c->seq > after && run_put_call(w->run, &call) != 0)
        return false;
    if (c->result_seq > after) {
        const struct tool_result told = {span_of(c->node), span_of(c->call_id), span_of(c->result),
                                         c->is_error};
        struct mp_fields f = walk_begin_result(w, &told);
        run_end_event(w->run, &f);
    }
    return true;
}

/* A visible agent that is not over tells of its turns itself, as it goes on from them. */
static bool put_calls_again(struct walk *w, int64_t after)
{
    for (size_t i = 0; i < w->past.call_count; i++) {
        const struct past_call *call = &w->past.calls[i];
        const struct reply_part *part = reply_parts_find(&w->past.parts, call->part);
        if (part != NULL && part->is_whole && call->is_kept && !put_call_again(w, call, after))
            return false;
    }
    return true;
}

static bool put_again(struct walk *w, int64_t after)
{
    if (!put_texts_again(w, after) || !put_calls_again(w, after))
        return false;
    for (size_t i = 0; i < w->past.step_count; i++) {
        struct step_row row = row_of(&w->past.steps[i]);
        if (w->past.steps[i].seq > after)
            walk_put_row(w, &row);
    }
    return true;
}

/* The bytes that were shown and stay so: the limit counts them. */
static void count_shown(struct walk *w, int64_t after)
{
    size_t bytes = 0;
    for (size_t i = 0; i < w->past.parts.count; i++)
        bytes += past_shown_until(&w->past, w->past.parts.items[i].number, after);
    run_count_output(w->run, bytes);
}

/* False: the generation has ended. */
static bool settle_half(struct walk *w)
{
    struct past_half half = past_half(&w->past);
    int64_t after = half.count == 0 ? w->past.seq : half.first - 1;
    if (half.count > 0 && can_go_on(w, &half)) {
        w->go_on_node = mem_strdup(half.only->node);
        w->go_on_part = half.only->number;
        after = w->past.seq;
    } else if (half.count > 0) {
        drop_half(w);
        put_reset(w, after);
    }
    count_shown(w, after);
    if (!put_again(w, after)) {
        walk_fail(w, ERR_OUTPUT_LIMIT, run_limit(w->run));
        return false;
    }
    struct reply_parts empty = w->parts;
    w->parts = w->past.parts;
    w->past.parts = empty;
    past_release(&w->past);
    return true;
}

/* The state. */

static struct span message_of(const struct walk *w)
{
    return w->message != NULL ? span_of(w->message) : run_claimed(w->run)->job.message;
}

/* Behind an ask: its answer is this message. Owned; NULL: it is damaged. */
static char *take_parked(struct walk *w, struct line *line, struct span parked)
{
    const struct claimed *c = run_claimed(w->run);
    struct bound bound;
    struct buf answer;
    char *node = NULL;
    bound_init(&bound);
    int rc = parked_read(parked, &bound, buf_as_span(&w->history_json),
                         (size_t)w->graph->limits.state_bytes, &line->state, &node);
    bound_release(&bound);
    if (rc != 0)
        return NULL;
    buf_init(&answer, JSON_ESCAPED * (message_of(w).len + c->job.attachments.len) + INPUT_SLACK);
    struct json_writer j = json_writer(&answer);
    json_open(&j, NULL, '{');
    json_member_str(&j, "message", message_of(w));
    json_key(&j, SPAN_LIT("attachments"));
    input_write_attachments(c->job.attachments, &answer);
    json_close(&j);
    line->last = mem_strdup(node);
    rc = state_put(&line->state, node, buf_as_span(&answer));
    buf_release(&answer);
    const struct graph_node *ask = graph_node(w->graph, node);
    mem_free(node);
    return rc != 0 || ask == NULL || ask->next == NULL ? NULL : mem_strdup(ask->next);
}

static void init_state(struct walk *w, struct line *line)
{
    const struct claimed *c = run_claimed(w->run);
    struct buf input;
    buf_init(&input, JSON_ESCAPED * (message_of(w).len + c->job.attachments.len) +
                         c->job.metadata.len + INPUT_SLACK);
    input_write(c, message_of(w), &input);
    CHECK(buf_error(&input) == 0);
    state_init(&line->state, buf_as_span(&input), buf_as_span(&w->history_json),
               (size_t)w->graph->limits.state_bytes);
    buf_release(&input);
}

static void put_started(struct walk *w)
{
    const struct claimed *c = run_claimed(w->run);
    struct buf bound;
    buf_init(&bound, LIMIT_CHECKPOINT);
    struct mp_fields f = run_begin_event(w->run, EVENT_STARTED);
    mp_field_str(&f, "graph", span_of(w->graph->name));
    mp_field_str(&f, "version", span_of(w->graph->version));
    mp_field_int(&f, "attempt", c->epoch);
    mp_field_int(&f, "epoch", c->epoch);
    bound_write(&w->bound, &bound);
    if (kept_find(&w->kept, "graph").ptr != NULL)
        run_end_event(w->run, &f);
    else
        walk_keep(w, &f, &(struct run_checkpoint){.field = "graph", .value = buf_as_span(&bound)});
    buf_release(&bound);
}

static void start_limit(struct walk *w)
{
    int64_t left_ms = w->graph->limits.seconds * MS - w->spent_ms;
    w->from_ms = clock_mono_ms();
    timer_start(&w->limit, left_ms > 0 ? left_ms : 0);
}

void walk_begin(struct walk *w)
{
    struct span parked = kept_find(&w->kept, "ask");
    char *first = NULL;
    run_enter(w->run, RUN_PREFILL);
    kept_each(&w->kept, take_outcome, w);
    pass_by_hidden(w);
    take_rows(w);
    if (w->past.open_models > 0)
        used_add(&w->used, usage_unknown()); /* what was under way when a worker was lost */
    w->line = line_new(w, NULL, w->graph);
    if (parked.ptr != NULL)
        first = take_parked(w, w->line, parked);
    else
        init_state(w, w->line);
    if (parked.ptr != NULL && first == NULL)
        walk_fail(w, ERR_INTERNAL, "What the chat kept to go on from does not fit any more.");
    else if (settle_half(w)) {
        put_started(w);
        start_limit(w);
        line_go(w->line, first != NULL ? first : w->graph->start);
    }
    mem_free(first);
}
