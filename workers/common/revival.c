/* Is this Redis the one that we spoke with, and does it have what we said? */
#include "common/revival.h"

#include "base/log.h"
#include "common/worker_inner.h"
#include <stdio.h>

enum { PROOF_MS = 3000 }; /* then claiming goes on; the proofs do so by themselves */

static void is_whole(struct worker *worker)
{
    worker->revival.is_whole = true;
    timer_stop(&worker->revival.limit);
    claims_go(worker);
    worker_tell_ready(worker);
}

static void on_limit(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    log_event(LOG_WARN, "worker.revival_slow", "due=%zu", worker->revival.due);
    worker->revival.due = 0;
    is_whole(worker);
}

void revival_proved(struct worker *worker)
{
    struct revival *r = &worker->revival;
    if (r->due > 0 && --r->due == 0 && !r->is_whole && bus_is_up(worker->bus))
        is_whole(worker);
}

/* Everything that was acknowledged lately is said again. */
static void doubt_all(struct worker *worker)
{
    struct revival *r = &worker->revival;
    r->due = 0;
    for (struct run *run = TAILQ_FIRST(&worker->runs); run != NULL; run = TAILQ_NEXT(run, link)) {
        if (run->state == RUN_CLOSING || run->state == RUN_GONE)
            continue;
        r->due++;
        if (run->state == RUN_KEPT)
            run_repeat(run);
        else
            run_doubt(run);
    }
    log_event(LOG_WARN, "worker.revival", "runs=%zu", r->due);
    if (r->due == 0)
        is_whole(worker);
    else
        timer_start(&r->limit, PROOF_MS);
}

static struct span run_id_of(struct span info)
{
    while (info.ptr != NULL) {
        struct span line = span_cut(&info, '\n');
        struct span name = span_cut(&line, ':');
        if (span_is(name, "run_id") && line.ptr != NULL)
            return span_make(line.ptr, line.len - (line.len > 0 && line.ptr[line.len - 1] == '\r'));
    }
    return SPAN_NONE;
}

static void on_info(int status, const struct reply *reply, void *arg)
{
    struct worker *worker = arg;
    struct revival *r = &worker->revival;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    if (status != 0)
        return; /* the link broke: the next one asks */
    struct span id = run_id_of(reply_str(reply));
    bool is_known = r->run_id[0] != '\0', is_same = span_is(id, r->run_id);
    if (id.len > 0 && id.len < sizeof r->run_id)
        (void)snprintf(r->run_id, sizeof r->run_id, "%.*s", SPAN_ARG(id)); /* it fits */
    if (is_known && !is_same)
        doubt_all(worker);
    else
        is_whole(worker);
}

void revival_up(struct worker *worker)
{
    const struct span argv[] = {SPAN_LIT("INFO"), SPAN_LIT("server")};
    link_command(bus_link(worker->bus), 2, argv, 0, on_info, worker);
}

void revival_down(struct worker *worker)
{
    worker->revival.is_whole = false;
    timer_stop(&worker->revival.limit);
}

void revival_init(struct worker *worker)
{
    timer_init(&worker->revival.limit, worker->loop, on_limit, worker);
}

void revival_release(struct worker *worker)
{
    timer_release(&worker->revival.limit);
}
