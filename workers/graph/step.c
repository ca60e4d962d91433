/* A step's life: its kind begun, the time and the tries that it has, its last word taken.
 * Invariant: a kind is released exactly once, and never under its own call. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "graph/inner.h"
#include "graph/kinds.h"
#include "graph/outcome.h"

void step_set_life(struct step *step, enum step_life next)
{
    enum { SAID_OR_OVER = 1U << LIFE_SAID | 1U << LIFE_OVER };
    static const char *const names[LIFE_STATES] = {
        [LIFE_NEW] = "new",         [LIFE_EVALUATING] = "evaluating",
        [LIFE_RUNNING] = "running", [LIFE_WAITING] = "waiting",
        [LIFE_SAID] = "said",       [LIFE_READING] = "reading",
        [LIFE_OVER] = "over",
    };
    static const unsigned legal[LIFE_STATES] = {
        [LIFE_NEW] = 1U << LIFE_EVALUATING | 1U << LIFE_RUNNING | SAID_OR_OVER,
        [LIFE_EVALUATING] = 1U << LIFE_RUNNING | SAID_OR_OVER,
        [LIFE_RUNNING] = 1U << LIFE_READING | SAID_OR_OVER,
        [LIFE_WAITING] = 1U << LIFE_RUNNING | SAID_OR_OVER,
        [LIFE_SAID] = 1U << LIFE_WAITING | 1U << LIFE_OVER,
        [LIFE_READING] = SAID_OR_OVER,
        [LIFE_OVER] = 0,
    };
    CHECK((legal[step->life] & 1U << next) != 0);
    log_event(LOG_DEBUG, "step.life", "gen=%s step=%s node=%s from=%s to=%s",
              run_claimed(step->walk->run)->generation, step->path, step->label, names[step->life],
              names[next]);
    step->life = next;
}

static const struct step_kind *kind_of(const struct step *step)
{
    return kind_find(step->node->kind);
}

/* What it is. */

const struct graph_node *step_node(const struct step *step)
{
    return step->node;
}

struct graphs *step_graphs(const struct step *step)
{
    return step->walk->graphs;
}

const struct graph *step_graph(const struct step *step)
{
    return step->line->graph;
}

const struct claimed *step_claimed(const struct step *step)
{
    return run_claimed(step->walk->run);
}

const char *step_path(const struct step *step)
{
    return step->path;
}

const struct render *step_values(const struct step *step)
{
    return &step->render;
}

const struct llm_message *step_history(const struct step *step, size_t *count)
{
    *count = step->walk->history.count;
    return step->walk->history.messages;
}

struct span step_attachments(const struct step *step)
{
    return step_claimed(step)->job.attachments;
}

bool step_is_visible(const struct step *step)
{
    return step->is_visible;
}

struct usage step_usage(const struct step *step)
{
    struct used used = step->lost;
    used_add(&used, step->now);
    return used_sum(&used);
}

void step_used(struct step *step, struct usage usage)
{
    step->now = usage;
}

const char *step_secret(const char *name, void *arg)
{
    const struct step *step = arg;
    CHECK_MAGIC(step, STEP_MAGIC);
    return conf_find_secret(worker_conf(step->walk->graphs->worker), span_of(name));
}

/* Its last word. */

static void say(struct step *step)
{
    timer_stop(&step->timer);
    step_set_life(step, LIFE_SAID);
    step->is_queued = true;
    TAILQ_INSERT_TAIL(&step->walk->said, step, said_link);
    walk_turn(step->walk);
}

void step_done(struct step *step, struct span result, const char *next)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    CHECK(step->life != LIFE_SAID);
    if (result.len > (size_t)step->line->graph->limits.state_bytes) {
        step_fail(step, STEP_LIMIT_STATE, 0, -1, NULL);
        return;
    }
    step->has_failed = false;
    step->result = span_dup(result);
    step->result_len = result.len;
    step->next = mem_strdup(next);
    say(step);
}

void step_fail(struct step *step, enum step_error error, int status, int64_t retry_after_ms,
               const char *message)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    CHECK(step->life != LIFE_SAID);
    step->has_failed = true;
    failing_set(&step->failing, error, status, retry_after_ms, message);
    say(step);
}

void step_reject(struct step *step, enum step_error error)
{
    mem_free(step->result);
    mem_free(step->next);
    step->result = step->next = NULL;
    step->has_failed = true;
    failing_set(&step->failing, error, 0, -1, NULL);
}

/* Its kind. */

static void release_kind(struct step *step)
{
    const struct step_kind *kind = kind_of(step);
    if (step->kept != NULL)
        kind->release(step->kept);
    step->kept = NULL;
    walk_drop_keeps(step->walk, step); /* they would be told to it */
}

static void stop_kind(struct step *step)
{
    const struct step_kind *kind = kind_of(step);
    if (step->kept != NULL && kind->stop != NULL)
        kind->stop(step->kept);
    release_kind(step);
}

void step_begin(struct step *step)
{
    step_set_life(step, LIFE_RUNNING);
    if (step->node->timeout_ms > 0)
        timer_start(&step->timer, step->node->timeout_ms);
    step->is_held = false; /* a new life of its kind */
    step->kept = kind_of(step)->begin(step);
    step_hold(step);
}

void step_hold(struct step *step)
{
    const struct step_kind *kind = kind_of(step);
    if (step->life != LIFE_RUNNING || step->kept == NULL || kind->hold == NULL ||
        step->is_held == step->walk->is_held)
        return;
    step->is_held = step->walk->is_held;
    kind->hold(step->kept, step->is_held);
}

bool step_read_on(struct step *step)
{
    const struct step_kind *kind = kind_of(step);
    timer_stop(&step->timer);
    if (step->children > 0 || step->life == LIFE_OVER)
        return false; /* it stays for theirs */
    if (step->is_queued)
        TAILQ_REMOVE(&step->walk->said, step, said_link);
    step->is_queued = false;
    jq_cancel(step->eval);
    step->eval = NULL;
    if (step->life == LIFE_RUNNING && step->kept != NULL && kind->read_on != NULL &&
        kind->read_on(step->kept)) {
        step_set_life(step, LIFE_READING);
        return true;
    }
    stop_kind(step);
    step_set_life(step, LIFE_OVER);
    return false;
}

/* Its life. */

static void on_timer(void *arg)
{
    struct step *step = arg;
    CHECK_MAGIC(step, STEP_MAGIC);
    if (step->life == LIFE_WAITING) {
        step_begin(step);
        return;
    }
    stop_kind(step);
    step_fail(step, STEP_TIMEOUT, 0, -1, NULL);
}

/* "3" and "chat" of the main line, "3/short" and "both/short" of a child, "3/s1" and "deep/look" in
 * a sub-graph. */
static void set_names(struct step *step, const char *key)
{
    const struct step *over = step->parent != NULL ? step->parent : step->line->owner;
    long long number = step->line->number;
    const char *id = step->parent != NULL ? key : step->node->id;
    if (step->parent != NULL)
        step->path = mem_printf("%s/%s", over->path, key);
    else if (over != NULL)
        step->path = mem_printf("%s/s%lld", over->path, number);
    else
        step->path = mem_printf("%lld", number);
    step->label = over == NULL ? mem_strdup(id) : mem_printf("%s/%s", over->label, id);
}

struct step *step_new(struct line *line, struct step *parent, const struct graph_node *node,
                      const char *key)
{
    struct walk *w = line->walk;
    struct step *step = MEM_NEW(struct step);
    step->magic = STEP_MAGIC;
    step->walk = w;
    step->line = line;
    step->parent = parent;
    step->node = node;
    step->begun_ms = clock_mono_ms();
    step->render = (struct render){.secret = step_secret, .arg = step};
    bool shows = node->is_visible || node->kind == GRAPH_ASK;
    step->is_visible = shows && (line->owner == NULL || line->owner->is_visible);
    step->goes_on_part = -1;
    step->now = usage_none();
    used_init(&step->lost);
    timer_init(&step->timer, worker_loop(w->graphs->worker), on_timer, step);
    set_names(step, key);
    TAILQ_INSERT_TAIL(&w->steps, step, link);
    metric_add(METRIC_STEPS_OPEN, 1);
    if (parent != NULL)
        parent->children++;
    return step;
}

static void say_kept(struct step *step, struct span bytes)
{
    struct outcome kept;
    step->was_kept = true;
    step->is_damaged = outcome_read(bytes, &kept) != 0 || !span_is(kept.node, step->node->id) ||
                       (kept.error.ptr != NULL && failing_read(kept.error, &step->failing) != 0);
    if (!step->is_damaged) {
        step->has_failed = kept.result.ptr == NULL;
        step->result = step->has_failed ? NULL : span_dup(kept.result);
        step->result_len = kept.result.len;
        step->next = span_dup_or_null(kept.next);
        walk_spoke(step->walk, kept.model, kept.finish_reason);
    }
    outcome_release(&kept);
    say(step);
}

void step_start(struct step *step)
{
    struct walk *w = step->walk;
    struct span kept = step_outcome(step);
    if (kept.ptr != NULL) {
        say_kept(step, kept);
        return;
    }
    if (!run_has_room(w->run, STEP_EVENTS)) {
        walk_overflow(w, run_limit(w->run));
        return;
    }
    step_tell(step, "started");
    if (w->taken >= w->graph->limits.steps) {
        step_fail(step, STEP_LIMIT_STEPS, 0, -1, NULL);
        return;
    }
    w->taken++;
    step_take_shown(step);
    step_evaluate(step);
}

static bool may_try_again(struct step *step)
{
    int64_t wait_ms = failing_wait_ms(&step->failing, &step->node->retry, step->tried);
    if (!step->has_failed || step->was_kept || step->has_shown || wait_ms < 0)
        return false;
    step->tried++;
    metric_add(METRIC_STEPS_RETRIED, 1);
    step_tell(step, "retrying");
    used_add(&step->lost, step->now);
    step->now = usage_none();
    step->has_failed = false;
    step_set_life(step, LIFE_WAITING);
    timer_start(&step->timer, wait_ms);
    return true;
}

/* It was read on for its usage alone. What it hangs on stays until the walk is freed. */
static void conclude_silently(struct step *step)
{
    step_set_life(step, LIFE_OVER);
    step->walk->reading--;
}

void step_conclude(struct step *step)
{
    CHECK_MAGIC(step, STEP_MAGIC);
    step->is_queued = false;
    timer_stop(&step->timer);
    release_kind(step);
    if (step->walk->is_silent) {
        conclude_silently(step);
        return;
    }
    if (may_try_again(step))
        return;
    step_set_life(step, LIFE_OVER);
    if (step->is_damaged)
        walk_fail(step->walk, ERR_INTERNAL, "What an earlier worker kept of it is damaged.");
    else if (step->has_failed && step->failing.error == STEP_LIMIT_STEPS)
        line_fail_whole(step->line, STEP_LIMIT_STEPS);
    else if (step->parent != NULL)
        step_child_over(step);
    else
        line_step_over(step->line, step);
}

static void leave(struct step *step)
{
    struct walk *w = step->walk;
    if (step->is_queued)
        TAILQ_REMOVE(&w->said, step, said_link);
    TAILQ_REMOVE(&w->steps, step, link);
    metric_add(METRIC_STEPS_OPEN, -1);
    if (step->parent != NULL)
        step->parent->children--;
    walk_drop_keeps(w, step);
    step_leave_parts(step);
    used_add(&w->used, step_usage(step));
}

void step_free(struct step *step)
{
    if (step == NULL)
        return;
    CHECK_MAGIC(step, STEP_MAGIC);
    jq_cancel(step->eval);
    if (step->walk->is_torn)
        release_kind(step);
    else
        stop_kind(step);
    CHECK(step->children == 0); /* their parent's kind has stopped them */
    leave(step);
    timer_release(&step->timer);
    kept_release(&step->own);
    mem_free(step->path);
    mem_free(step->label);
    mem_free(step->value_text);
    mem_free(step->values);
    mem_free(step->result);
    mem_free(step->next);
    mem_free(step->numbers);
    mem_free(step->more_parts);
    mem_free(step->model);
    mem_free(step->finish_reason);
    mem_free(step->item);
    step->magic = 0;
    mem_free(step);
}
