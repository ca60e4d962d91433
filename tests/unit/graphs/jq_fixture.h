/* A loop and the real child, one call at a time: what it answered, copied. */
#ifndef SLUICE_UNIT_GRAPHS_JQ_FIXTURE_H
#define SLUICE_UNIT_GRAPHS_JQ_FIXTURE_H

#include "graphs/jq.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct jq *jq;
};

struct result {
    struct fixture *f;
    bool is_over;
    int status;
    size_t count, failed;
    int line;
    char values[4096]; /* each with a line end */
    char message[1024];
    int64_t came_us;
    bool stops; /* the loop, when it is there */
};

/* valgrind 3.19 has no pidfds. */
static inline void skip_without_pidfds(void)
{
    int fd = pidfd_open(getpid(), 0);
    if (fd < 0 && errno == ENOSYS)
        skip();
    (void)close(fd);
}

static inline void fixture_begin(struct fixture *f, const struct jq_options *options)
{
    skip_without_pidfds();
    f->loop = loop_new();
    f->jq = jq_new(f->loop, options);
}

static inline void fixture_end(struct fixture *f)
{
    jq_free(f->jq);
    loop_free(f->loop);
}

static inline void on_result(int status, const struct jq_answer *answer, void *arg)
{
    struct result *r = arg;
    struct buf values;
    assert_false(r->is_over);
    buf_init(&values, sizeof r->values - 1);
    for (size_t i = 0; i < answer->count; i++)
        assert_true(buf_span(&values, answer->values[i]) == 0 && buf_byte(&values, '\n') == 0);
    (void)snprintf(r->values, sizeof r->values, "%.*s", SPAN_ARG(buf_as_span(&values)));
    (void)snprintf(r->message, sizeof r->message, "%s",
                   answer->message == NULL ? "" : answer->message);
    buf_release(&values);
    r->is_over = true;
    r->status = status;
    r->count = answer->count;
    r->failed = answer->failed;
    r->line = answer->line;
    r->came_us = clock_mono_us();
    if (r->stops)
        loop_stop(r->f->loop);
}

static inline void on_passed(void *arg)
{
    loop_stop(((struct fixture *)arg)->loop);
}

/* Lets the loop run for a while. */
static inline void pass(struct fixture *f, int64_t ms)
{
    struct timer timer;
    timer_init(&timer, f->loop, on_passed, f);
    timer_start(&timer, ms);
    loop_run(f->loop);
    timer_release(&timer);
}

static inline struct result eval(struct fixture *f, const char *input, const char *program)
{
    struct result r = {.f = f, .stops = true};
    struct span text = span_of(program);
    assert_non_null(jq_eval(f->jq, span_of(input), &text, 1, on_result, &r));
    assert_false(r.is_over);
    loop_run(f->loop);
    assert_true(r.is_over);
    return r;
}

static inline void assert_value(struct fixture *f, const char *input, const char *program,
                                const char *value)
{
    struct result r = eval(f, input, program);
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 0);
    assert_int_equal(r.count, 1);
    assert_memory_equal(r.values, value, strlen(value));
    assert_string_equal(r.values + strlen(value), "\n");
}

static inline void assert_fault(struct fixture *f, const char *input, const char *program,
                                const char *message)
{
    struct result r = eval(f, input, program);
    assert_int_equal(r.status, -ERR_BAD_REQUEST);
    if (strstr(r.message, message) == NULL)
        assert_string_equal(r.message, message);
}

#endif
