/* Once more: what an earlier generation was asked becomes a new generation. */
#ifndef SLUICE_API_AGAIN_H
#define SLUICE_API_AGAIN_H

#include "api/start.h"

struct again {
    struct mp_doc *doc;  /* owns the old job's texts, which the new body borrows */
    struct span prefill; /* of the old job, or SPAN_NONE */
    char user[ID_USER_MAX + 1];
};

/* Fills the body, chat, mode, grace and restore of `start` (its `form` is known) from a record.
 * -ERR_GONE: the record has no request any more, since its chat was deleted. */
MUST_USE int again_take(struct again *again, struct start *start, const struct field *fields,
                        size_t count);
void again_release(struct again *again);

#endif
