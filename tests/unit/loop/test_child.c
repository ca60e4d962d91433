/* Children: their lines, their READY=1, their channel, their end; what cannot be started; nothing
 * survives child_free. */
#include "loop/child.h"

#include "base/buf.h"
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
    bool has_channel;
    struct buf came; /* by the channel */
    size_t want;     /* the loop stops when so much has */
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

static void on_channel(struct span bytes, void *arg)
{
    struct seen *s = arg;
    assert_int_equal(buf_span(&s->came, bytes), 0);
    if (s->want > 0 && s->came.len >= s->want)
        loop_stop(s->loop);
}

static struct child_hooks hooks_of(struct seen *s)
{
    return (struct child_hooks){.on_line = on_line,
                                .on_ready = on_ready,
                                .on_exit = on_exit_seen,
                                .on_channel = s->has_channel ? on_channel : NULL,
                                .arg = s};
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
    buf_init(&s->came, 64 * 1024 * 1024);
    return child_start(
        s->loop,
        &(struct child_options){.argv = argv, .env = env, .error_fd = -1, .hooks = hooks_of(s)},
        &s->child, &err);
}

static void end(struct seen *s)
{
    child_free(s->child);
    loop_free(s->loop);
    buf_release(&s->came);
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
        loop, &(struct child_options){.argv = argv, .error_fd = -1, .hooks = hooks_of(&s)}, &child,
        &err);
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

/* More than a socket holds goes out and comes back, in order. */
static void talks_by_a_channel(void **state)
{
    enum { BYTES = 3 * 1024 * 1024 };
    struct seen s = {.has_channel = true, .want = BYTES + 3};
    (void)state;
    assert_int_equal(start(&s, "exec cat <&3 >&3", NULL), 0);
    char *bytes = mem_new_array(BYTES, 1);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31 >> 8);
    assert_int_equal(child_send(s.child, span_make(bytes, BYTES)), 0);
    assert_int_equal(child_send(s.child, SPAN_LIT("end")), 0);
    loop_run(s.loop);
    assert_int_equal(s.came.len, BYTES + 3);
    assert_memory_equal(s.came.ptr, bytes, BYTES);
    assert_memory_equal(s.came.ptr + BYTES, "end", 3);
    mem_free(bytes);
    end(&s);
}

static void hears_the_last_words(void **state)
{
    struct seen s = {.has_channel = true};
    (void)state;
    assert_int_equal(start(&s, "printf farewell >&3; exit 3", NULL), 0);
    loop_run(s.loop);
    assert_int_equal(WEXITSTATUS(s.wait_status), 3);
    assert_string_equal(s.came.ptr, "farewell");
    assert_int_equal(child_send(s.child, SPAN_LIT("too late")), 0);
    end(&s);
}

/* What the parent has sent by then is lost; the end is told by on_exit alone. */
static void outlives_a_channel_that_was_closed(void **state)
{
    struct seen s = {.has_channel = true};
    (void)state;
    assert_int_equal(start(&s, "exec 3>&-; read -r line </dev/null; exit 5", NULL), 0);
    loop_run(s.loop);
    assert_int_equal(WEXITSTATUS(s.wait_status), 5);
    end(&s);
}

static void holds_no_more_than_its_limit(void **state)
{
    enum { TOO_MUCH = 33 * 1024 * 1024 };
    struct seen s = {.has_channel = true};
    (void)state;
    assert_int_equal(start(&s, "exec sleep 30", NULL), 0);
    char *bytes = mem_new_array(TOO_MUCH, 1);
    assert_int_equal(child_send(s.child, span_make(bytes, TOO_MUCH)), -ERR_TOO_LARGE);
    assert_int_equal(child_send(s.child, span_make(bytes, TOO_MUCH / 2)), 0);
    assert_int_equal(child_send(s.child, span_make(bytes, TOO_MUCH)), -ERR_TOO_LARGE);
    mem_free(bytes);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_lines_and_the_exit_status),
        cmocka_unit_test(hears_readiness),
        cmocka_unit_test(tells_what_cannot_be_started),
        cmocka_unit_test(passes_signals_on),
        cmocka_unit_test(leaves_nothing_behind),
        cmocka_unit_test(talks_by_a_channel),
        cmocka_unit_test(hears_the_last_words),
        cmocka_unit_test(outlives_a_channel_that_was_closed),
        cmocka_unit_test(holds_no_more_than_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
