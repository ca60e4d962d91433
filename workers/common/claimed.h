/* An owned copy of a claim, its job decoded. */
#ifndef SLUICE_WORKERS_COMMON_CLAIMED_H
#define SLUICE_WORKERS_COMMON_CLAIMED_H

#include "base/id.h"
#include "bus/queue.h"
#include "wire/job.h"

struct claimed {
    char *tenant, *generation, *token;
    char *chat, *flag; /* "" for none */
    char *lane, *on_interrupt, *message_id, *attempt;
    char *graph;       /* its name; "" for none */
    char *user;        /* who asks; "" for nobody */
    char *chat_model;  /* of the chat's last committed turn; NULL: none */
    char *chat_system; /* likewise */
    int64_t epoch, crashes;
    int64_t length; /* the log's, then */
    int64_t queued_at_ms;
    bool was_shown;
    bool is_stateless;
    int job_status; /* of decoding: 0, -ERR_MALFORMED or -ERR_NOT_SUPPORTED */
    struct job job; /* when job_status is 0 */
    struct mp_doc *doc;
};

void claimed_init(struct claimed *c, const struct claim *claim);
void claimed_drop_job(struct claimed *c); /* it may be large */
void claimed_release(struct claimed *c);

#endif
