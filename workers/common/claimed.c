/* A claim that outlives its answer. */
#include "common/claimed.h"

#include "base/mem.h"

void claimed_init(struct claimed *c, const struct claim *claim)
{
    *c = (struct claimed){
        .tenant = span_dup(claim->tenant),
        .generation = span_dup(claim->generation),
        .token = span_dup(claim->token),
        .chat = span_dup(claim->chat),
        .flag = span_dup(claim->flag),
        .lane = span_dup(claim->lane),
        .on_interrupt = span_dup(claim->on_interrupt),
        .message_id = span_dup(claim->message_id),
        .attempt = span_dup(claim->attempt),
        .graph = span_dup(claim->graph),
        .user = span_dup(claim->user),
        .chat_model = span_dup_or_null(claim->chat_model),
        .chat_system = span_dup_or_null(claim->chat_system),
        .epoch = claim->epoch,
        .crashes = claim->crashes,
        .length = claim->length,
        .queued_at_ms = claim->queued_at_ms,
        .was_shown = claim->was_shown,
        .is_stateless = claim->is_stateless,
    };
    c->job_status = job_decode(claim->request, &c->job, &c->doc);
}

void claimed_drop_job(struct claimed *c)
{
    if (c->doc != NULL)
        mp_close(c->doc);
    c->doc = NULL;
    c->job = (struct job){.version = 0};
    c->job_status = -ERR_GONE;
}

void claimed_release(struct claimed *c)
{
    char *const texts[] = {c->tenant, c->generation,   c->token,      c->chat,    c->flag,
                           c->lane,   c->on_interrupt, c->message_id, c->attempt, c->graph,
                           c->user,   c->chat_model,   c->chat_system};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
    claimed_drop_job(c);
    *c = (struct claimed){.tenant = NULL};
}
