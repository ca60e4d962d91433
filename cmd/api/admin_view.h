/* What the admin routes say: an operator's look and the dead list as JSON. Pure. */
#ifndef SLUICE_API_ADMIN_VIEW_H
#define SLUICE_API_ADMIN_VIEW_H

#include "bus/operator.h"
#include "wire/json.h"

/* {at, lanes: [{lane, paused, waiting, oldest_wait_ms}], tenants: [{tenant, queued, running,
 * input_tokens, output_tokens}], workers: [{worker, kind, slots, running}], running: [{tenant,
 * generation_id, chat_id, lane, user, model, worker, started_at, first_token_at}], running_total,
 * delayed, dead, queues: [{lane, tenant, waiting, oldest_wait_ms}], failures: [{tenant,
 * generation_id, state, chat_id, lane, model, error, ended_at}], tokens_per_second, recent:
 * figures, slot_ms, slots: [figures]}; figures: {at, tokens, first_token: {count, p50_us, p95_us},
 * stop: likewise, ended: {done, stopped, failed, interrupted}, errors: [{code, count}]} */
void admin_put_view(struct buf *out, const struct operator_view *view, int64_t at_ms);
/* {data: [{tenant, generation_id, chat_id, lane, error, crashes, died_at}], next}; `next` is the
 * offset of the page behind it. */
void admin_put_dead(struct buf *out, const struct dead_row *rows, size_t count, int64_t next);

#endif
