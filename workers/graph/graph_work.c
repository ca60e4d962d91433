/* A generation as a walk through a graph: its life, and what the worker asks of it. Invariant: once
 * the run is over nothing is under way, but for models that are read on silently for their usage.
 */
#include "graph/graph_work.h"

#include "base/clock.h"
#include "base/mem.h"
#include "graph/inner.h"

enum { HISTORY_SLACK = 8 /* characters that JSON may make of one byte */ };

struct walk *walk_of(void *arg)
{
    struct walk *w = arg;
    CHECK_MAGIC(w, WALK_MAGIC);
    return w;
}

int64_t walk_spent_ms(const struct walk *w)
{
    return w->spent_ms + (w->from_ms == 0 ? 0 : clock_mono_ms() - w->from_ms);
}

struct usage walk_used(const struct walk *w)
{
    struct used used = w->used;
    const struct step *step;
    for (step = TAILQ_FIRST(&w->steps); step != NULL; step = TAILQ_NEXT(step, link))
        used_add(&used, step_usage(step));
    return used_sum(&used);
}

const struct graph *walk_graph(const struct walk *w, const char *name)
{
    const struct bound_graph *b = bound_find(&w->bound, name);
    if (b == NULL)
        return NULL;
    for (size_t i = 0; i < w->fetched_count; i++)
        if (strcmp(w->fetched[i]->version, b->version) == 0)
            return w->fetched[i];
    const struct library *library = edition_library(w->edition);
    return library == NULL ? NULL : library_find_version(library, span_of(b->version));
}

static void keep_text(char **text, struct span given)
{
    if (given.ptr == NULL)
        return;
    mem_free(*text);
    *text = span_dup(given);
}

void walk_spoke(struct walk *w, struct span model, struct span finish_reason)
{
    keep_text(&w->model, model);
    keep_text(&w->finish_reason, finish_reason);
}

/* What is under way is closed, silently. */
void walk_close(struct walk *w)
{
    shelf_wait_stop(w->graphs->shelf, &w->wait);
    last_call_release(&w->turn);
    timer_stop(&w->limit);
    if (w->line != NULL)
        line_stop(w->line);
    walk_drop_keeps(w, NULL);
}

/* The end of a turn of the loop. */

static void on_turn(void *arg)
{
    struct walk *w = walk_of(arg);
    struct step *step;
    if (w->overflow != NULL && !run_is_over(w->run)) {
        walk_fail(w, ERR_OUTPUT_LIMIT, w->overflow);
        return;
    }
    /* Held: what Redis does not take now would pile up here. It goes on when it is let go. */
    while ((step = TAILQ_FIRST(&w->said)) != NULL && (!w->is_held || w->is_silent)) {
        TAILQ_REMOVE(&w->said, step, said_link);
        step_conclude(step);
        if (run_is_over(w->run) && !w->is_silent)
            return; /* it ended by that */
    }
    if (w->is_silent && w->reading == 0)
        run_closed(w->run);
}

void walk_turn(struct walk *w)
{
    last_call_start(&w->turn);
}

void walk_overflow(struct walk *w, const char *limit)
{
    if (w->overflow == NULL)
        w->overflow = limit;
    walk_turn(w);
}

static void on_limit(void *arg)
{
    struct walk *w = walk_of(arg);
    if (!run_is_over(w->run))
        line_fail_whole(w->line, STEP_LIMIT_SECONDS);
}

/* The work. */

static void walk_start(void *work)
{
    walk_read(walk_of(work));
}

/* Of steps under way those that ask a model may go on; all others are stopped, and what stands
 * above the former stays for their sake. */
static bool read_on(struct walk *w)
{
    struct step *step, *next;
    timer_stop(&w->limit);
    for (step = TAILQ_FIRST(&w->steps); step != NULL; step = next) {
        next = TAILQ_NEXT(step, link);
        if (step_read_on(step))
            w->reading++;
    }
    w->is_silent = w->reading > 0;
    return w->is_silent;
}

static bool walk_stop(void *work, bool want_usage)
{
    struct walk *w = walk_of(work);
    if (want_usage && w->line != NULL && read_on(w))
        return false;
    w->reading = 0;
    w->is_silent = false;
    w->stopped = walk_used(w);
    w->is_stopped = true;
    walk_close(w);
    return true;
}

static void walk_hold(void *work, bool is_held)
{
    struct walk *w = walk_of(work);
    struct step *step;
    w->is_held = is_held;
    for (step = TAILQ_FIRST(&w->steps); step != NULL; step = TAILQ_NEXT(step, link))
        step_hold(step);
    if (!is_held)
        walk_turn(w); /* for what was said meanwhile */
}

static struct usage walk_usage(const void *work)
{
    const struct walk *w = work;
    CHECK_MAGIC(w, WALK_MAGIC);
    return w->is_stopped ? w->stopped : walk_used(w);
}

static void *walk_new(struct run *run)
{
    struct walk *w = MEM_NEW(struct walk);
    const struct conf *conf = worker_conf(run_worker(run));
    struct loop *loop = worker_loop(run_worker(run));
    w->magic = WALK_MAGIC;
    w->run = run;
    w->graphs = worker_shared(run_worker(run));
    w->go_on_part = -1;
    TAILQ_INIT(&w->steps);
    TAILQ_INIT(&w->said);
    TAILQ_INIT(&w->keeps);
    last_call_init(&w->turn, loop, on_turn, w);
    timer_init(&w->limit, loop, on_limit, w);
    bound_init(&w->bound);
    kept_init(&w->kept);
    kept_init(&w->again);
    past_init(&w->past, (size_t)conf->limits_output);
    reply_parts_init(&w->parts, (size_t)conf->limits_output);
    step_rows_init(&w->rows);
    used_init(&w->used);
    buf_init(&w->history_json, HISTORY_SLACK * (size_t)conf->limits_history_bytes + 1024);
    return w;
}

static void walk_free(void *work)
{
    struct walk *w = walk_of(work);
    w->is_torn = true;
    shelf_wait_stop(w->graphs->shelf, &w->wait);
    line_free(w->line);
    walk_drop_keeps(w, NULL);
    last_call_release(&w->turn);
    timer_release(&w->limit);
    for (size_t i = 0; i < w->fetched_count; i++)
        graph_free(w->fetched[i]);
    mem_free(w->fetched);
    edition_let_go(w->edition);
    history_release(&w->history);
    buf_release(&w->history_json);
    step_rows_release(&w->rows);
    reply_parts_release(&w->parts);
    past_release(&w->past);
    kept_release(&w->kept);
    kept_release(&w->again);
    bound_release(&w->bound);
    mem_free(w->model);
    mem_free(w->finish_reason);
    mem_free(w->go_on_node);
    mem_free(w->message);
    w->magic = 0;
    mem_free(w);
}

/* The process. */

static void *shared_new(struct worker *worker, struct err *err)
{
    struct graphs *graphs = MEM_NEW(struct graphs);
    const struct jq_options options = {.program = NULL};
    graphs->worker = worker;
    graphs->jq = jq_new(worker_loop(worker), &options);
    graphs->shelf = shelf_new(worker, graphs->jq, err);
    if (graphs->shelf == NULL) {
        jq_free(graphs->jq);
        mem_free(graphs);
        return NULL;
    }
    graphs->desk = desk_new(worker);
    return graphs;
}

static void shared_free(void *shared)
{
    struct graphs *graphs = shared;
    desk_free(graphs->desk);
    shelf_free(graphs->shelf);
    jq_free(graphs->jq);
    mem_free(graphs);
}

static void shared_reload(void *shared)
{
    struct graphs *graphs = shared;
    shelf_reload(graphs->shelf);
}

static void shared_announce(void *shared)
{
    struct graphs *graphs = shared;
    shelf_publish(graphs->shelf);
}

const struct work graph_work = {
    .kind = "graph",
    .program = "sluice-graph-worker",
    .summary = "Runs graphs: takes generations from the queue, and step after step of each.",
    .shared_new = shared_new,
    .shared_free = shared_free,
    .reload = shared_reload,
    .announce = shared_announce,
    .work_new = walk_new,
    .work_start = walk_start,
    .work_stop = walk_stop,
    .work_hold = walk_hold,
    .work_usage = walk_usage,
    .work_free = walk_free,
};
