/* What was asked of the provider, as GET /journal tells it: the last generation requests, oldest
 * first, bounded in number and bytes. */
#ifndef SLUICE_LLMSIM_JOURNAL_H
#define SLUICE_LLMSIM_JOURNAL_H

#include "base/buf.h"

enum { JOURNAL_ROWS = 10 * 1000, JOURNAL_BYTES = 64 * 1024 * 1024 };

struct journal;
struct row; /* lives until the journal dropped it and its request let go of it */

struct journal *journal_new(void);
void journal_free(struct journal *journal);
/* A request has come. `generation` is its X-Request-Id (SPAN_NONE: null); messages and params are
 * JSON texts, copied. The caller holds the row until row_end. */
struct row *journal_begin(struct journal *journal, struct span generation, struct span messages,
                          struct span params);
const char *row_id(const struct row *row); /* without a colon */
void row_token(struct row *row);
/* The request is over: end is "complete", "client_closed" or "fault", with the HTTP status that was
 * answered. */
void row_end(struct journal *journal, struct row *row, const char *end, int status);
void journal_put(const struct journal *journal, struct buf *out); /* the JSON array */
void journal_put_stats(const struct journal *journal, struct buf *out);
size_t journal_max_bytes(const struct journal *journal);

#endif
