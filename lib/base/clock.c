/* Owns: the fake clock of tests. Everything else asks here, never the kernel. */
#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

static struct {
    bool is_fake;
    int64_t mono_us, wall_ms;
} fake; /* tests only */

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* cannot fail for these two clocks */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return fake.is_fake ? fake.mono_us : read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    return fake.is_fake ? fake.wall_ms : read_us(CLOCK_REALTIME) / 1000;
}

void clock_fake(int64_t mono_us, int64_t wall_ms)
{
    fake.is_fake = true;
    fake.mono_us = mono_us;
    fake.wall_ms = wall_ms;
}

void clock_real(void)
{
    fake.is_fake = false;
}
