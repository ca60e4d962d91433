/* The rule, and the note. */
#include "model/attempts.h"

#include "base/mem.h"
#include "base/num.h"
#include <inttypes.h>

enum {
    FAILURES_IN_A_ROW = 2,
    BUDGET = 4, /* and twice the number of models */
    BACKOFF_MS = 500,
    BACKOFF_MAX_MS = 30 * 1000,
    PATIENCE_MS = 5000,
    NOTE_NUMBERS = 5
};

void attempts_init(struct attempts *t)
{
    *t = (struct attempts){.made = 0};
}

void attempts_release(struct attempts *t)
{
    for (size_t i = 0; i < t->count; i++)
        mem_free(t->models[i].name);
    attempts_init(t);
}

static size_t find(const struct attempts *t, struct span name)
{
    size_t i = 0;
    while (i < t->count && !span_is(name, t->models[i].name))
        i++;
    return i;
}

void attempts_add(struct attempts *t, struct span name)
{
    if (t->count < ATTEMPTS_MODELS && find(t, name) == t->count)
        t->models[t->count++].name = span_dup(name);
}

void attempts_read(struct attempts *t, struct span note)
{
    int64_t numbers[NOTE_NUMBERS];
    bool is_first = true;
    for (size_t i = 0; i < NOTE_NUMBERS; i++)
        if (num_parse_i64(span_cut(&note, ' '), &numbers[i]) != 0 || numbers[i] < 0)
            return;
    t->made = numbers[0] > 0 ? numbers[0] - 1 : 0;
    t->since_ms = numbers[1];
    t->epoch = numbers[2];
    t->lost_input = numbers[3];
    t->lost_output = numbers[4];
    while (note.ptr != NULL) {
        int64_t failures;
        struct span name = span_cut(&note, ' ');
        struct span count = span_cut(&name, ':');
        size_t i = find(t, name);
        if (i < t->count && num_parse_i64(count, &failures) == 0 && failures >= 0) {
            t->models[i].failures = failures;
            if (is_first)
                t->at = i;
        }
        is_first = false;
    }
}

void attempts_write(const struct attempts *t, struct buf *out)
{
    (void)buf_printf(out, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, t->made + 1,
                     t->since_ms, t->epoch, t->lost_input,
                     t->lost_output); /* a note that does not fit is not read again */
    for (size_t n = 0; n < t->count; n++) {
        size_t i = (t->at + n) % t->count;
        if (n == 0 || t->models[i].failures > 0)
            (void)buf_printf(out, " %" PRId64 ":%s", t->models[i].failures, t->models[i].name);
    }
}

void attempts_failed(struct attempts *t, int64_t now_wall_ms)
{
    if (t->since_ms == 0)
        t->since_ms = now_wall_ms;
    t->made++;
    t->models[t->at].failures++;
}

static int64_t backoff_ms(int64_t failures, uint32_t random)
{
    int64_t ms = BACKOFF_MS;
    if (failures == 0)
        return 0;
    while (--failures > 0 && ms < BACKOFF_MAX_MS)
        ms *= 2;
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    return ms - (int64_t)random % (ms / 2);
}

/* A released claim has waited its back-off before it came back. */
static int64_t wait_of(const struct attempts *t, size_t i, const struct attempts_ask *ask)
{
    int64_t backoff = ask->is_failed ? backoff_ms(t->models[i].failures, ask->random) : 0;
    return backoff > ask->cooling_ms[i] ? backoff : ask->cooling_ms[i];
}

int64_t attempts_next(struct attempts *t, const struct attempts_ask *ask)
{
    CHECK(t->count > 0);
    bool is_on = ask->is_failed && t->models[t->at].failures % FAILURES_IN_A_ROW == 0;
    size_t best = is_on ? (t->at + 1) % t->count : t->at;
    int64_t wait = wait_of(t, best, ask);
    if (t->made >= BUDGET + 2 * (int64_t)t->count)
        return -1;
    for (size_t n = 1; wait > PATIENCE_MS && n < t->count; n++) {
        size_t i = (best + n) % t->count;
        int64_t other = wait_of(t, i, ask);
        if (other < wait) {
            best = i;
            wait = other;
        }
    }
    if (wait > ask->left_ms)
        return -1;
    t->at = best;
    return wait;
}
