/* What the tests of the bottom layer share: cmocka with its headers, and asserts that must fail. */
#ifndef SLUICE_TESTS_BASE_TEST_H
#define SLUICE_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether fn(arg) ends its process by a failed CHECK. Its message is swallowed. */
static inline bool aborts(void (*fn)(void *arg), void *arg)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) != NULL)
            fn(arg);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
