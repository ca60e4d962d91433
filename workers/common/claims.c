/* Claims under way and what their answers start. Each reason to look is one claim: a ring of the
 * bell, a job that was got (there may be another behind it), a place that came free. A burst rings
 * for each of its jobs, so its claims go side by side; a lone job's do not hold up Redis. */
#include "common/claims.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "common/worker_inner.h"
#include <inttypes.h>
#include <stdio.h>

static bool wants_more(const struct worker *worker)
{
    const struct claims *claims = &worker->claims;
    return worker->drain.stage == DRAIN_NO && worker->revival.is_whole && bus_is_up(worker->bus) &&
           claims->under_way < CLAIMS_MAX && claims->under_way < worker_free_slots(worker);
}

static struct worker *worker_of(struct claim_way *way)
{
    CHECK_MAGIC(way->worker, WORKER_MAGIC);
    CHECK(way->is_used);
    return way->worker;
}

static void end_way(struct claim_way *way)
{
    way->is_used = false;
    way->worker->claims.under_way--;
}

static void on_returned(int status, struct span outcome, void *arg)
{
    struct claim_way *way = arg;
    struct worker *worker = worker_of(way);
    log_event(LOG_DEBUG, "worker.returned", "outcome=%.*s",
              SPAN_ARG(status == 0 ? outcome : span_of(err_name(status))));
    end_way(way);
    drain_check(worker);
}

/* It came while draining. */
static void give_back(struct claim_way *way, const struct claim *claim)
{
    char *tenant = span_dup(claim->tenant);
    char *generation = span_dup(claim->generation);
    char *token = span_dup(claim->token);
    const struct lease lease = {tenant, generation, token};
    queue_release(way->worker->bus, &lease, 0, SPAN_NONE, on_returned, way);
    mem_free(tenant);
    mem_free(generation);
    mem_free(token);
}

static void on_claimed(int status, const struct claim *claim, void *arg)
{
    struct claim_way *way = arg;
    struct worker *worker = worker_of(way);
    if (status != 0)
        log_event(LOG_DEBUG, "worker.claim_failed", "error=%s", err_name(status));
    if (claim != NULL && worker->drain.stage != DRAIN_NO) {
        give_back(way, claim);
        return;
    }
    end_way(way);
    bool goes_on = claim != NULL || worker->claims.is_owed;
    worker->claims.is_owed = false;
    if (claim != NULL)
        worker_take(worker, claim, way->sent_ms + worker->conf->worker_lease);
    if (goes_on)
        claims_go(worker);
    /* else nothing is there: the bell tells when to look again */
    drain_check(worker);
}

static void start_claim(struct worker *worker)
{
    struct claims *claims = &worker->claims;
    const struct conf_tenant *tenant =
        conf_find_tenant(worker->conf, SPAN_LIT("default")); /* it is always there */
    struct claim_way *way = claims->ways;
    char nonce[ID_MAX];
    while (way->is_used)
        way++; /* one is free: see wants_more */
    int len = snprintf(nonce, sizeof nonce, "%s-%" PRIu64, worker->name.text, ++claims->nonces);
    CHECK(len > 0 && len < (int)sizeof nonce);
    *way = (struct claim_way){worker, clock_mono_ms(), true};
    claims->under_way++;
    queue_claim(worker->bus, worker->work->kind, worker->name.text, nonce, tenant->running,
                on_claimed, way);
}

void claims_go(struct worker *worker)
{
    if (wants_more(worker))
        start_claim(worker);
    else
        worker->claims.is_owed = worker->claims.under_way > 0; /* those may have looked too early */
    bell_listen(worker->claims.bell,
                worker->drain.stage == DRAIN_NO && worker_free_slots(worker) > 0);
}

bool claims_are_quiet(const struct worker *worker)
{
    return worker->claims.under_way == 0;
}

void claims_set_caps(struct worker *worker)
{
    const struct conf *conf = worker->conf;
    const struct conf_tenant *usual = conf_find_tenant(conf, SPAN_LIT("default"));
    struct tenant_cap *caps = mem_new_array(conf->tenant_count, sizeof *caps);
    size_t count = 0;
    for (size_t i = 0; i < conf->tenant_count; i++)
        if (conf->tenants[i].running != usual->running)
            caps[count++] = (struct tenant_cap){conf->tenants[i].name, conf->tenants[i].running};
    queue_set_caps(worker->bus, caps, count);
    mem_free(caps);
}

static void on_bell(void *arg)
{
    struct worker *worker = arg;
    CHECK_MAGIC(worker, WORKER_MAGIC);
    claims_go(worker);
}

void claims_init(struct worker *worker)
{
    worker->claims.bell = bell_new(worker->bus, worker->loop, worker->work->kind, on_bell, worker);
    claims_set_caps(worker);
    bell_listen(worker->claims.bell, true);
}

void claims_release(struct worker *worker)
{
    bell_free(worker->claims.bell);
    worker->claims.bell = NULL;
}
