/* Owns: the signals of the process, the watchdog's pings and the measure of the loop's lag. */
#include "loop/process.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"

#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

enum { PROCESS_MAGIC = 0x70726f63, LAG_EVERY_MS = 1000, SIGNALS = 3 };

struct process {
    uint32_t magic;
    struct loop *loop;
    struct process_hooks hooks;
    struct event *signals[SIGNALS];
    struct timer watchdog, lag;
    int64_t watchdog_ms; /* 0: the service manager wants none */
    int64_t lag_due_us;
    bool is_draining;
};

static void end_now(struct process *p)
{
    if (p->hooks.on_now != NULL)
        p->hooks.on_now(p->hooks.arg);
    else
        loop_stop(p->loop);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct process *p = arg;
    (void)what;
    CHECK_MAGIC(p, PROCESS_MAGIC);
    log_event(LOG_INFO, "process.signal", "number=%d", (int)number);
    if (number == SIGHUP) {
        if (p->hooks.on_reload != NULL)
            p->hooks.on_reload(p->hooks.arg);
    } else if (p->is_draining) {
        end_now(p);
    } else {
        p->is_draining = true;
        p->hooks.on_drain(p->hooks.arg);
    }
}

static void on_watchdog(void *arg)
{
    struct process *p = arg;
    CHECK_MAGIC(p, PROCESS_MAGIC);
    if (p->hooks.is_healthy == NULL || p->hooks.is_healthy(p->hooks.arg))
        (void)sd_notify(0, "WATCHDOG=1"); /* nobody listens: fine */
    timer_start(&p->watchdog, p->watchdog_ms);
}

static void expect_lag_timer(struct process *p)
{
    p->lag_due_us = clock_mono_us() + LAG_EVERY_MS * 1000;
    timer_start(&p->lag, LAG_EVERY_MS);
}

static void on_lag(void *arg)
{
    struct process *p = arg;
    CHECK_MAGIC(p, PROCESS_MAGIC);
    int64_t late_us = clock_mono_us() - p->lag_due_us;
    metric_observe_us(METRIC_LOOP_LAG_SECONDS, late_us > 0 ? late_us : 0);
    expect_lag_timer(p);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_event(LOG_DEBUG, "process.file_limit", "raised=no");
}

struct process *process_new(struct loop *loop, const struct process_hooks *hooks)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    struct process *p = MEM_NEW(struct process);
    uint64_t watchdog_us = 0;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    CHECK(hooks->on_drain != NULL);
    p->magic = PROCESS_MAGIC;
    p->loop = loop;
    p->hooks = *hooks;
    raise_file_limit();
    mem_give_back_large();
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
    for (size_t i = 0; i < SIGNALS; i++) {
        p->signals[i] = evsignal_new(loop_base(loop), numbers[i], on_signal, p);
        CHECK(p->signals[i] != NULL && event_add(p->signals[i], NULL) == 0);
    }
    timer_init(&p->watchdog, loop, on_watchdog, p);
    timer_init(&p->lag, loop, on_lag, p);
    expect_lag_timer(p);
    if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
        p->watchdog_ms = (int64_t)(watchdog_us / 2000);
        timer_start(&p->watchdog, p->watchdog_ms);
    }
    return p;
}

void process_free(struct process *p)
{
    if (p == NULL)
        return;
    CHECK_MAGIC(p, PROCESS_MAGIC);
    for (size_t i = 0; i < SIGNALS; i++)
        event_free(p->signals[i]);
    timer_release(&p->watchdog);
    timer_release(&p->lag);
    p->magic = 0;
    mem_free(p);
}

void process_ready(struct process *p, const char *status)
{
    CHECK_MAGIC(p, PROCESS_MAGIC);
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status); /* nobody listens: fine */
}

void process_stopping(int64_t extend_ms)
{
    /* nobody listens: fine */
    (void)sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld", (long long)extend_ms * 1000);
}
