#include "base/metric.h"

#include "base/check.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum kind { COUNTER, GAUGE, SECONDS };

static const struct row {
    enum kind kind;
    const char *exposed;
    const char *help;
} ROWS[METRIC_COUNT] = {
#define X(name, kind, exposed, help) [METRIC_##name] = {kind, exposed, help},
#include "base/metric.def"
#undef X
};

/* Upper bounds of the histograms' buckets, in microseconds: from a quick round trip to a long generation. */
static const int64_t BOUNDS_US[] = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000, 900000000};
enum { BOUNDS = sizeof BOUNDS_US / sizeof *BOUNDS_US };

struct histogram {
    int64_t buckets[BOUNDS + 1]; /* not cumulative; the last is what lies above all bounds */
    int64_t count, sum_us;
};

static int64_t values[METRIC_COUNT];
static struct histogram histograms[METRIC_COUNT];

void metric_add(enum metric m, int64_t by)
{
    CHECK(ROWS[m].kind != SECONDS);
    values[m] += by;
}

void metric_set(enum metric m, int64_t value)
{
    CHECK(ROWS[m].kind == GAUGE);
    values[m] = value;
}

void metric_observe_us(enum metric m, int64_t us)
{
    size_t bucket = 0;
    CHECK(ROWS[m].kind == SECONDS);
    while (bucket < BOUNDS && us > BOUNDS_US[bucket])
        bucket++;
    histograms[m].buckets[bucket]++;
    histograms[m].count++;
    histograms[m].sum_us += us;
}

int64_t metric_get(enum metric m)
{
    return ROWS[m].kind == SECONDS ? histograms[m].count : values[m];
}

static void render_histogram(struct buf *out, const char *name, const struct histogram *h)
{
    int64_t cumulative = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        cumulative += h->buckets[i];
        (void)buf_printf(out, "%s_bucket{le=\"%g\"} %lld\n", name, (double)BOUNDS_US[i] / 1e6, (long long)cumulative);
    }
    (void)buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum %.6f\n%s_count %lld\n", name, (long long)h->count, name, (double)h->sum_us / 1e6, name, (long long)h->count);
}

/* A family's head, once for rows that share a name before their labels (they stand together in the table). */
static void render_head(struct buf *out, enum metric m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct span rest = span_of(ROWS[m].exposed), name = span_cut(&rest, '{');
    if (m > 0) {
        struct span before = span_of(ROWS[m - 1].exposed);
        if (span_equal(span_cut(&before, '{'), name))
            return;
    }
    (void)buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", SPAN_ARG(name), ROWS[m].help, SPAN_ARG(name), kinds[ROWS[m].kind]);
}

static void render_process(struct buf *out, const char *process)
{
    long long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        char line[128] = "";
        struct span rest = SPAN_NONE;
        if (fgets(line, sizeof line, f) != NULL)
            rest = span_of(line);
        (void)span_cut(&rest, ' ');
        struct span field = span_cut(&rest, ' ');
        for (size_t i = 0; i < field.len && field.ptr[i] >= '0' && field.ptr[i] <= '9'; i++)
            pages = pages * 10 + (field.ptr[i] - '0');
        (void)fclose(f);
    }
    resident = pages * sysconf(_SC_PAGESIZE);
    (void)buf_printf(out, "# HELP sluice_build_info The running version.\n# TYPE sluice_build_info gauge\nsluice_build_info{process=\"%s\",version=\"%s\"} 1\n", process, SLUICE_VERSION);
    (void)buf_printf(out, "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n", resident);
}

void metric_render(struct buf *out, const char *process)
{
    render_process(out, process);
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        render_head(out, m);
        if (ROWS[m].kind == SECONDS)
            render_histogram(out, ROWS[m].exposed, &histograms[m]);
        else
            (void)buf_printf(out, "%s %lld\n", ROWS[m].exposed, (long long)values[m]);
    }
}
