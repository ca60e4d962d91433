/* What a step puts into the log: pieces under the reply's part numbers, what becomes of it, and
 * with that its checkpoints. Invariant: a part is named by a checkpoint, its own or one above, or
 * its step is half-shown. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "graph/inner.h"
#include "graph/outcome.h"
#include "wire/limits.h"

/* Parts. */

struct step *step_above(const struct step *step)
{
    return step->parent != NULL ? step->parent : step->line->owner;
}

static void set_half(struct step *step, bool is_half)
{
    if (step->is_half == is_half)
        return;
    step->is_half = is_half;
    step->walk->half_shown += is_half ? 1 : (size_t)-1;
}

static void was_shown(struct step *step)
{
    set_half(step, true);
    for (struct step *s = step; s != NULL && !s->has_shown; s = step_above(s))
        s->has_shown = true;
}

static bool has_number(const struct step *step, int64_t part)
{
    return (size_t)part < step->number_count && step->numbers[part] >= 0;
}

static void set_number(struct step *step, int64_t part, int64_t number)
{
    size_t need = (size_t)part + 1;
    if (need > step->number_count) {
        step->numbers = mem_grow(step->numbers, need, sizeof *step->numbers);
        for (size_t i = step->number_count; i < need; i++)
            step->numbers[i] = -1;
        step->number_count = need;
    }
    step->numbers[part] = number;
}

/* The reply's number of the step's part; -1: it has too many. */
static int64_t number_of(struct step *step, int64_t part, enum event_kind kind)
{
    if (part < 0 || part >= OUTCOME_PARTS)
        return -1;
    if (!has_number(step, part))
        set_number(step, part, reply_parts_add(&step->walk->parts, kind, span_of(step->label)));
    return step->numbers[part];
}

void step_take_shown(struct step *step)
{
    struct walk *w = step->walk;
    if (w->go_on_node == NULL || strcmp(w->go_on_node, step->label) != 0)
        return;
    step->goes_on_part = w->go_on_part;
    set_number(step, 0, w->go_on_part);
    was_shown(step);
    mem_free(w->go_on_node);
    w->go_on_node = NULL;
}

struct span step_shown(const struct step *step)
{
    if (step->goes_on_part < 0)
        return SPAN_NONE;
    return buf_as_span(&reply_parts_find(&step->walk->parts, step->goes_on_part)->text);
}

static void add_more(struct step *step, const int64_t *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i] < 0 || step->more_count == OUTCOME_PARTS)
            continue;
        step->more_parts = mem_grow(step->more_parts, step->more_count + 1, sizeof(int64_t));
        step->more_parts[step->more_count++] = parts[i];
    }
}

void step_leave_parts(struct step *step)
{
    struct step *over = step_above(step);
    if (!step->is_half)
        return;
    set_half(step, false);
    if (over == NULL)
        return;
    add_more(over, step->numbers, step->number_count);
    add_more(over, step->more_parts, step->more_count);
    set_half(over, true);
}

/* Putting. */

static int overflow(struct step *step)
{
    const char *limit = run_limit(step->walk->run);
    walk_overflow(step->walk, limit != NULL ? limit : "A step has more parts than it may.");
    return -ERR_OUTPUT_LIMIT;
}

int step_put_piece(struct step *step, const struct piece *piece)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    struct walk *w = step->walk;
    struct piece numbered = *piece;
    if (!step->is_visible || run_is_over(w->run))
        return 0;
    numbered.part = number_of(step, piece->part, piece->kind);
    numbered.node = span_of(step->label);
    if (numbered.part < 0 || run_put_piece(w->run, &numbered) != 0)
        return overflow(step);
    reply_parts_put(&w->parts, numbered.part, piece->text);
    run_enter(w->run, RUN_STREAMING);
    was_shown(step);
    return 0;
}

int step_put_call(struct step *step, const struct call_piece *call)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    struct walk *w = step->walk;
    struct call_piece numbered = *call;
    if (run_is_over(w->run) || (!step->is_visible && call->kind != EVENT_TOOL_CALL))
        return 0; /* whole calls are enough where nobody watches them grow */
    numbered.part = number_of(step, call->part, EVENT_TOOL_CALL);
    numbered.node = span_of(step->label);
    numbered.is_hidden = !step->is_visible;
    if (call->kind == EVENT_TOOL_CALL && call->at_ms == 0)
        numbered.at_ms = clock_wall_ms();
    if (numbered.part < 0 || run_put_call(w->run, &numbered) != 0)
        return overflow(step);
    if (step->is_visible)
        was_shown(step);
    return 0;
}

/* Events and checkpoints. */

static int64_t main_number(const struct step *step)
{
    return step->walk->line->number;
}

static struct step_row row_of(const struct step *step, const char *status, struct span error)
{
    return (struct step_row){.step = main_number(step),
                             .ms = clock_mono_ms() - step->begun_ms,
                             .node = span_of(step->label),
                             .kind = span_of(graph_kind_name(step->node->kind)),
                             .status = span_of(status),
                             .error = error};
}

static struct mp_fields begin_row(struct walk *w, const struct step_row *row)
{
    struct mp_fields f = run_begin_event(w->run, EVENT_STEP);
    mp_field_int(&f, "step", row->step);
    mp_field_str(&f, "node", row->node);
    mp_field_str(&f, "kind", row->kind);
    mp_field_str(&f, "status", row->status);
    mp_field_int(&f, "ms", row->ms);
    mp_field_str(&f, "error", row->error);
    return f;
}

struct mp_fields step_begin_row(const struct step *step, const char *status)
{
    struct step_row row = row_of(step, status, SPAN_NONE);
    return begin_row(step->walk, &row);
}

void walk_put_row(struct walk *w, const struct step_row *row)
{
    if (run_is_over(w->run))
        return;
    struct mp_fields f = begin_row(w, row);
    run_end_event(w->run, &f);
}

void step_tell(struct step *step, const char *status)
{
    struct buf error;
    buf_init(&error, FAILING_JSON);
    if (step->has_failed)
        failing_write(&step->failing, NULL, &error);
    struct step_row row = row_of(step, status, step->has_failed ? buf_as_span(&error) : SPAN_NONE);
    walk_put_row(step->walk, &row);
    buf_release(&error);
}

/* All of the reply's parts that it stands for. */
static size_t collect_parts(const struct step *step, int64_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < step->number_count; i++)
        if (step->numbers[i] >= 0)
            out[count++] = step->numbers[i];
    for (size_t i = 0; i < step->more_count && count < OUTCOME_PARTS; i++)
        out[count++] = step->more_parts[i];
    return count;
}

static void write_checkpoint(const struct step *step, struct span error, struct buf *out)
{
    int64_t *parts = mem_new_array(step->number_count + step->more_count + 1, sizeof *parts);
    const struct outcome c = {
        .node = span_of(step->node->id),
        .result = step->has_failed ? SPAN_NONE : span_make(step->result, step->result_len),
        .error = error,
        .next = span_of(step->next),
        .model = span_of(step->model),
        .finish_reason = span_of(step->finish_reason),
        .usage = step_usage(step),
        .spent_ms = walk_spent_ms(step->walk),
        .parts = parts,
        .part_count = collect_parts(step, parts),
    };
    outcome_write(&c, out);
    mem_free(parts);
}

/* Whether another claim shall take it as it is: not a failure that nothing goes on from, nor that
 * of a child whose parent may be tried again. */
static bool is_final(const struct step *step)
{
    if (!step->has_failed)
        return true;
    return step->parent == NULL ? step->next != NULL : step->parent->node->retry.times == 0;
}

static void tell_end(struct step *step, struct span error)
{
    struct walk *w = step->walk;
    struct step_row row = row_of(step, step->has_failed ? "failed" : "finished", error);
    struct buf kept;
    step_rows_add(&w->rows, &row);
    metric_add(step->has_failed ? METRIC_STEPS_FAILED : METRIC_STEPS_FINISHED, 1);
    metric_observe_us(METRIC_STEP_SECONDS, row.ms * 1000);
    struct mp_fields f = begin_row(w, &row);
    if (!is_final(step)) {
        run_end_event(w->run, &f);
        return;
    }
    set_half(step, false);
    buf_init(&kept, LIMIT_MP_BYTES);
    write_checkpoint(step, error, &kept);
    if (buf_error(&kept) == 0)
        step_remember(step, buf_as_span(&kept));
    if (buf_error(&kept) == 0)
        walk_keep(w, &f,
                  &(struct run_checkpoint){.field = step->path,
                                           .value = buf_as_span(&kept),
                                           .is_shown = w->half_shown > 0});
    else
        run_end_event(w->run, &f); /* it would be run again */
    buf_release(&kept);
}

void step_tell_end(struct step *step)
{
    struct buf error;
    if (step->was_kept || run_is_over(step->walk->run))
        return;
    buf_init(&error, FAILING_JSON);
    if (step->has_failed)
        failing_write(&step->failing, NULL, &error);
    tell_end(step, step->has_failed ? buf_as_span(&error) : SPAN_NONE);
    if (step->is_visible)
        walk_spoke(step->walk, span_of(step->model), span_of(step->finish_reason));
    buf_release(&error);
}

void step_spoke(struct step *step, const char *model, const char *finish_reason)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    if (!step->is_visible)
        return;
    mem_free(step->model);
    mem_free(step->finish_reason);
    step->model = mem_strdup(model);
    step->finish_reason = mem_strdup(finish_reason);
}
