/* Descriptors and signals as calls. */
#include "loop/watch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    struct loop *loop;
    struct watch *watch;
    int fds[2];
    int calls;
    char bytes[8];
};

static void on_readable(void *arg)
{
    struct seen *s = arg;
    ssize_t n = read(s->fds[0], s->bytes + s->calls, 1);
    s->calls++;
    if (n <= 0) {
        watch_free(s->watch);
        s->watch = NULL;
        loop_stop(s->loop);
    }
}

static void test_readable_until_its_end(void **state)
{
    struct seen s = {.loop = loop_new()};
    (void)state;
    assert_int_equal(pipe(s.fds), 0);
    s.watch = watch_readable(s.loop, s.fds[0], on_readable, &s);
    assert_int_equal(write(s.fds[1], "ab", 2), 2);
    assert_int_equal(close(s.fds[1]), 0);
    loop_run(s.loop);
    assert_int_equal(s.calls, 3);
    assert_string_equal(s.bytes, "ab");
    assert_int_equal(close(s.fds[0]), 0);
    loop_free(s.loop);
}

static void on_signal(void *arg)
{
    struct seen *s = arg;
    if (++s->calls == 3)
        loop_stop(s->loop);
    else
        (void)raise(SIGUSR1);
}

static void test_signal_again_and_again(void **state)
{
    struct seen s = {.loop = loop_new()};
    struct sigaction now;
    (void)state;
    s.watch = watch_signal(s.loop, SIGUSR1, on_signal, &s);
    (void)raise(SIGUSR1);
    loop_run(s.loop);
    assert_int_equal(s.calls, 3);
    watch_free(s.watch);
    assert_int_equal(sigaction(SIGUSR1, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
    watch_free(NULL);
    loop_free(s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readable_until_its_end),
        cmocka_unit_test(test_signal_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
