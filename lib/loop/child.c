/* Owns: one process each, its stdout pipe, its notify socket, its channel and its pidfd. Must not
 * know what the programs are. Invariant: on_exit comes once, after everything that the child wrote
 * was handed on.
 */
#include "loop/child.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loop/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_MAGIC = 0x6368696c, LINE_MAX_BYTES = 64 * 1024, NOTIFY_MAX_BYTES = 4096 };

struct child {
    uint32_t magic;
    pid_t pid;
    int exit_fd;   /* pidfd, readable when the process has ended */
    int output_fd; /* read end of its standard output */
    int notify_fd; /* datagrams of sd_notify */
    struct event *exit_event, *output_event, *notify_event;
    struct channel *channel; /* NULL: none */
    struct buf line;
    struct child_hooks hooks;
};

/* The child's own ends, between fork and exec. -1: none. */
struct ends {
    int output, channel;
    int failure; /* tells the parent why exec failed */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing to do about a failing close */
    *fd = -1;
}

static void drop_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

static void release(struct child *c)
{
    drop_event(&c->exit_event);
    drop_event(&c->output_event);
    drop_event(&c->notify_event);
    close_fd(&c->exit_fd);
    close_fd(&c->output_fd);
    close_fd(&c->notify_fd);
    channel_free(c->channel);
    c->channel = NULL;
}

static void hand_on(struct child *c, const char *line)
{
    if (c->hooks.on_line != NULL)
        c->hooks.on_line(line, c->hooks.arg);
}

static void hand_on_lines(struct child *c)
{
    char *newline;
    while (c->line.len > 0 && (newline = memchr(c->line.ptr, '\n', c->line.len)) != NULL) {
        size_t len = (size_t)(newline - c->line.ptr);
        *newline = '\0';
        hand_on(c, c->line.ptr);
        buf_consume(&c->line, len + 1);
    }
}

static void read_output(struct child *c)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(c->output_fd, bytes, sizeof bytes)) > 0) {
        if (buf_append(&c->line, bytes, (size_t)n) != 0) { /* a line without an end: not for us */
            buf_release(&c->line);
            buf_init(&c->line, LINE_MAX_BYTES);
        }
        hand_on_lines(c);
    }
    if (n == 0)
        drop_event(&c->output_event); /* closed: would be readable for ever */
}

static void on_output_readable(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    (void)fd, (void)what;
    CHECK_MAGIC(c, CHILD_MAGIC);
    read_output(c);
}

static void on_notify_readable(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    char text[NOTIFY_MAX_BYTES];
    (void)what;
    CHECK_MAGIC(c, CHILD_MAGIC);
    ssize_t n = recv((int)fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n <= 0)
        return;
    struct span rest = span_make(text, (size_t)n);
    while (rest.ptr != NULL) {
        if (span_is(span_cut(&rest, '\n'), "READY=1") && c->hooks.on_ready != NULL)
            c->hooks.on_ready(c->hooks.arg);
    }
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    int status = 0;
    (void)fd, (void)what;
    CHECK_MAGIC(c, CHILD_MAGIC);
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    if (c->output_event != NULL)
        read_output(c);
    if (c->channel != NULL)
        channel_drain(c->channel);
    if (c->line.len > 0)
        hand_on(c, c->line.ptr); /* its last words, without a newline */
    release(c);
    c->pid = -1;
    c->hooks.on_exit(status, c->hooks.arg);
}

/* A datagram socket with a name that the kernel chooses (abstract), written into `name` in
 * sd_notify's spelling. */
static int open_notify(char *name, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        close_fd(&fd);
        return -1;
    }
    size_t bytes = len - offsetof(struct sockaddr_un, sun_path) - 1;
    (void)snprintf(name, size, "@%.*s", (int)bytes, address.sun_path + 1);
    return fd;
}

/* The pipe that the child writes its standard output to. */
static int open_output(struct child *c, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    c->output_fd = ends[0];
    *write_end = ends[1];
    return fcntl(c->output_fd, F_SETFL, O_NONBLOCK);
}

/* The socket pair of its channel. */
static int open_channel(struct child *c, struct loop *loop, int *child_end)
{
    int ends[2];
    if (c->hooks.on_channel == NULL)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    c->channel = channel_new(loop, ends[0], c->hooks.on_channel, c->hooks.arg);
    *child_end = ends[1];
    return 0;
}

/* Puts the child's ends in their places. The two that could lie where another belongs are moved
 * away first. */
static bool arrange(const struct child_options *o, struct ends *ends)
{
    int null_fd = open("/dev/null", O_RDONLY);
    ends->failure = fcntl(ends->failure, F_DUPFD_CLOEXEC, CHILD_CHANNEL + 1);
    if (ends->channel >= 0)
        ends->channel = fcntl(ends->channel, F_DUPFD_CLOEXEC, CHILD_CHANNEL + 1);
    return null_fd >= 0 && dup2(null_fd, 0) == 0 && dup2(ends->output, 1) == 1 &&
           (o->error_fd < 0 || dup2(o->error_fd, 2) == 2) &&
           (ends->channel < 0 || dup2(ends->channel, CHILD_CHANNEL) == CHILD_CHANNEL);
}

/* In the child, between fork and exec. */
_Noreturn static void become(const struct child_options *o, char **env, struct ends ends,
                             pid_t parent)
{
    sigset_t none;
    (void)setpgid(0, 0); /* the terminal's Ctrl-C is the parent's to pass on */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGPIPE, &standard, NULL);
    if (arrange(o, &ends) && getppid() == parent) {
        char *const *argv = (char *const *)(uintptr_t)o->argv; /* exec takes no const */
        (void)execvpe(argv[0], argv, env);
    }
    int why = errno;
    ssize_t written = write(ends.failure, &why, sizeof why);
    _exit(written > 0 ? 127 : 126);
}

static bool is_set_in(const char *const *list, const char *entry)
{
    size_t name = (size_t)(strchrnul(entry, '=') - entry);
    for (; list != NULL && *list != NULL; list++)
        if (strncmp(*list, entry, name) == 0 && (*list)[name] == '=')
            return true;
    return false;
}

/* The parent's environment with `over` and NOTIFY_SOCKET put over it: a NULL-terminated array of
 * borrowed strings. */
static char **make_environment(const char *const *over, char *notify)
{
    size_t count = 0, n = 0;
    for (char **e = environ; *e != NULL; e++)
        count++;
    for (const char *const *e = over; e != NULL && *e != NULL; e++)
        count++;
    char **all = mem_new_array(count + 2, sizeof *all);
    for (char **e = environ; *e != NULL; e++)
        if (!is_set_in(over, *e) && strncmp(*e, "NOTIFY_SOCKET=", 14) != 0 &&
            strncmp(*e, "WATCHDOG_", 9) != 0)
            all[n++] = *e;
    for (const char *const *e = over; e != NULL && *e != NULL; e++)
        all[n++] = (char *)(uintptr_t)*e; /* exec takes no const */
    all[n] = notify;
    return all;
}

static int watch(struct child *c, struct loop *loop)
{
    struct event_base *base = loop_base(loop);
    c->exit_fd = pidfd_open(c->pid, 0);
    if (c->exit_fd < 0)
        return -1;
    c->exit_event = event_new(base, c->exit_fd, EV_READ | EV_PERSIST, on_exited, c);
    c->output_event = event_new(base, c->output_fd, EV_READ | EV_PERSIST, on_output_readable, c);
    c->notify_event = event_new(base, c->notify_fd, EV_READ | EV_PERSIST, on_notify_readable, c);
    CHECK(c->exit_event != NULL && c->output_event != NULL && c->notify_event != NULL);
    CHECK(event_add(c->exit_event, NULL) == 0 && event_add(c->output_event, NULL) == 0 &&
          event_add(c->notify_event, NULL) == 0);
    return 0;
}

/* Forks; returns 0 once exec has succeeded, else errno. */
static int launch(struct child *c, const struct child_options *o, char **env, struct ends ends)
{
    int failure[2] = {-1, -1}, why = 0;
    if (pipe2(failure, O_CLOEXEC) != 0)
        return errno;
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0)
        become(o, env, (struct ends){ends.output, ends.channel, failure[1]}, parent);
    why = c->pid < 0 ? errno : 0;
    close_fd(&failure[1]);
    if (c->pid > 0 && read(failure[0], &why, sizeof why) > 0) {
        (void)waitpid(c->pid, NULL, 0); /* it has exited already */
        c->pid = -1;
    }
    close_fd(&failure[0]);
    return why;
}

int child_start(struct loop *loop, const struct child_options *options, struct child **out,
                struct err *err)
{
    CHECK(options->hooks.on_exit != NULL);
    char notify[128 + sizeof(struct sockaddr_un)] = "NOTIFY_SOCKET=";
    struct ends ends = {-1, -1, -1};
    int why = 0;
    struct child *c = MEM_NEW(struct child);
    *c = (struct child){.magic = CHILD_MAGIC,
                        .pid = -1,
                        .exit_fd = -1,
                        .output_fd = -1,
                        .notify_fd = -1,
                        .hooks = options->hooks};
    buf_init(&c->line, LINE_MAX_BYTES);
    c->notify_fd = open_notify(notify + strlen(notify), sizeof notify - strlen(notify));
    if (c->notify_fd < 0 || open_output(c, &ends.output) != 0 ||
        open_channel(c, loop, &ends.channel) != 0) {
        why = errno;
        goto out;
    }
    char **env = make_environment(options->env, notify);
    why = launch(c, options, env, ends);
    mem_free(env);
    if (why == 0 && watch(c, loop) != 0)
        why = errno;
out:
    close_fd(&ends.output);
    close_fd(&ends.channel);
    if (why != 0) {
        child_free(c);
        return err_set(err, ERR_SYSTEM, NULL, "cannot start %s: %s", options->argv[0],
                       strerror(why));
    }
    *out = c;
    return 0;
}

void child_signal(struct child *c, int signal_number)
{
    if (c != NULL && c->pid > 0)
        (void)kill(c->pid, signal_number); /* gone already: its exit is on the way */
}

int child_send(struct child *c, struct span bytes)
{
    CHECK_MAGIC(c, CHILD_MAGIC);
    CHECK(c->hooks.on_channel != NULL);
    return c->channel == NULL ? 0 : channel_send(c->channel, bytes);
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

void child_free(struct child *c)
{
    if (c == NULL)
        return;
    CHECK_MAGIC(c, CHILD_MAGIC);
    if (c->pid > 0) {
        (void)kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    release(c);
    buf_release(&c->line);
    c->magic = 0;
    mem_free(c);
}
