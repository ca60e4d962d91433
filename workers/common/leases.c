/* Renewals: one under way at a time. Its runs are held by serial, since they may be gone by then.
 */
#include "common/leases.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "common/worker_inner.h"

static int64_t lease_ms(const struct worker *worker)
{
    return worker->conf->worker_lease;
}

bool leases_is_fresh(const struct run *run)
{
    return clock_mono_ms() < run->lease_until_ms;
}

/* Both lists are in order of serial. Closing one run leaves the others where they are. */
static void take_answer(struct worker *worker, const bool *is_held)
{
    struct leases *l = &worker->leases;
    struct run *run = TAILQ_FIRST(&worker->runs);
    for (size_t i = 0; i < l->count; i++) {
        while (run != NULL && run->serial < l->serials[i])
            run = TAILQ_NEXT(run, link);
        if (run == NULL || run->serial != l->serials[i] || !run->is_watched)
            continue;
        run->lease_until_ms = l->asked_ms + lease_ms(worker);
        if (!is_held[i])
            run_close(run, CLOSE_LOST);
    }
}

static void on_renewed(int status, const bool *is_held, size_t count, void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    worker->leases.is_asking = false;
    if (status != 0) {
        log_event(LOG_WARN, "worker.renew_failed", "error=%s", err_name(status));
        return; /* the timer asks again */
    }
    CHECK(count == worker->leases.count);
    take_answer(worker, is_held);
    worker_flush_all(worker); /* those that waited for it */
}

void leases_renew(struct worker *worker)
{
    struct leases *l = &worker->leases;
    size_t n = 0;
    if (l->is_asking || worker->running == 0)
        return;
    struct lease *leases = mem_new_array(worker->running, sizeof *leases);
    l->serials = mem_grow(l->serials, worker->running, sizeof *l->serials);
    for (struct run *run = TAILQ_FIRST(&worker->runs); run != NULL; run = TAILQ_NEXT(run, link)) {
        if (!run->is_watched)
            continue;
        leases[n] =
            (struct lease){run->claimed.tenant, run->claimed.generation, run->claimed.token};
        l->serials[n++] = run->serial;
    }
    l->count = n;
    l->asked_ms = clock_mono_ms();
    l->is_asking = n > 0;
    if (n > 0)
        queue_renew(worker->bus, leases, n, on_renewed, worker);
    mem_free(leases);
}

static void on_timer(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    timer_start(&worker->leases.timer, lease_ms(worker) / 3);
    leases_renew(worker);
}

void leases_init(struct worker *worker)
{
    timer_init(&worker->leases.timer, worker->loop, on_timer, worker);
    timer_start(&worker->leases.timer, lease_ms(worker) / 3);
}

void leases_release(struct worker *worker)
{
    timer_release(&worker->leases.timer);
    mem_free(worker->leases.serials);
    worker->leases.serials = NULL;
}
