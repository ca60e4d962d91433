/* Owns: the values of the rows of metric.def in this process. */
#include "base/metric.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"

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

/* Upper bounds of the histograms' buckets, in microseconds: from a quick round trip to a long
 * generation. */
static const int64_t BOUNDS_US[] = {
    100,    250,    500,     1000,    2500,    5000,     10000,    25000,    50000,     100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000, 900000000};
enum { BOUNDS = sizeof BOUNDS_US / sizeof *BOUNDS_US };

struct histogram {
    int64_t buckets[BOUNDS + 1]; /* not cumulative; the last is what lies above all bounds */
    int64_t fine[METRIC_BUCKETS];
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

/* Eight of equal width in each octave; below eight microseconds one each. */
enum { FINE_BITS = 3, FINE = 1 << FINE_BITS };

static size_t fine_bucket(int64_t us)
{
    if (us < FINE)
        return us < 0 ? 0 : (size_t)us;
    const int octave = 63 - __builtin_clzll((unsigned long long)us);
    const size_t bucket =
        (size_t)(octave - FINE_BITS) * FINE + (size_t)(us >> (octave - FINE_BITS));
    return bucket < METRIC_BUCKETS ? bucket : METRIC_BUCKETS - 1;
}

int64_t metric_bucket_us(size_t bucket)
{
    CHECK(bucket < METRIC_BUCKETS);
    if (bucket < 2 * FINE)
        return (int64_t)bucket;
    const size_t octave = bucket / FINE - 1; /* above the first */
    const int64_t width = (int64_t)1 << octave;
    return (int64_t)(bucket % FINE + FINE) * width + width / 2;
}

int64_t metric_in_bucket(enum metric m, size_t bucket)
{
    CHECK(ROWS[m].kind == SECONDS && bucket < METRIC_BUCKETS);
    return histograms[m].fine[bucket];
}

void metric_observe_us(enum metric m, int64_t us)
{
    size_t bucket = 0;
    CHECK(ROWS[m].kind == SECONDS);
    while (bucket < BOUNDS && us > BOUNDS_US[bucket])
        bucket++;
    histograms[m].buckets[bucket]++;
    histograms[m].fine[fine_bucket(us)]++;
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
        (void)buf_printf(out, "%s_bucket{le=\"%g\"} %lld\n", name, (double)BOUNDS_US[i] / 1e6,
                         (long long)cumulative);
    }
    (void)buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum %.6f\n%s_count %lld\n", name,
                     (long long)h->count, name, (double)h->sum_us / 1e6, name, (long long)h->count);
}

/* A family's head, once for rows that share a name before their labels (they stand together in the
 * table). */
static void render_head(struct buf *out, enum metric m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct span rest = span_of(ROWS[m].exposed), name = span_cut(&rest, '{');
    if (m > 0) {
        struct span before = span_of(ROWS[m - 1].exposed);
        if (span_equal(span_cut(&before, '{'), name))
            return;
    }
    (void)buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", SPAN_ARG(name), ROWS[m].help,
                     SPAN_ARG(name), kinds[ROWS[m].kind]);
}

struct vitals {
    uint64_t start_ticks; /* since boot */
    uint64_t resident_pages;
};

/* From proc(5)'s /proc/self/stat; zeros where it cannot be read. */
static struct vitals read_vitals(void)
{
    enum { FIRST_FIELD = 3, START_FIELD = 22, RESIDENT_FIELD = 24 };
    struct vitals v = {0, 0};
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (f == NULL)
        return v;
    size_t len = fread(text, 1, sizeof text, f);
    (void)fclose(f);                                /* was only read */
    const char *name_end = memrchr(text, ')', len); /* the program's name may hold anything */
    if (name_end == NULL)
        return v;
    struct span rest = span_make(name_end + 1, len - (size_t)(name_end + 1 - text));
    (void)span_cut(&rest, ' ');
    for (int field = FIRST_FIELD; field <= RESIDENT_FIELD; field++) {
        struct span word = span_cut(&rest, ' ');
        uint64_t *wanted = field == START_FIELD      ? &v.start_ticks
                           : field == RESIDENT_FIELD ? &v.resident_pages
                                                     : NULL;
        if (wanted != NULL && num_parse_u64(word, wanted) != 0)
            break;
    }
    return v;
}

/* Seconds since 1970 at which this process began. */
static double start_seconds(const struct vitals *v)
{
    struct timespec up;
    (void)clock_gettime(CLOCK_BOOTTIME, &up); /* cannot fail for this clock */
    double age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
                 (double)v->start_ticks / (double)sysconf(_SC_CLK_TCK);
    return (double)clock_wall_ms() / 1e3 - age;
}

static void render_process(struct buf *out, const char *process)
{
    struct vitals v = read_vitals();
    (void)buf_printf(
        out,
        "# HELP sluice_build_info The running version.\n# TYPE sluice_build_info gauge\n"
        "sluice_build_info{process=\"%s\",version=\"%s\"} 1\n",
        process, SLUICE_VERSION);
    (void)buf_printf(out,
                     "# HELP process_start_time_seconds Start of the process since 1970.\n"
                     "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.2f\n",
                     start_seconds(&v));
    (void)buf_printf(
        out,
        "# HELP process_resident_memory_bytes Resident memory.\n"
        "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %llu\n",
        (unsigned long long)v.resident_pages * (unsigned long long)sysconf(_SC_PAGESIZE));
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
