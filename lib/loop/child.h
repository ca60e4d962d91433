/* Child processes on the loop: started, watched through a pidfd, told apart from the terminal's
 * signals, and never outliving their parent (PR_SET_PDEATHSIG). A child's standard output comes as
 * lines; READY=1 of sd_notify comes by a socket of its own. A child that is talked with has a
 * channel besides: a socket pair, whose other end is its descriptor CHILD_CHANNEL. */
#ifndef SLUICE_LOOP_CHILD_H
#define SLUICE_LOOP_CHILD_H

#include "base/err.h"
#include "base/span.h"
#include "loop/loop.h"
#include <sys/types.h>

struct child;

enum { CHILD_CHANNEL = 3 };

struct child_hooks {
    void (*on_line)(
        const char *line,
        void *arg); /* a line of its standard output, without the newline; may be NULL */
    void (*on_ready)(void *arg); /* it said READY=1; may be NULL */
    void (*on_exit)(int wait_status,
                    void *arg); /* exactly once, after the last line; as of waitpid(2) */
    /* What came by the channel, in pieces as they come; NULL: the child gets none. */
    void (*on_channel)(struct span bytes, void *arg);
    void *arg;
};

struct child_options {
    const char *const
        *argv; /* NULL-terminated; argv[0] is looked up in PATH when it has no slash */
    const char *const
        *env;     /* NULL-terminated "NAME=value" set over the parent's environment; may be NULL */
    int error_fd; /* standard error goes here; -1: the parent's */
    struct child_hooks hooks;
};

/* Starts the program. The options are copied as needed. 0, or -ERR_SYSTEM with a message (not
 * found, cannot fork). */
MUST_USE int child_start(struct loop *loop, const struct child_options *options, struct child **out,
                         struct err *err);
void child_signal(struct child *child, int signal_number);
/* By the channel; copies. -ERR_TOO_LARGE: more than 32 MiB would wait for the child to read. What a
 * child that has ended was sent is lost: on_exit tells. */
MUST_USE int child_send(struct child *child, struct span bytes);
pid_t child_pid(const struct child *child);
/* Frees; kills (SIGKILL) and reaps one that still runs, without a call of on_exit. Of the hooks
 * only on_exit may call it. NULL is a no-op. */
void child_free(struct child *child);

#endif
