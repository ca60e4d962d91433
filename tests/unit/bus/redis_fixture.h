/* A private redis-server on a unix socket in a folder of its own, a loop, and a second way to talk
 * to the server that does not go through the code under test. Every wait has an end. */
#ifndef SLUICE_TESTS_REDIS_FIXTURE_H
#define SLUICE_TESTS_REDIS_FIXTURE_H

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/span.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define REDIS_SERVER "/usr/bin/redis-server"

struct redis {
    char folder[64];
    char socket[96];
    char url[128];
    pid_t pid;
    char answer[4096]; /* of the last redis_say */
};

/* Blocks for a moment: for the few waits on another process that no event tells of. */
static inline void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static inline int redis_dial(const struct redis *r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && strlen(r->socket) < sizeof address.sun_path);
    memcpy(address.sun_path, r->socket, strlen(r->socket) + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Says an inline command on a connection of its own, waits for the first bytes of the answer: an
 * error, a number, a line, ... */
__attribute__((format(printf, 2, 3))) static inline const char *redis_say(struct redis *r,
                                                                          const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line - 2, format, args);
    va_end(args);
    line[len] = '\r';
    line[len + 1] = '\n';
    int fd = redis_dial(r);
    r->answer[0] = '\0';
    if (fd < 0)
        return r->answer;
    ssize_t sent = write(fd, line, (size_t)len + 2);
    ssize_t got = sent < 0 ? -1 : read(fd, r->answer, sizeof r->answer - 1);
    r->answer[got < 0 ? 0 : got] = '\0';
    (void)close(fd);
    return r->answer;
}

static inline int64_t redis_number(struct redis *r, const char *command)
{
    struct span rest = span_of(redis_say(r, "%s", command));
    struct span line = span_cut(&rest, '\r');
    int64_t n = -1;
    if (line.len < 2 || line.ptr[0] != ':' ||
        num_parse_i64(span_make(line.ptr + 1, line.len - 1), &n) != 0)
        return -1;
    return n;
}

/* Starts it (again) with the arguments; ready when it answers. */
static inline void redis_start(struct redis *r, const char *option, const char *value)
{
    r->pid = fork();
    CHECK(r->pid >= 0);
    if (r->pid == 0) {
        int null = open("/dev/null", O_RDWR);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execl(REDIS_SERVER, REDIS_SERVER, "--port", "0", "--unixsocket", r->socket, "--dir",
                    r->folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                    "--busy-reply-threshold", "100", option, value, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !span_starts_with(span_of(redis_say(r, "PING")), "+PONG"); i++)
        pause_ms(10);
    CHECK(span_starts_with(span_of(redis_say(r, "PING")), "+PONG") ||
          span_starts_with(span_of(r->answer), "-NOAUTH"));
}

static inline void redis_kill(struct redis *r)
{
    if (r->pid <= 0)
        return;
    (void)kill(r->pid, SIGKILL);
    (void)waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

static inline bool redis_is_installed(void)
{
    return access(REDIS_SERVER, X_OK) == 0;
}

static inline void redis_setup(struct redis *r)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    *r = (struct redis){.folder = "/tmp/sluice-bus-XXXXXX"};
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0); /* as process_new does */
    CHECK(mkdtemp(r->folder) != NULL);
    (void)snprintf(r->socket, sizeof r->socket, "%s/redis.sock", r->folder);
    (void)snprintf(r->url, sizeof r->url, "unix://%s", r->socket);
}

static inline void redis_teardown(struct redis *r)
{
    char command[128];
    redis_kill(r);
    (void)snprintf(command, sizeof command, "%s", r->folder);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

enum { PATIENCE_MS = 20 * 1000 }; /* a gross bound, for what is there at once when nobody is busy */

/* Runs the loop until is_so(arg) or the time is over; tells which. */
struct until {
    struct loop *loop;
    struct timer timer;
    bool (*is_so)(void *arg);
    void *arg;
    int64_t end_ms;
    bool came;
};

static inline void on_until_timer(void *arg)
{
    struct until *u = arg;
    u->came = u->is_so(u->arg);
    if (u->came || clock_mono_ms() >= u->end_ms)
        loop_stop(u->loop);
    else
        timer_start(&u->timer, 1);
}

static inline bool run_at_most(struct loop *loop, bool (*is_so)(void *arg), void *arg, int64_t ms)
{
    struct until u = {.loop = loop, .is_so = is_so, .arg = arg, .end_ms = clock_mono_ms() + ms};
    timer_init(&u.timer, loop, on_until_timer, &u);
    timer_start(&u.timer, 0);
    loop_run(loop);
    timer_release(&u.timer);
    return u.came;
}

static inline bool run_until(struct loop *loop, bool (*is_so)(void *arg), void *arg)
{
    return run_at_most(loop, is_so, arg, PATIENCE_MS);
}

static inline bool never(void *arg)
{
    (void)arg;
    return false;
}

static inline void run_for(struct loop *loop, int64_t ms)
{
    (void)run_at_most(loop, never, NULL, ms);
}

static inline bool is_set(void *flag)
{
    return *(bool *)flag;
}

#endif
