/* Metrics: counting, and the text that Prometheus reads. */
#include "base/metric.h"

#include "base/base_test.h"
#include "base/clock.h"
#include "base/num.h"

#include <string.h>

static struct buf text;

static const char *rendered(void)
{
    buf_release(&text);
    buf_init(&text, 1024 * 1024);
    metric_render(&text, "sluice-test");
    assert_int_equal(buf_error(&text), 0);
    return text.ptr;
}

static void counts(void **state)
{
    (void)state;
    metric_add(METRIC_BEGUN, 2);
    metric_add(METRIC_BEGUN, 1);
    assert_int_equal(metric_get(METRIC_BEGUN), 3);
    metric_set(METRIC_SLOTS, 9);
    metric_add(METRIC_SLOTS, -1);
    assert_int_equal(metric_get(METRIC_SLOTS), 8);
    assert_non_null(strstr(
        rendered(),
        "# TYPE sluice_generations_begun_total counter\nsluice_generations_begun_total 3\n"));
    assert_non_null(
        strstr(rendered(), "# TYPE sluice_worker_slots gauge\nsluice_worker_slots 8\n"));
}

static void fills_buckets(void **state)
{
    (void)state;
    metric_observe_us(METRIC_QUEUE_SECONDS, 100); /* on a bound: in that bucket */
    metric_observe_us(METRIC_QUEUE_SECONDS, 101);
    metric_observe_us(METRIC_QUEUE_SECONDS, 2000000000);
    assert_int_equal(metric_get(METRIC_QUEUE_SECONDS), 3);
    const char *at = rendered();
    assert_non_null(strstr(at, "sluice_queue_seconds_bucket{le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(at, "sluice_queue_seconds_bucket{le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(at, "sluice_queue_seconds_bucket{le=\"900\"} 2\n"));
    assert_non_null(strstr(at, "sluice_queue_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(
        strstr(at, "sluice_queue_seconds_sum 2000.000201\nsluice_queue_seconds_count 3\n"));
}

static void fine_buckets_are_narrow(void **state)
{
    (void)state;
    static const int64_t rows[] = {0, 1, 7, 8, 9, 15, 16, 17, 1000, 123456, 3599000000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t before[METRIC_BUCKETS];
        for (size_t b = 0; b < METRIC_BUCKETS; b++)
            before[b] = metric_in_bucket(METRIC_STOP_SECONDS, b);
        metric_observe_us(METRIC_STOP_SECONDS, rows[i]);
        size_t hit = 0;
        while (hit < METRIC_BUCKETS && metric_in_bucket(METRIC_STOP_SECONDS, hit) == before[hit])
            hit++;
        assert_in_range(hit, 0, METRIC_BUCKETS - 1);
        int64_t off = metric_bucket_us(hit) - rows[i];
        assert_true(off * 8 <= rows[i] && -off * 8 <= rows[i]);
    }
    metric_observe_us(METRIC_STOP_SECONDS, INT64_MAX / 1024);
    assert_int_equal(metric_in_bucket(METRIC_STOP_SECONDS, METRIC_BUCKETS - 1), 1);
}

static void heads_each_family_once(void **state)
{
    (void)state;
    metric_add(METRIC_ENDED_STOPPED, 4);
    const char *head = strstr(rendered(), "# HELP sluice_generations_ended_total");
    assert_non_null(head);
    assert_null(strstr(head + 1, "# HELP sluice_generations_ended_total"));
    assert_non_null(strstr(head, "sluice_generations_ended_total{state=\"stopped\"} 4\n"));
}

/* Every row's family is announced exactly once, with a help text, whatever the order of the table.
 */
static void announces_no_family_twice(void **state)
{
    (void)state;
    const char *line = rendered();
    while ((line = strstr(line, "# TYPE ")) != NULL) {
        char head[128];
        const char *end = strchr(line, '\n');
        (void)snprintf(head, sizeof head, "%.*s", (int)(end - line), line);
        assert_null(strstr(end, head));
        line = end;
    }
}

static void tells_of_the_process(void **state)
{
    uint64_t resident = 0, start = 0;
    (void)state;
    const char *at = rendered();
    assert_non_null(strstr(at, "sluice_build_info{process=\"sluice-test\",version=\"" SLUICE_VERSION
                               "\"} 1\n"));
    struct span rest = span_of(strstr(at, "\nprocess_resident_memory_bytes ") + 31);
    assert_int_equal(num_parse_u64(span_cut(&rest, '\n'), &resident), 0);
    assert_in_range(resident, 100000, 4000000000);
    rest = span_of(strstr(at, "\nprocess_start_time_seconds ") + 28);
    assert_int_equal(num_parse_u64(span_cut(&rest, '.'), &start), 0);
    int64_t age = clock_wall_ms() / 1000 - (int64_t)start;
    assert_in_range(age + 2, 0, 120);
}

static void observe_a_counter(void *arg)
{
    (void)arg;
    metric_observe_us(METRIC_BEGUN, 1);
}

static void checks_its_callers(void **state)
{
    (void)state;
    assert_true(aborts(observe_a_counter, NULL));
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(fills_buckets),
        cmocka_unit_test(fine_buckets_are_narrow),
        cmocka_unit_test(heads_each_family_once),
        cmocka_unit_test(announces_no_family_twice),
        cmocka_unit_test(tells_of_the_process),
        cmocka_unit_test(checks_its_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
