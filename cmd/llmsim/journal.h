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
/* What a row tells of its request; copied but for the format's name. */
struct row_asked {
    const char *format; /* static */
    struct span model;
    struct span generation;       /* its X-Request-Id; SPAN_NONE: null */
    struct span messages, params; /* JSON texts */
    bool has_fault;               /* the script's fault is played */
};

/* A request has come. The caller holds the row until row_end. */
struct row *journal_begin(struct journal *journal, const struct row_asked *asked);
/* The listed rows of a generation that had a fault. */
int64_t journal_faults(const struct journal *journal, struct span generation);
const char *row_id(const struct row *row); /* without a colon */
void row_token(struct row *row);
/* The request is over: end is "complete", "client_closed" or "fault", with the HTTP status that was
 * answered. */
void row_end(struct journal *journal, struct row *row, const char *end, int status);
void journal_put(const struct journal *journal, struct buf *out); /* the JSON array */
void journal_put_stats(const struct journal *journal, struct buf *out);
size_t journal_max_bytes(const struct journal *journal);

#endif
