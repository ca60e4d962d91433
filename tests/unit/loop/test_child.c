/* Children: their lines, their READY=1, their end; what cannot be started; nothing survives
 * child_free. */
#include "loop/child.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    struct loop *loop;
    struct child *child;
    char lines[512];
    int ready, exits, wait_status;
    bool stop_at_line;
};

static void on_line(const char *line, void *arg)
{
    struct seen *s = arg;
    size_t used = strlen(s->lines);
    (void)snprintf(s->lines + used, sizeof s->lines - used, "%s|", line);
    if (s->stop_at_line)
        loop_stop(s->loop);
}

static void on_ready(void *arg)
{
    ((struct seen *)arg)->ready++;
}

static void on_exit_seen(int wait_status, void *arg)
{
    struct seen *s = arg;
    s->exits++;
    s->wait_status = wait_status;
    loop_stop(s->loop);
}

/* valgrind 3.19 has no pidfds. */
static void skip_without_pidfds(void)
{
    int fd = pidfd_open(getpid(), 0);
    if (fd < 0 && errno == ENOSYS)
        skip();
    (void)close(fd);
}

static int start(struct seen *s, const char *script, const char *const *env)
{
    struct err err = {.code = ERR_OK};
    const char *argv[] = {"sh", "-c", script, NULL};
    skip_without_pidfds();
    s->loop = loop_new();
    return child_start(s->loop,
                       &(struct child_options){argv, env, -1, {on_line, on_ready, on_exit_seen, s}},
                       &s->child, &err);
}

static void end(struct seen *s)
{
    child_free(s->child);
    loop_free(s->loop);
}

static void hands_on_lines_and_the_exit_status(void **state)
{
    struct seen s = {.ready = 0};
    (void)state;
    assert_int_equal(start(&s,
                           "echo one; printf 'two\\nthree\\n'; echo $COLOUR; printf end; exit 7",
                           (const char *[]){"COLOUR=red", NULL}),
                     0);
    loop_run(s.loop);
    assert_string_equal(s.lines, "one|two|three|red|end|");
    assert_int_equal(s.exits, 1);
    assert_true(WIFEXITED(s.wait_status));
    assert_int_equal(WEXITSTATUS(s.wait_status), 7);
    end(&s);
}

static void hears_readiness(void **state)
{
    struct seen s = {.ready = 0};
    (void)state;
    assert_int_equal(start(&s,
                           "python3 -c 'import os,socket; a=os.environ[\"NOTIFY_SOCKET\"]; "
                           "socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM).sendto(b\"STATUS="
                           "up\\nREADY=1\",\"\\0\"+a[1:])'; sleep 0.2",
                           NULL),
                     0);
    loop_run(s.loop);
    assert_int_equal(s.ready, 1);
    assert_int_equal(s.exits, 1);
    end(&s);
}

static void tells_what_cannot_be_started(void **state)
{
    struct loop *loop = loop_new();
    struct child *child = NULL;
    struct err err = {.code = ERR_OK};
    struct seen s = {.loop = loop};
    (void)state;
    const char *argv[] = {"/nowhere/at-all", NULL};
    int rc = child_start(
        loop, &(struct child_options){argv, NULL, -1, {on_line, on_ready, on_exit_seen, &s}},
        &child, &err);
    assert_int_equal(rc, -ERR_SYSTEM);
    assert_non_null(strstr(err.message, "/nowhere/at-all"));
    assert_null(child);
    loop_free(loop);
}

static void passes_signals_on(void **state)
{
    struct seen s = {.stop_at_line = true};
    (void)state;
    assert_int_equal(start(&s, "echo up; exec sleep 30", NULL), 0);
    loop_run(s.loop);
    child_signal(s.child, SIGTERM);
    loop_run(s.loop);
    assert_true(WIFSIGNALED(s.wait_status));
    assert_int_equal(WTERMSIG(s.wait_status), SIGTERM);
    end(&s);
}

static void leaves_nothing_behind(void **state)
{
    struct seen s = {.stop_at_line = true};
    (void)state;
    assert_int_equal(start(&s, "echo up; exec sleep 30", NULL), 0);
    loop_run(s.loop);
    pid_t pid = child_pid(s.child);
    end(&s);
    assert_int_equal(s.exits, 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_lines_and_the_exit_status),
        cmocka_unit_test(hears_readiness),
        cmocka_unit_test(tells_what_cannot_be_started),
        cmocka_unit_test(passes_signals_on),
        cmocka_unit_test(leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
