/* sluice-jq alone, by its channel: what it does with what is no request, and that it ends with its
 * parent, with nothing left (the leak checker runs in it then). */
#include "base/buf.h"
#include "base/err.h"
#include "graphs/jq_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct child {
    pid_t pid;
    int fd; /* our end */
};

/* `output` is where its output goes; -1: as ours. */
static struct child start(char *const *argv, int output)
{
    int ends[2];
    struct child c;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    c.fd = ends[0];
    c.pid = fork();
    if (c.pid == 0) {
        if (dup2(ends[1], 3) == 3 && fcntl(3, F_SETFD, 0) == 0 &&
            (output < 0 || dup2(output, 1) == 1))
            (void)execv(SLUICE_JQ, argv);
        _exit(126);
    }
    assert_true(c.pid > 0);
    assert_int_equal(close(ends[1]), 0);
    return c;
}

static struct child start_plain(void)
{
    char name[] = "sluice-jq";
    return start((char *[]){name, NULL}, -1);
}

static int on_frame(struct span frame, void *arg)
{
    return buf_span(arg, frame) == 0 ? 1 : -1;
}

/* The next frame, into `out`; false at the end. */
static bool take(struct child *c, struct buf *out)
{
    struct frames f;
    char byte;
    int rc = 0;
    frames_init(&f);
    buf_reset(out);
    while (rc == 0 && read(c->fd, &byte, 1) == 1)
        rc = frames_feed(&f, span_make(&byte, 1), on_frame, out);
    frames_release(&f);
    return rc == 1;
}

static void say(struct child *c, struct span bytes)
{
    assert_int_equal(send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static int status_of(struct child *c)
{
    int status = 0;
    if (c->fd >= 0)
        assert_int_equal(close(c->fd), 0);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static void ask(struct child *c, const char *input, const char *program, struct buf *out)
{
    const struct span text = span_of(program);
    struct buf frame;
    buf_init(&frame, JQ_FRAME_ROOM);
    assert_int_equal(jq_request_put(&frame, 1, true, span_of(input), &text, 1), 0);
    say(c, buf_as_span(&frame));
    buf_release(&frame);
    assert_true(take(c, out));
}

static void ends_with_its_parent(void **state)
{
    struct buf answer;
    struct jq_reply reply;
    (void)state;
    buf_init(&answer, JQ_FRAME_MAX);
    struct child c = start_plain();
    assert_true(take(&c, &answer));
    assert_int_equal(jq_reply_read(buf_as_span(&answer), &reply), 0);
    assert_int_equal(reply.number, 0);
    assert_int_equal(reply.outcome, JQ_DONE);
    jq_reply_close(&reply);
    static const char *const programs[] = {
        ".a", ".a |", "nowhere", "1, 2", "empty", "error(\"x\")", "def f: f; f", "env", ".a"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        ask(&c, "{\"a\":[1,{\"b\":\"c\"}]}", programs[i], &answer);
    ask(&c, "{\"a\":", ".", &answer);
    assert_int_equal(jq_reply_read(buf_as_span(&answer), &reply), 0);
    assert_int_equal(reply.outcome, JQ_FAILED);
    jq_reply_close(&reply);
    assert_int_equal(status_of(&c), 0);
    buf_release(&answer);
}

static void ends_at_what_is_no_request(void **state)
{
    const struct span nonsense[] = {SPAN_LIT("\xff\xff\xff\xff"), SPAN_LIT("\0\0\0\1\x01"),
                                    SPAN_LIT("\0\0\0\5\xdd\xff\xff\xff\xff"), SPAN_LIT("\0\0\0\0")};
    struct buf answer;
    (void)state;
    buf_init(&answer, JQ_FRAME_MAX);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct child c = start_plain();
        assert_true(take(&c, &answer));
        say(&c, nonsense[i]);
        assert_false(take(&c, &answer));
        int status = status_of(&c);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
    }
    buf_release(&answer);
}

/* A primitive cannot be stopped: the child says why it ends, and ends. */
static void says_its_last_words(void **state)
{
    struct buf answer;
    struct jq_reply reply;
    (void)state;
    buf_init(&answer, JQ_FRAME_MAX);
    struct child c = start_plain();
    assert_true(take(&c, &answer));
    ask(&c, "1", "\"a\" * 1e9 | length", &answer);
    assert_int_equal(jq_reply_read(buf_as_span(&answer), &reply), 0);
    assert_int_equal(reply.number, 1);
    assert_int_equal(reply.outcome, JQ_ENDING);
    jq_reply_close(&reply);
    assert_false(take(&c, &answer));
    int status = status_of(&c);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 3, 4);
    buf_release(&answer);
}

static void refuses_what_it_is_told_wrong(void **state)
{
    static char name[] = "sluice-jq", eval[] = "--eval-ms", none[] = "0", text[] = "50ms",
                much[] = "60001", memory[] = "--memory-bytes", unknown[] = "--colour", more[] = "x";
    char *const *const wrong[] = {
        (char *[]){name, eval, none, NULL}, (char *[]){name, eval, text, NULL},
        (char *[]){name, eval, much, NULL}, (char *[]){name, memory, text, NULL},
        (char *[]){name, unknown, NULL},    (char *[]){name, more, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct child c = start(wrong[i], -1);
        int status = status_of(&c);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 2);
    }
}

static void tells_its_version(void **state)
{
    static char name[] = "sluice-jq", version[] = "--version";
    char text[64] = "";
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct child c = start((char *[]){name, version, NULL}, ends[1]);
    assert_int_equal(status_of(&c), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "sluice-jq " SLUICE_VERSION "\n");
    assert_int_equal(close(ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_with_its_parent), cmocka_unit_test(ends_at_what_is_no_request),
        cmocka_unit_test(says_its_last_words),  cmocka_unit_test(refuses_what_it_is_told_wrong),
        cmocka_unit_test(tells_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
