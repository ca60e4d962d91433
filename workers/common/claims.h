/* The claim loop: each ring of the doorbell, each job got and each freed place sends one claim,
 * with a nonce of its own; with k free slots up to min(k, 16) are under way. Nothing is claimed
 * before Redis is known to be whole (revival.h), nor while draining. */
#ifndef SLUICE_WORKERS_COMMON_CLAIMS_H
#define SLUICE_WORKERS_COMMON_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

enum { CLAIMS_MAX = 16 };

/* A claim under way, or the release of what came while draining. */
struct claim_way {
    struct worker *worker;
    int64_t sent_ms;
    bool is_used;
};

struct claims {
    struct bell *bell;
    struct claim_way ways[CLAIMS_MAX];
    size_t under_way;
    uint64_t nonces;
    bool is_owed; /* there was a reason to look while no more could be sent */
};

void claims_init(struct worker *worker);
void claims_release(struct worker *worker);
void claims_go(struct worker *worker); /* work may be there, or a slot is free */
/* Tells the bus how many of each tenant may run, as the configuration says now. */
void claims_set_caps(struct worker *worker);
bool claims_are_quiet(const struct worker *worker);

#endif
