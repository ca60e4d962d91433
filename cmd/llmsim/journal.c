/* Owns: the rows, until they are dropped and ended, whichever is later. Invariant: `bytes` is what
 * the listed rows cost. */
#include "journal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "wire/json.h"

#include <stdio.h>
#include <sys/queue.h>

enum { ROW_BYTES = 512 }; /* what a row costs beside its texts, in memory and as JSON */

struct row {
    TAILQ_ENTRY(row) link;
    char id[24];
    const char *format;
    char *model, *generation, *messages, *params;
    int64_t at_ms, ended_ms, tokens;
    const char *end; /* NULL while it runs */
    int status;
    size_t bytes;
    bool has_fault;
    bool is_listed; /* in the journal; else only its request holds it */
};

struct journal {
    TAILQ_HEAD(rows, row) rows;
    size_t count, bytes;
    int64_t requests, open, closed_early, tokens;
};

struct journal *journal_new(void)
{
    struct journal *j = MEM_NEW(struct journal);
    TAILQ_INIT(&j->rows);
    return j;
}

static void free_row(struct row *r)
{
    mem_free(r->model);
    mem_free(r->generation);
    mem_free(r->messages);
    mem_free(r->params);
    mem_free(r);
}

static void drop_oldest(struct journal *j)
{
    struct row *r = TAILQ_FIRST(&j->rows);
    TAILQ_REMOVE(&j->rows, r, link);
    j->count--;
    j->bytes -= r->bytes;
    r->is_listed = false;
    if (r->end != NULL)
        free_row(r);
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    while (!TAILQ_EMPTY(&j->rows))
        drop_oldest(j);
    mem_free(j);
}

struct row *journal_begin(struct journal *j, const struct row_asked *asked)
{
    struct row *r = MEM_NEW(struct row);
    (void)snprintf(r->id, sizeof r->id, "r%lld", (long long)++j->requests);
    r->format = asked->format;
    r->model = span_dup(asked->model);
    r->generation = span_dup_or_null(asked->generation);
    r->messages = span_dup(asked->messages);
    r->params = span_dup(asked->params);
    r->has_fault = asked->has_fault;
    r->at_ms = clock_wall_ms();
    r->bytes = ROW_BYTES + asked->model.len + asked->generation.len + asked->messages.len +
               asked->params.len;
    r->is_listed = true;
    j->open++;
    j->count++;
    j->bytes += r->bytes;
    TAILQ_INSERT_TAIL(&j->rows, r, link);
    while (j->count > JOURNAL_ROWS || (j->bytes > JOURNAL_BYTES && j->count > 1))
        drop_oldest(j);
    return r;
}

int64_t journal_faults(const struct journal *j, struct span generation)
{
    int64_t count = 0;
    const struct row *r;
    TAILQ_FOREACH(r, &j->rows, link)
    count += r->has_fault && r->generation != NULL && span_is(generation, r->generation);
    return count;
}

const char *row_id(const struct row *r)
{
    return r->id;
}

void row_token(struct row *r)
{
    r->tokens++;
}

void row_end(struct journal *j, struct row *r, const char *end, int status)
{
    r->end = end;
    r->status = status;
    r->ended_ms = clock_wall_ms();
    j->open--;
    j->tokens += r->tokens;
    j->closed_early += span_is(span_of(end), "client_closed");
    if (!r->is_listed)
        free_row(r);
}

static void put_row(struct json_writer *w, const struct row *r)
{
    json_open(w, NULL, '{');
    json_member_str(w, "id", span_of(r->id));
    json_member_str(w, "generation_id", span_of(r->generation));
    json_member_int(w, "at_ms", r->at_ms);
    json_member_str(w, "format", span_of(r->format));
    json_member_str(w, "model", span_of(r->model));
    json_member_raw(w, "messages", span_of(r->messages));
    json_member_raw(w, "params", span_of(r->params));
    json_member_int(w, "tokens", r->tokens);
    if (r->end == NULL)
        json_member_null(w, "ended_ms");
    else
        json_member_int(w, "ended_ms", r->ended_ms);
    json_member_str(w, "end", span_of(r->end));
    json_member_int(w, "status", r->status == 0 ? 200 : r->status);
    json_close(w);
}

void journal_put(const struct journal *j, struct buf *out)
{
    struct json_writer w = json_writer(out);
    const struct row *r;
    json_open(&w, NULL, '[');
    TAILQ_FOREACH(r, &j->rows, link)
    put_row(&w, r);
    json_close(&w);
}

void journal_put_stats(const struct journal *j, struct buf *out)
{
    struct json_writer w = json_writer(out);
    int64_t tokens = j->tokens;
    const struct row *r;
    TAILQ_FOREACH(r, &j->rows, link)
    tokens += r->end == NULL ? r->tokens : 0;
    json_open(&w, NULL, '{');
    json_member_int(&w, "requests", j->requests);
    json_member_int(&w, "open", j->open);
    json_member_int(&w, "closed_early", j->closed_early);
    json_member_int(&w, "tokens", tokens);
    json_close(&w);
}

size_t journal_max_bytes(const struct journal *j)
{
    return 3 * j->bytes + 4096; /* texts have their escapes already, names and numbers are in
                                   ROW_BYTES, a byte of an id may become three */
}
