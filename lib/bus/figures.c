/* Counters become figures and figures are read again. A field of a slot is "tokens",
 * "ended:<state>", "code:<code>", or "<spread>:<bucket of metric.h>". */
#include "bus/figures.h"

#include "base/mem.h"
#include "base/num.h"
#include "bus/call.h"

#include <inttypes.h>
#include <stdio.h>

const char *const FIGURES_END_NAMES[FIGURES_ENDS] = {
    [FIGURES_DONE] = "done",
    [FIGURES_STOPPED] = "stopped",
    [FIGURES_FAILED] = "failed",
    [FIGURES_INTERRUPTED] = "interrupted",
};

enum spread { FIRST_TOKEN, STOP, SPREADS };
static const struct {
    const char *name;
    enum metric metric;
} SPREAD_ROWS[SPREADS] = {
    [FIRST_TOKEN] = {"first_token", METRIC_FIRST_TOKEN_SECONDS},
    [STOP] = {"stop", METRIC_STOP_SECONDS},
};

/* A report that is built only when there is anything to say. */
struct report {
    struct bus *bus;
    struct call *call; /* NULL: nothing yet */
};

static void put(struct report *report, const char *name, int64_t now, int64_t *told)
{
    if (now == *told)
        return;
    if (report->call == NULL) {
        report->call = call_new(report->bus, SCRIPT_REPORT, 1);
        call_key(report->call, key_plain("figures"));
        call_text(report->call, KEY_PREFIX);
    }
    call_text(report->call, name);
    call_int(report->call, now - *told);
    *told = now;
}

static void put_spread(struct report *report, enum spread spread, int64_t told[METRIC_BUCKETS])
{
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s:%zu", SPREAD_ROWS[spread].name, i); /* fits */
        put(report, name, metric_in_bucket(SPREAD_ROWS[spread].metric, i), &told[i]);
    }
}

static void answer_report(struct call *call, int status, const struct reply *reply)
{
    (void)call;   /* is told once, */
    (void)status; /* whatever becomes of it */
    (void)reply;
}

void figures_report(struct bus *bus, struct figures_told *told)
{
    struct report report = {.bus = bus};
    put(&report, "tokens", metric_get(METRIC_TOKENS), &told->tokens);
    put_spread(&report, FIRST_TOKEN, told->first_token);
    put_spread(&report, STOP, told->stop);
    if (report.call != NULL)
        call_send(report.call, answer_report, NULL, NULL);
}

/* Figures of one slot or of several, before durations are made of their buckets. */
struct sum {
    struct figures figures;
    int64_t buckets[SPREADS][METRIC_BUCKETS];
};

static void add_code(struct figures *f, struct span code, int64_t n)
{
    size_t i = 0;
    while (i < f->code_count && !span_equal(f->codes[i].code, code))
        i++;
    if (i == FIGURES_CODES)
        return; /* there are not so many */
    if (i == f->code_count) {
        f->codes[i].code = code;
        f->codes[i].count = 0;
        f->code_count++;
    }
    f->codes[i].count += n;
}

static void add_bucket(struct sum *sum, struct span name, struct span bucket, int64_t n)
{
    uint64_t index = 0;
    for (size_t i = 0; i < SPREADS; i++)
        if (span_is(name, SPREAD_ROWS[i].name) && num_parse_u64(bucket, &index) == 0 &&
            index < METRIC_BUCKETS)
            sum->buckets[i][index] += n;
}

/* What is not known another version has counted. */
static void add(struct sum *sum, struct span field, int64_t n)
{
    struct span rest = field, name = span_cut(&rest, ':');
    if (span_is(field, "tokens"))
        sum->figures.tokens += n;
    else if (span_is(name, "code"))
        add_code(&sum->figures, rest, n);
    else if (span_is(name, "ended"))
        for (size_t i = 0; i < FIGURES_ENDS; i++)
            sum->figures.ended[i] += span_is(rest, FIGURES_END_NAMES[i]) ? n : 0;
    else
        add_bucket(sum, name, rest, n);
}

static void add_all(struct sum *sum, const struct reply *fields)
{
    for (size_t i = 0; i + 1 < reply_count(fields); i += 2)
        add(sum, reply_str(reply_at(fields, i)), reply_int(reply_at(fields, i + 1), 0));
}

/* The middle of the bucket in which the observation of that rank is. */
static int64_t at_rank(const int64_t buckets[METRIC_BUCKETS], int64_t rank)
{
    size_t i = 0;
    for (int64_t below = buckets[0]; below < rank && i < METRIC_BUCKETS - 1; below += buckets[i])
        i++;
    return metric_bucket_us(i);
}

static struct figures_spread spread_of(const int64_t buckets[METRIC_BUCKETS])
{
    int64_t count = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        count += buckets[i];
    if (count <= 0)
        return (struct figures_spread){.count = 0};
    return (struct figures_spread){.count = count,
                                   .p50_us = at_rank(buckets, (count + 1) / 2),
                                   .p95_us = at_rank(buckets, (count * 95 + 99) / 100)};
}

static struct figures figures_of(const struct sum *sum)
{
    struct figures figures = sum->figures;
    figures.first_token = spread_of(sum->buckets[FIRST_TOKEN]);
    figures.stop = spread_of(sum->buckets[STOP]);
    return figures;
}

int figures_read(const struct reply *reply, struct figures_view *out)
{
    enum { RATE_SLOTS = 2 }; /* besides the one that is not over */
    const int64_t now = reply_int(reply_at(reply, 0), -1);
    const size_t count = reply_count(reply) / 2;
    if (now < 0 || reply_count(reply) % 2 != 1)
        return -ERR_INTERNAL;
    const int64_t rate_from = now - now % FIGURES_SLOT_MS - RATE_SLOTS * FIGURES_SLOT_MS;
    int64_t rated = 0;
    struct sum *sum = MEM_NEW(struct sum), *recent = MEM_NEW(struct sum);
    *out = (struct figures_view){.slots = mem_new_array(count, sizeof *out->slots), .count = count};
    for (size_t i = 0; i < count; i++) {
        const struct reply *fields = reply_at(reply, 2 * i + 2);
        *sum = (struct sum){.figures.at_ms = reply_int(reply_at(reply, 2 * i + 1), 0)};
        add_all(sum, fields);
        out->slots[i] = figures_of(sum);
        if (sum->figures.at_ms > now - FIGURES_RECENT_MS)
            add_all(recent, fields);
        rated += sum->figures.at_ms >= rate_from ? sum->figures.tokens : 0;
    }
    recent->figures.at_ms = now - FIGURES_RECENT_MS;
    out->recent = figures_of(recent);
    out->tokens_per_second = (double)rated * 1000.0 / (double)(now - rate_from);
    mem_free(sum);
    mem_free(recent);
    return 0;
}

void figures_release(struct figures_view *view)
{
    mem_free(view->slots);
    view->slots = NULL;
    view->count = 0;
}
