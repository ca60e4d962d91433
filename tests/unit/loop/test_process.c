/* The process skeleton: signals become calls, the service manager is told, the watchdog is fed
 * while all is well, lag is measured. */
#include "loop/process.h"

#include "base/metric.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    struct loop *loop;
    struct process *process;
    int notify_fd;
    int drains, nows, reloads, asked;
    bool is_healthy;
};

static struct seen seen;

static void on_drain(void *arg)
{
    ((struct seen *)arg)->drains++;
    loop_stop(seen.loop);
}

static void on_now(void *arg)
{
    ((struct seen *)arg)->nows++;
    loop_stop(seen.loop);
}

static void on_reload(void *arg)
{
    ((struct seen *)arg)->reloads++;
    loop_stop(seen.loop);
}

static bool is_healthy(void *arg)
{
    struct seen *s = arg;
    s->asked++;
    if (s->asked == 3)
        loop_stop(s->loop);
    return s->is_healthy;
}

/* The service manager's end: a datagram socket with an abstract name. */
static int begin(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    char name[128], number[32];
    (void)state;
    seen = (struct seen){.loop = loop_new(),
                         .notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0),
                         .is_healthy = true};
    assert_int_equal(bind(seen.notify_fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(seen.notify_fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(name, sizeof name, "@%.*s",
                   (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
    (void)snprintf(number, sizeof number, "%d", (int)getpid());
    (void)setenv("NOTIFY_SOCKET", name, 1);
    (void)setenv("WATCHDOG_USEC", "20000", 1);
    (void)setenv("WATCHDOG_PID", number, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_free(seen.process);
    loop_free(seen.loop);
    (void)close(seen.notify_fd);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    return unsetenv("WATCHDOG_PID");
}

static void start(void)
{
    seen.process = process_new(
        seen.loop, &(struct process_hooks){on_drain, on_now, on_reload, is_healthy, &seen});
}

/* The next message to the service manager, or "". */
static const char *told(void)
{
    static char text[256];
    ssize_t n = recv(seen.notify_fd, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void run_with(int signal_number)
{
    assert_int_equal(raise(signal_number), 0);
    loop_run(seen.loop);
}

static void drains_once_then_ends(void **state)
{
    (void)state;
    (void)unsetenv("WATCHDOG_USEC");
    start();
    run_with(SIGHUP);
    assert_int_equal(seen.reloads, 1);
    run_with(SIGTERM);
    assert_int_equal(seen.drains, 1);
    assert_int_equal(seen.nows, 0);
    run_with(SIGINT);
    assert_int_equal(seen.drains, 1);
    assert_int_equal(seen.nows, 1);
}

static void ends_at_once_without_a_hook(void **state)
{
    (void)state;
    (void)unsetenv("WATCHDOG_USEC");
    seen.process =
        process_new(seen.loop, &(struct process_hooks){.on_drain = on_drain, .arg = &seen});
    run_with(SIGINT);
    run_with(SIGTERM); /* loop_run returns */
    assert_int_equal(seen.drains, 1);
}

static void survives_a_broken_pipe(void **state)
{
    int ends[2];
    (void)state;
    start();
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    (void)close(ends[1]);
}

static void tells_the_service_manager(void **state)
{
    (void)state;
    start();
    process_ready(seen.process, "up");
    assert_string_equal(told(), "READY=1\nSTATUS=up");
    process_stopping(1500);
    assert_string_equal(told(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000");
}

static void feeds_the_watchdog_while_healthy(void **state)
{
    (void)state;
    start();
    loop_run(seen.loop);
    for (int i = 0; i < 3; i++)
        assert_string_equal(told(), "WATCHDOG=1");
    assert_string_equal(told(), "");
}

static void starves_the_watchdog_when_ill(void **state)
{
    (void)state;
    seen.is_healthy = false;
    start();
    loop_run(seen.loop);
    assert_int_equal(seen.asked, 3);
    assert_string_equal(told(), "");
}

static void stop_loop(void *arg)
{
    (void)arg;
    loop_stop(seen.loop);
}

static void measures_its_lag(void **state)
{
    struct timer t;
    int64_t before = metric_get(METRIC_LOOP_LAG_SECONDS);
    (void)state;
    (void)unsetenv("WATCHDOG_USEC");
    start();
    timer_init(&t, seen.loop, stop_loop, NULL);
    timer_start(&t, 1200);
    loop_run(seen.loop);
    assert_int_equal(metric_get(METRIC_LOOP_LAG_SECONDS), before + 1);
    timer_release(&t);
}

static void raises_the_file_limit(void **state)
{
    struct rlimit limit, lower;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lower = (struct rlimit){64, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    start();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur == limit.rlim_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drains_once_then_ends, begin, end),
        cmocka_unit_test_setup_teardown(ends_at_once_without_a_hook, begin, end),
        cmocka_unit_test_setup_teardown(survives_a_broken_pipe, begin, end),
        cmocka_unit_test_setup_teardown(tells_the_service_manager, begin, end),
        cmocka_unit_test_setup_teardown(feeds_the_watchdog_while_healthy, begin, end),
        cmocka_unit_test_setup_teardown(starves_the_watchdog_when_ill, begin, end),
        cmocka_unit_test_setup_teardown(measures_its_lag, begin, end),
        cmocka_unit_test_setup_teardown(raises_the_file_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
