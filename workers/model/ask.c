/* An ask's life, and what it used. */
#include "model/ask.h"

#include "base/mem.h"
#include "model/ask_inner.h"
#include <inttypes.h>
#include <stdio.h>

struct ask *ask_of(void *arg)
{
    struct ask *ask = arg;
    CHECK_MAGIC(ask, ASK_MAGIC);
    return ask;
}

struct desk *desk_new(struct worker *worker)
{
    struct desk *desk = MEM_NEW(struct desk);
    desk->worker = worker;
    desk->places =
        places_new(worker_bus(worker), worker_loop(worker), worker_conf(worker)->worker_lease);
    desk->cooling = cooling_new();
    return desk;
}

void desk_free(struct desk *desk)
{
    if (desk == NULL)
        return;
    cooling_free(desk->cooling);
    places_free(desk->places);
    mem_free(desk);
}

struct ask *ask_new(struct desk *desk, const struct claimed *claimed, struct span note,
                    const struct ask_hooks *hooks)
{
    struct ask *ask = MEM_NEW(struct ask);
    ask->magic = ASK_MAGIC;
    ask->desk = desk;
    ask->claimed = claimed;
    ask->note = note;
    ask->hooks = *hooks;
    int len =
        snprintf(ask->holder, sizeof ask->holder, "%s/%" PRIu64, claimed->token, ++desk->serials);
    CHECK(len > 0 && (size_t)len < sizeof ask->holder);
    timer_init(&ask->wait, worker_loop(desk->worker), on_ask_due, ask);
    attempts_init(&ask->attempts);
    attempts_read(&ask->attempts, note);
    spending_init(&ask->spending, note.ptr != NULL && claimed->epoch > 1 && !ask_has_note(ask));
    ask->spending.lost_input = ask->attempts.lost_input;
    ask->spending.lost_output = ask->attempts.lost_output;
    return ask;
}

void ask_free(struct ask *ask)
{
    if (ask == NULL)
        return;
    CHECK_MAGIC(ask, ASK_MAGIC);
    place_drop(&ask->place); /* held in the teardown only */
    ask_cancel(ask);
    timer_release(&ask->wait);
    attempts_release(&ask->attempts);
    conf_model_free(ask->conf_model);
    ask->magic = 0;
    mem_free(ask);
}

const struct conf_model *ask_model(const struct ask *ask)
{
    return ask->conf_model;
}

int64_t ask_attempt(const struct ask *ask)
{
    int64_t epoch = ask->claimed->epoch;
    int64_t noted = ask->attempts.epoch;
    bool has_lost = ask->note.ptr != NULL && epoch > noted + 1;
    return ask->attempts.made + 1 + (has_lost ? epoch - noted - 1 : 0);
}

struct usage ask_usage(const struct ask *ask)
{
    return spending_usage(&ask->spending,
                          ask->call != NULL ? llm_usage(ask->call) : ask->spending.told);
}

bool ask_note(const struct ask *ask, struct buf *out)
{
    struct attempts noted = ask->attempts;
    struct spending spending = ask->spending;
    if (noted.count == 0)
        return false;
    if (ask->call != NULL)
        spending.told = llm_usage(ask->call);
    spending_lose(&spending);
    noted.lost_input = spending.lost_input;
    noted.lost_output = spending.lost_output;
    noted.epoch = ask->claimed->epoch;
    attempts_write(&noted, out);
    return buf_error(out) == 0;
}

bool ask_has_note(const struct ask *ask)
{
    return ask->attempts.epoch > 0 && ask->attempts.epoch == ask->claimed->epoch - 1;
}

void ask_lost(struct ask *ask, int64_t tokens)
{
    struct spending *s = &ask->spending;
    if (!s->is_dark)
        return;
    s->is_dark = false;
    s->owes_input = true;
    s->lost_output += tokens;
}
