/* Log lines as they leave the process: the test reads what came to standard error. */
#include "base/log.h"

#include "base/base_test.h"
#include "base/clock.h"

#include <string.h>
#include <sys/mman.h>

static char seen[64 * 1024];
static int saved_fd, log_fd;

static int begin(void **state)
{
    (void)state;
    saved_fd = dup(STDERR_FILENO);
    log_fd = memfd_create("log", 0);
    clock_fake(0, 1700000000123);
    log_setup("test", LOG_INFO, false);
    return dup2(log_fd, STDERR_FILENO) < 0;
}

static int end(void **state)
{
    (void)state;
    clock_real();
    (void)dup2(saved_fd, STDERR_FILENO);
    (void)close(saved_fd);
    return close(log_fd);
}

/* What was logged since the last call. */
static const char *lines(void)
{
    ssize_t n = pread(log_fd, seen, sizeof seen - 1, 0);
    seen[n < 0 ? 0 : n] = '\0';
    assert_int_equal(ftruncate(log_fd, 0), 0);
    (void)lseek(log_fd, 0, SEEK_SET);
    return seen;
}

static void writes_pairs(void **state)
{
    (void)state;
    log_event(LOG_INFO, "worker.claim", "gen=%s epoch=%d lane=batch", "gen_1", 2);
    assert_string_equal(
        lines(), "2023-11-14T22:13:20.123Z info test worker.claim gen=gen_1 epoch=2 lane=batch\n");
    log_event(LOG_ERROR, "x", "n=%.*s", 2, "abc");
    assert_string_equal(lines(), "2023-11-14T22:13:20.123Z error test x n=ab\n");
}

static void quotes_what_needs_it(void **state)
{
    (void)state;
    log_event(LOG_WARN, "x", "a=%s b=%s c=%s d=%s e=%s", "two words", "", "q\"\\", "line\nfeed\x7f",
              "é=1");
    assert_string_equal(
        strstr(lines(), " x "),
        " x a=\"two words\" b=\"\" c=\"q\\\"\\\\\" d=\"line\\u000afeed\\u007f\" e=é=1\n");
    log_event(LOG_WARN, "x", "a=%s", "\xffoo");
    assert_string_equal(strstr(lines(), " x "), " x a=\"\\ufffdoo\"\n");
}

static void writes_json(void **state)
{
    (void)state;
    log_setup("test", LOG_INFO, true);
    log_event(LOG_INFO, "x.y", "gen=%s n=%d", "a \"b\"", 7);
    assert_string_equal(lines(), "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\","
                                 "\"process\":\"test\",\"event\":\"x.y\","
                                 "\"gen\":\"a \\\"b\\\"\",\"n\":\"7\"}\n");
}

/* No value makes a pair, a line or a separator of its own. */
static void keeps_to_the_names_of_the_format(void **state)
{
    (void)state;
    log_event(LOG_INFO, "x", "a=%s b=%s", "1 b=9 c=8\nfake line", "2");
    assert_string_equal(strstr(lines(), " x "), " x a=\"1 b=9 c=8\\u000afake line\" b=2\n");
    log_event(LOG_INFO, "x", "a=%s b=%s",
              "1\xff"
              "c=8",
              "2\xff"
              "d=7");
    assert_string_equal(strstr(lines(), " x "), " x a=\"1\\ufffdc=8\" b=\"2\\ufffdd=7\"\n");
}

static void cuts_but_ends_every_line(void **state)
{
    static char text[5000];
    (void)state;
    memset(text, '\x01', sizeof text - 1);
    log_event(LOG_INFO, "x", "a=%s b=%s", text, "lost");
    const char *line = lines();
    size_t len = strlen(line);
    assert_in_range(len, 6 * 2000, 6 * 2100);
    assert_string_equal(line + len - 7, "\" b=\"\"\n");
    log_setup("test", LOG_INFO, true);
    log_event(LOG_INFO, "x", "a=%s b=%s", text, "lost");
    line = lines();
    len = strlen(line);
    assert_string_equal(line + len - 10, "\",\"b\":\"\"}\n");
}

static void is_quiet_below_its_level(void **state)
{
    (void)state;
    log_event(LOG_DEBUG, "x", "a=%d", 1);
    assert_string_equal(lines(), "");
    log_setup("test", LOG_DEBUG, false);
    log_event(LOG_DEBUG, "x", "a=%d", 1);
    assert_non_null(strstr(lines(), "debug test x a=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_pairs, begin, end),
        cmocka_unit_test_setup_teardown(quotes_what_needs_it, begin, end),
        cmocka_unit_test_setup_teardown(writes_json, begin, end),
        cmocka_unit_test_setup_teardown(keeps_to_the_names_of_the_format, begin, end),
        cmocka_unit_test_setup_teardown(cuts_but_ends_every_line, begin, end),
        cmocka_unit_test_setup_teardown(is_quiet_below_its_level, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
