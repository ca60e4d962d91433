/* Owns: SIGPROF and its timer. What the handler calls is async-signal-safe: jq_halt only sets
 * fields. */
#include "jq/watch.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { GRACE_US = 25 * 1000 };

static struct {
    int fd;
    jq_state *jq;
    struct last_words words;
    volatile sig_atomic_t is_on, is_halted;
} watch;

_Noreturn static void end_with(const struct buf *words, int status)
{
    if (watch.is_on) /* a frame fits into a socket that nothing else waits in; else nobody reads */
        (void)send(watch.fd, words->ptr, words->len, MSG_NOSIGNAL);
    _exit(status);
}

void watch_no_memory(void *arg)
{
    (void)arg;
    end_with(watch.words.memory, WATCH_EXIT_MEMORY);
}

static void on_time(int number)
{
    (void)number;
    if (!watch.is_on)
        return; /* on its way while the timer was stopped */
    if (watch.jq == NULL || watch.is_halted)
        end_with(watch.words.late, WATCH_EXIT_LATE);
    watch.is_halted = 1;
    if (!jq_halted(watch.jq))
        jq_halt(watch.jq, jv_invalid(), jv_invalid());
}

void watch_init(int fd)
{
    struct sigaction action = {.sa_handler = on_time, .sa_flags = SA_RESTART};
    watch.fd = fd;
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
}

static void set_timer(int64_t first_us, int64_t again_us)
{
    const struct itimerval timer = {
        .it_value = {.tv_sec = first_us / 1000000, .tv_usec = first_us % 1000000},
        .it_interval = {.tv_sec = again_us / 1000000, .tv_usec = again_us % 1000000}};
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

void watch_begin(int64_t ms, jq_state *jq, const struct last_words *words)
{
    watch.jq = jq;
    watch.words = *words;
    watch.is_halted = 0;
    watch.is_on = 1;
    set_timer(ms * 1000, GRACE_US);
}

bool watch_end(void)
{
    set_timer(0, 0);
    watch.is_on = 0;
    return watch.is_halted != 0;
}
