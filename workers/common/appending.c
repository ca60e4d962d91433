/* From the outbox into the log: at most one append under way, so that text gathers by itself while
 * Redis is busy and nothing waits when it is not. Whatever an append answers ends in one of four
 * ways: the log has it, it goes again as it is, the run closes, the run breaks off. */
#include "base/clock.h"
#include "base/log.h"
#include "bus/log.h"
#include "common/worker_inner.h"
#include "wire/limits.h"

enum {
    PAUSE_BYTES = 64 * 1024, /* more than this un-appended holds the provider back ... */
    GO_ON_BYTES = 32 * 1024, /* ... until it is this */
    GATHER_MS = 250,         /* per event, past half of limits.events */
    AGAIN_MS = 200,
    FULL_AGAIN_MS = 500,
    FULL_PATIENCE_MS = 30 * 1000,
    ODD_ANSWERS_MAX = 20,
    KEEP_BYTES = 256 * 1024, /* of what the log has, per run; more where there are checkpoints: the
                                last one, how ever large */
};

/* Putting. */

bool run_has_room(struct run *run, int64_t events)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (run->outbox.last + events < run->max_events) /* the last place is the terminal event's */
        return true;
    run->limit = "It has more events than limits.events.";
    return false;
}

const char *run_limit(const struct run *run)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    return run->limit;
}

static int admit(struct run *run, size_t bytes)
{
    if (!run_has_room(run, 1))
        return -ERR_OUTPUT_LIMIT;
    if (bytes > LIMIT_OUTPUT || run->output_bytes + bytes > run->max_output_bytes) {
        run->limit = "The reply is larger than limits.output.";
        return -ERR_OUTPUT_LIMIT;
    }
    run->output_bytes += bytes;
    return 0;
}

static void hold_back(struct run *run)
{
    bool is_held = run->outbox.waiting_bytes > (run->is_held ? GO_ON_BYTES : PAUSE_BYTES);
    if (is_held == run->is_held || run_is_over(run))
        return;
    run->is_held = is_held;
    run->worker->work->work_hold(run->work, is_held);
}

static void was_put(struct run *run)
{
    run->pieces++;
    run_dirty(run);
    hold_back(run);
}

int run_put_piece(struct run *run, const struct piece *piece)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (run_is_over(run))
        return 0;
    int rc = admit(run, piece->text.len + piece->signature.len);
    if (rc != 0)
        return rc;
    outbox_put_piece(&run->outbox, piece);
    was_put(run);
    return 0;
}

int run_put_call(struct run *run, const struct call_piece *call)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (run_is_over(run))
        return 0;
    int rc = admit(run, call->call_id.len + call->name.len + call->arguments.len);
    if (rc != 0)
        return rc;
    outbox_put_call(&run->outbox, call);
    was_put(run);
    return 0;
}

void run_await_log(struct run *run, struct run_wait *wait)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    CHECK(wait->run == NULL);
    if (outbox_is_empty(&run->outbox) && !run->is_asking_flag) {
        wait->on_logged(wait->arg);
        return;
    }
    wait->run = run;
    wait->seq = run->outbox.last;
    TAILQ_INSERT_TAIL(&run->waits, wait, link);
    worker_turn_end(run->worker); /* what was put goes out then, though it was to gather */
}

void run_wait_stop(struct run_wait *wait)
{
    if (wait->run != NULL)
        TAILQ_REMOVE(&wait->run->waits, wait, link);
    wait->run = NULL;
}

void run_count_output(struct run *run, size_t bytes)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    run->output_bytes += bytes;
}

struct mp_fields run_begin_event(struct run *run, enum event_kind kind)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    CHECK(!run_is_over(run));
    return outbox_begin_map(&run->outbox, kind, clock_wall_ms());
}

void run_end_event(struct run *run, struct mp_fields *fields)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    outbox_end_map(&run->outbox, fields);
    run_dirty(run);
}

/* Of these the run counts what this claim puts. */
static bool may_keep(struct run *run, const struct run_checkpoint *c)
{
    size_t bytes = c->value.len;
    if (strlen(c->field) > LIMIT_CHECKPOINT_FIELD || bytes > LIMIT_CHECKPOINT ||
        run->checkpoints >= LIMIT_CHECKPOINTS ||
        run->checkpoint_bytes + bytes > LIMIT_CHECKPOINTS_BYTES)
        return false;
    run->checkpoints++;
    run->checkpoint_bytes += bytes;
    return true;
}

int run_end_event_kept(struct run *run, struct mp_fields *fields,
                       const struct run_checkpoint *checkpoint)
{
    CHECK_MAGIC(run, RUN_MAGIC);
    if (!may_keep(run, checkpoint)) {
        run->limit = "What is kept of its steps is too large.";
        run_end_event(run, fields);
        return -ERR_OUTPUT_LIMIT;
    }
    outbox_end_kept(&run->outbox, fields, checkpoint);
    run_dirty(run);
    hold_back(run);
    return 0;
}

bool run_has_shown(const struct run *run)
{
    const struct outbox *o = &run->outbox;
    return o->is_shown || (run->claimed.was_shown && !o->has_checkpoint);
}

/* Sending. */

void run_dirty(struct run *run)
{
    if (run->is_dirty)
        return;
    run->is_dirty = true;
    TAILQ_INSERT_TAIL(&run->worker->dirty, run, dirty_link);
    worker_turn_end(run->worker);
}

static void again_in(struct run *run, int64_t ms)
{
    timer_start(&run->again, ms);
}

void on_run_again(void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    run_flush(run);
}

static void answer_odd(struct run *run, int status)
{
    if (status != -ERR_UNAVAILABLE && ++run->odd_answers > ODD_ANSWERS_MAX)
        run_close(run, CLOSE_ABANDONED);
    else
        again_in(run, AGAIN_MS); /* or when the link is up, whatever comes first */
}

static void answer_full(struct run *run)
{
    int64_t now = clock_mono_ms();
    if (run->full_ms == 0)
        run->full_ms = now;
    if (now - run->full_ms > FULL_PATIENCE_MS)
        run_break_off(run, run->outbox.length, "The store was full for too long.");
    else
        again_in(run, FULL_AGAIN_MS);
}

static void tell_logged(struct run *run)
{
    struct run_checkpoint checkpoint;
    while (!run_is_over(run) && outbox_next_told(&run->outbox, &checkpoint))
        checkpoint.on_logged(checkpoint.arg);
}

static void tell_waiting(struct run *run)
{
    struct run_wait *wait;
    while (!run_is_over(run) && (wait = TAILQ_FIRST(&run->waits)) != NULL &&
           wait->seq <= run->outbox.length) {
        run_wait_stop(wait);
        wait->on_logged(wait->arg);
    }
}

/* Nobody while it is asked what a flag means: what they would begin may be stopped already. */
static void tell(struct run *run)
{
    if (run->is_asking_flag)
        return;
    tell_logged(run);
    tell_waiting(run);
}

/* The log has `length` events: what follows goes next. */
static void answer_length(struct run *run, int64_t length)
{
    int64_t now = clock_mono_ms();
    if (!outbox_logged(&run->outbox, length, now)) {
        run_break_off(run, length, "The log lost events that are no longer kept.");
        return;
    }
    tell(run);
    if (!run->is_asking_flag) /* else some are still to be told */
        outbox_forget(&run->outbox, now - REVIVAL_KEEP_MS,
                      KEEP_BYTES + (run->checkpoints > 0 ? LIMIT_CHECKPOINT : 0));
    hold_back(run);
    run_flush(run);
}

static void on_appended(int status, enum append_outcome outcome, int64_t length, void *arg)
{
    struct run *run = arg;
    CHECK_MAGIC(run, RUN_MAGIC);
    run->is_appending = false;
    run_let_go(run);
    if (run->state > RUN_FINISHING)
        return;
    if (status != 0) {
        answer_odd(run, status);
        return;
    }
    run->odd_answers = 0;
    if (outcome != APPEND_FULL)
        run->full_ms = 0;
    switch (outcome) {
    case APPEND_OK:
    case APPEND_REFUSED:
        answer_length(run, length);
        break;
    case APPEND_FENCED:
        run_close(run, CLOSE_FENCED);
        break;
    case APPEND_FLAGGED:
        run_flagged(run);
        break;
    case APPEND_FULL:
        answer_full(run);
        break;
    }
}

static void send_append(struct run *run, const struct outbox_batch *batch)
{
    const struct claimed *c = &run->claimed;
    const struct append append = {
        .tenant = c->tenant,
        .generation = c->generation,
        .token = c->token,
        .flag = c->flag,
        .first = batch->first,
        .is_first_visible = batch->is_first_visible,
        .events = batch->events,
        .count = batch->count,
    };
    log_append(run->worker->bus, &append, on_appended, run);
}

static void send_checkpoint(struct run *run, const struct outbox_batch *batch)
{
    const struct claimed *c = &run->claimed;
    const struct checkpoint checkpoint = {
        .tenant = c->tenant,
        .generation = c->generation,
        .token = c->token,
        .flag = c->flag,
        .seq = batch->first,
        .is_shown = batch->checkpoint->is_shown,
        .field = batch->checkpoint->field,
        .value = batch->checkpoint->value,
        .event = batch->events[0],
    };
    log_checkpoint(run->worker->bus, &checkpoint, on_appended, run);
}

static void send(struct run *run)
{
    struct outbox_batch batch;
    outbox_take(&run->outbox, &batch);
    run->is_appending = true;
    run->sent_ms = clock_mono_ms();
    run_hold(run);
    if (batch.checkpoint != NULL)
        send_checkpoint(run, &batch);
    else
        send_append(run, &batch);
}

/* A runaway's text waits for more of it; a checkpoint goes alone anyway, and a graph with many
 * steps would stand still behind them, or behind who waits. 0: nothing waits. */
static int64_t gathering_left_ms(const struct run *run)
{
    if (run->state >= RUN_FINISHING || run->outbox.last <= run->max_events / 2 ||
        outbox_has_checkpoint(&run->outbox) || !TAILQ_EMPTY(&run->waits))
        return 0;
    int64_t left = run->sent_ms + GATHER_MS - clock_mono_ms();
    return left > 0 ? left : 0;
}

static void is_through(struct run *run)
{
    if (run->is_doubted) {
        run->is_doubted = false;
        revival_proved(run->worker);
    }
    if (run->state == RUN_FINISHING)
        run_conclude(run);
    else
        tell(run); /* who waited for what a flag meant */
}

static void stop_gathering(struct run *run)
{
    if (run->is_gathering)
        timer_stop(&run->again);
    run->is_gathering = false;
}

void run_flush(struct run *run)
{
    stop_gathering(run);
    if (run->state > RUN_FINISHING || run->is_appending || run->is_asking_flag ||
        timer_is_on(&run->again))
        return;
    if (outbox_is_empty(&run->outbox)) {
        is_through(run);
        return;
    }
    if (!bus_is_up(run->worker->bus))
        return; /* all are flushed when it is up */
    if (run->is_watched && !leases_is_fresh(run)) {
        leases_renew(run->worker); /* flushes when it knows */
        return;
    }
    int64_t left_ms = gathering_left_ms(run);
    run->is_gathering = left_ms > 0;
    if (left_ms > 0)
        again_in(run, left_ms);
    else
        send(run);
}

void run_doubt(struct run *run)
{
    run->is_doubted = true;
    outbox_doubt(&run->outbox);
    timer_stop(&run->again);
    run_dirty(run);
}
