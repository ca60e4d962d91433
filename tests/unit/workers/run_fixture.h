/* One claimed generation on a private Redis, under a worker that is put together by hand: its work
 * is the test, nothing is claimed, and only appends tell of a stop. */
#ifndef SLUICE_TESTS_RUN_FIXTURE_H
#define SLUICE_TESTS_RUN_FIXTURE_H

#include "bus/bus_fixture.h"
#include "common/worker_inner.h"
#include "wire/limits.h"

enum { LEASE_MS = 10000 };

/* The worker's parts that a run needs, and the one generation. */
struct shop {
    struct house house;
    struct worker worker;
    struct conf conf;
    struct run *run;
    int stopped; /* times that the work was told to */
    bool is_held;
    /* of the test */
    int told;
    char steps[1024];
};

static inline void *work_new(struct run *run)
{
    struct shop *s = worker_shared(run_worker(run));
    s->run = run;
    return s;
}

static inline void work_start(void *work)
{
    (void)work;
}

static inline bool work_stop(void *work, bool read_on)
{
    (void)read_on;
    ((struct shop *)work)->stopped++;
    return true;
}

static inline void work_hold(void *work, bool is_held)
{
    ((struct shop *)work)->is_held = is_held;
}

static inline struct usage work_usage(const void *work)
{
    (void)work;
    return usage_none();
}

static inline void work_free(void *work)
{
    ((struct shop *)work)->run = NULL;
}

static const struct work test_work = {
    .kind = "stream",
    .work_new = work_new,
    .work_start = work_start,
    .work_stop = work_stop,
    .work_hold = work_hold,
    .work_usage = work_usage,
    .work_free = work_free,
};

static inline void on_shop_flag(void *entry)
{
    run_flagged(entry);
}

static inline void on_shop_control(void *entry)
{
    run_close(entry, CLOSE_FENCED);
}

static inline void on_shop_bell(void *arg)
{
    (void)arg;
}

static inline void on_shop_claimed(int status, const struct claim *claim, void *arg)
{
    struct shop *s = arg;
    CHECK(status == 0 && claim != NULL);
    s->house.came = true;
    keep_text(s->house.token, sizeof s->house.token, claim->token);
    worker_take(&s->worker, claim, clock_mono_ms() + LEASE_MS);
}

static inline void open_worker(struct shop *s)
{
    const struct stop_watch_hooks hooks = {on_shop_flag, on_shop_control};
    struct worker *w = &s->worker;
    s->conf = (struct conf){.worker_slots = 4,
                            .worker_lease = LEASE_MS,
                            .limits_output = LIMIT_OUTPUT,
                            .limits_events = 1000};
    w->magic = WORKER_MAGIC;
    w->work = &test_work;
    w->conf = &s->conf;
    w->loop = s->house.loop;
    w->bus = s->house.bus;
    w->shared = s;
    w->name = id_mint("w");
    TAILQ_INIT(&w->runs);
    TAILQ_INIT(&w->gone);
    TAILQ_INIT(&w->dirty);
    timer_init(&w->gathering, w->loop, on_worker_gathered, w);
    timer_init(&w->forget, w->loop, on_worker_forget, w);
    revival_init(w);
    drain_init(w);
    leases_init(w);
    w->stops = stop_watch_new(w->bus, w->loop, 100000, &hooks); /* only what appends tell */
    w->claims.bell = bell_new(w->bus, w->loop, "graph", on_shop_bell, s);
}

static inline int shop_setup(void **state)
{
    struct shop *s = MEM_NEW(struct shop);
    void *house = NULL;
    (void)house_setup(&house);
    s->house = *(struct house *)house;
    mem_free(house);
    *state = s;
    if (s->house.bus == NULL)
        return 0;
    bus_free(s->house.bus); /* it named the house that was */
    house_open(&s->house, 5000);
    open_worker(s);
    struct begin begin = usual_begin("c", "g");
    struct buf job;
    buf_init(&job, 1024);
    job_encode(&job, &(struct job){.version = JOB_VERSION, .message = SPAN_LIT("hi")});
    begin.request = buf_as_span(&job);
    CHECK(house_begin(&s->house, &begin) == BEGIN_QUEUED);
    buf_release(&job);
    s->house.came = false;
    queue_claim(s->house.bus, "stream", "worker", "n", 0, on_shop_claimed, s);
    house_wait(&s->house);
    return 0;
}

static inline int shop_teardown(void **state)
{
    struct shop *s = *state;
    struct worker *w = &s->worker;
    if (s->house.bus != NULL) {
        bell_free(w->claims.bell);
        stop_watch_free(w->stops);
        worker_free_runs(w);
        bus_free(s->house.bus);
        leases_release(w);
        drain_release(w);
        revival_release(w);
        timer_release(&w->gathering);
        timer_release(&w->forget);
    }
    loop_free(s->house.loop);
    redis_teardown(&s->house.redis);
    mem_free(s);
    return 0;
}

#endif
