/* What a kind keeps of a step that is not over yet, and what it says of the tools that it calls. */
#include "base/mem.h"
#include "graph/inner.h"
#include "graph/outcome.h"
#include "wire/limits.h"

enum { KEEP_MAGIC = 0x6b656570 };
static const char too_much[] = "What is kept for another try of a step is too large.";

static void drop(struct walk *w, struct keep *keep)
{
    TAILQ_REMOVE(&w->keeps, keep, link);
    mem_free(keep);
}

void walk_drop_keeps(struct walk *w, const struct step *step)
{
    for (struct keep *keep = TAILQ_FIRST(&w->keeps), *next; keep != NULL; keep = next) {
        next = TAILQ_NEXT(keep, link);
        if (step == NULL)
            drop(w, keep);
        else if (keep->step == step)
            keep->step = NULL; /* its answer is still to come */
    }
}

static void on_logged(void *arg)
{
    struct keep keep = *(struct keep *)arg;
    CHECK_MAGIC(&keep, KEEP_MAGIC);
    drop(keep.walk, arg);
    if (keep.step != NULL && keep.step->life == LIFE_RUNNING)
        keep.done(keep.arg);
}

static struct keep *keep_new(struct step *step, void (*done)(void *arg), void *arg)
{
    struct keep *keep = MEM_NEW(struct keep);
    *keep = (struct keep){
        .magic = KEEP_MAGIC, .walk = step->walk, .step = step, .done = done, .arg = arg};
    TAILQ_INSERT_TAIL(&step->walk->keeps, keep, link);
    return keep;
}

void walk_keep(struct walk *w, struct mp_fields *f, const struct run_checkpoint *checkpoint)
{
    if (run_end_event_kept(w->run, f, checkpoint) != 0)
        walk_overflow(w, run_limit(w->run)); /* nothing rides on the event */
}

/* Whether a step above this one may be tried again, and this one with it. */
static bool may_come_again(const struct step *step)
{
    while ((step = step_above(step)) != NULL)
        if (step->node->retry.times > 0)
            return true;
    return false;
}

int64_t step_tries(const struct step *step)
{
    int64_t tries = 0;
    for (; step != NULL; step = step_above(step))
        tries += step->tried;
    return tries;
}

void step_remember(const struct step *step, struct span outcome)
{
    bool goes_on = !step->has_failed || step->next != NULL;
    if (goes_on && may_come_again(step) &&
        kept_add(&step->walk->again, span_of(step->path), outcome) != 0)
        walk_overflow(step->walk, too_much);
}

static bool is_failure(struct span bytes)
{
    struct outcome outcome;
    bool is =
        outcome_read(bytes, &outcome) == 0 && outcome.error.ptr != NULL && outcome.next.ptr == NULL;
    outcome_release(&outcome);
    return is;
}

struct span step_outcome(const struct step *step)
{
    struct span again = kept_find(&step->walk->again, step->path);
    struct span kept = kept_find(&step->walk->kept, step->path);
    if (again.ptr != NULL)
        return again;
    /* what failed in an earlier claim has another try, when the step above has */
    return kept.ptr != NULL && step_tries(step) > 0 && is_failure(kept) ? SPAN_NONE : kept;
}

/* For a further try in this claim: of the step alone, or of one above it. */
static int keep_for_again(struct step *step, const char *field, const char *name, struct span value)
{
    if (may_come_again(step))
        return kept_add(&step->walk->again, span_of(field), value);
    return step->node->retry.times > 0 ? kept_add(&step->own, span_of(name), value) : 0;
}

static void keep_as(struct step *step, struct mp_fields *f, const char *name, struct span value,
                    struct keep *keep)
{
    struct buf field;
    buf_init(&field, 2 * LIMIT_CHECKPOINT_FIELD); /* one that is too long is refused there */
    (void)buf_printf(&field, "%s/%s", step->path, name);
    CHECK(buf_error(&field) == 0);
    if (keep_for_again(step, field.ptr, name, value) != 0)
        walk_overflow(step->walk, too_much);
    walk_keep(step->walk, f,
              &(struct run_checkpoint){.field = field.ptr,
                                       .value = value,
                                       .is_shown = step->walk->half_shown > 0,
                                       .on_logged = keep == NULL ? NULL : on_logged,
                                       .arg = keep});
    buf_release(&field);
}

void step_keep(struct step *step, const char *name, struct span value, void (*done)(void *arg),
               void *arg)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    if (run_is_over(step->walk->run))
        return;
    struct mp_fields f = step_begin_row(step, "progress");
    keep_as(step, &f, name, value, done == NULL ? NULL : keep_new(step, done, arg));
}

void step_await_log(struct step *step, struct run_wait *wait)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    run_await_log(step->walk->run, wait);
}

struct span step_kept(const struct step *step, const char *name)
{
    struct buf field;
    struct span own = kept_find(&step->own, name);
    if (own.ptr != NULL)
        return own;
    buf_init(&field, 2 * LIMIT_CHECKPOINT_FIELD);
    (void)buf_printf(&field, "%s/%s", step->path, name);
    CHECK(buf_error(&field) == 0);
    struct span value = kept_find(&step->walk->again, field.ptr);
    if (value.ptr == NULL)
        value = kept_find(&step->walk->kept, field.ptr);
    buf_release(&field);
    return value;
}

struct mp_fields walk_begin_result(struct walk *w, const struct tool_result *told)
{
    struct mp_fields f = run_begin_event(w->run, EVENT_TOOL_RESULT);
    mp_field_str(&f, "call_id", told->call_id);
    mp_field_str(&f, "result", told->result);
    mp_field_bool(&f, "is_error", told->is_error);
    mp_field_str(&f, "node", told->node);
    return f;
}

void step_put_tool_result(struct step *step, struct span call_id, struct span result, bool is_error,
                          const char *name, struct span value)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    if (run_is_over(step->walk->run))
        return;
    const struct tool_result told = {span_of(step->label), call_id, result, is_error};
    struct mp_fields f = walk_begin_result(step->walk, &told);
    if (name != NULL)
        keep_as(step, &f, name, value, NULL);
    else
        run_end_event(step->walk->run, &f);
}
