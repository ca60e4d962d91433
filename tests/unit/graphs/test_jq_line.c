/* The line before the children, with children that are none: scripts that crash, fall silent, talk
 * nonsense or cannot be had. */
#include "jq_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What a script does: it says that it is ready, waits for a call, answers. */
#define READY     "printf '\\0\\0\\0\\004\\223\\0\\0\\220' >&3\n"
#define ASKED     "head -c 16 <&3 >/dev/null 2>&1\n" /* a whole request: `.` on `1` */
#define SAY(what) "printf '" what "' >&3\n"

struct scripted {
    char folder[32], path[64];
    struct fixture f;
};

static void scripted_begin(struct scripted *s, const char *script, int children)
{
    skip_without_pidfds();
    (void)snprintf(s->folder, sizeof s->folder, "/tmp/sluice-jq-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    (void)snprintf(s->path, sizeof s->path, "%s/child", s->folder);
    FILE *file = fopen(s->path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\ncd '%s'\n%s", s->folder, script) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(s->path, 0700), 0);
    fixture_begin(&s->f, &(struct jq_options){.program = s->path, .children = children});
}

static void scripted_end(struct scripted *s)
{
    fixture_end(&s->f);
    char *mark = NULL;
    assert_true(asprintf(&mark, "%s/mark", s->folder) > 0);
    (void)unlink(mark); /* not every script leaves one */
    free(mark);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(rmdir(s->folder), 0);
}

static void tells_of_a_child_that_breaks(void **state)
{
    struct scripted s;
    (void)state;
    scripted_begin(&s, READY ASKED "kill -SEGV $$\n", 2);
    for (int i = 0; i < 4; i++)
        assert_fault(&s.f, "1", ".", "broke the evaluator (signal 11)");
    scripted_end(&s);
    scripted_begin(&s, READY ASKED "exit 7\n", 1);
    assert_fault(&s.f, "1", ".", "broke the evaluator (status 7)");
    scripted_end(&s);
}

static void takes_no_nonsense(void **state)
{
    static const char *const nonsense[] = {
        SAY("\\377\\377\\377\\377"),                        /* a frame of 4 GiB */
        SAY("\\0\\0\\0\\001\\001"),                         /* no array */
        SAY("\\0\\0\\0\\004\\223\\001\\0\\220"),            /* no value for a program */
        SAY("\\0\\0\\0\\006\\223\\002\\0\\221\\2411"),      /* of another call */
        SAY("\\0\\0\\0\\007\\225\\001\\001\\001\\0\\2411"), /* of a second program */
    };
    struct scripted s;
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        char script[512];
        (void)snprintf(script, sizeof script, "%s%s%sexec sleep 30\n", READY, ASKED, nonsense[i]);
        scripted_begin(&s, script, 1);
        assert_fault(&s.f, "1", ".", "broke the evaluator (it answered nonsense)");
        scripted_end(&s);
    }
    scripted_begin(&s, READY ASKED SAY("\\0\\0\\0\\006\\223\\001\\0\\221\\241{") "exec sleep 30\n",
                   1);
    assert_fault(&s.f, "1", ".", "gave a value that cannot be kept");
    scripted_end(&s);
}

/* What waits behind a child that stands still goes to the next one, and so does what it was asked.
 */
static void does_not_wait_for_one_that_stands_still(void **state)
{
    struct scripted s;
    const struct span program = SPAN_LIT(".");
    (void)state;
    scripted_begin(&s,
                   READY
                   "if mkdir mark 2>/dev/null; then exec sleep 30; fi\nrmdir mark\n" ASKED SAY(
                       "\\0\\0\\0\\006\\223\\002\\0\\221\\2412")
                       ASKED SAY("\\0\\0\\0\\006\\223\\001\\0\\221\\2411") "exec sleep 30\n",
                   1);
    struct result silent = {.f = &s.f, .stops = true}, next = {.f = &s.f};
    int64_t began_us = clock_mono_us();
    (void)jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &silent);
    (void)jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &next);
    loop_run(s.f.loop);
    assert_true(next.is_over);
    assert_string_equal(next.values, "2\n");
    assert_in_range(next.came_us - began_us, 10000 * 1000, 25000 * 1000);
    assert_string_equal(silent.values, "1\n");
    scripted_end(&s);
}

/* Whoever killed it (the kernel, when memory is short) meant no expression: it is asked of another
 * child, but only once. */
static void asks_again_what_a_killed_child_was_asked(void **state)
{
    struct scripted s;
    (void)state;
    scripted_begin(&s,
                   READY ASKED
                   "if mkdir mark 2>/dev/null; then kill -KILL $$; fi\nrmdir mark\n" SAY(
                       "\\0\\0\\0\\006\\223\\001\\0\\221\\2412") "exec sleep 30\n",
                   1);
    assert_value(&s.f, "1", ".", "2");
    scripted_end(&s);
    scripted_begin(&s, READY ASKED "kill -KILL $$\n", 2);
    struct result r = eval(&s.f, "1", ".");
    assert_int_equal(r.status, -ERR_UNAVAILABLE);
    assert_string_equal(r.message, "broke the evaluator (signal 9)");
    scripted_end(&s);
}

static void starts_again_after_a_child_that_ends_unasked(void **state)
{
    struct scripted s;
    (void)state;
    scripted_begin(&s,
                   "if mkdir mark 2>/dev/null; then exit 1; fi\nrmdir mark\n" READY ASKED SAY(
                       "\\0\\0\\0\\006\\223\\001\\0\\221\\2412") "exec sleep 30\n",
                   1);
    assert_value(&s.f, "1", ".", "2");
    scripted_end(&s);
}

static void says_when_there_is_no_child(void **state)
{
    struct fixture f;
    struct scripted s;
    (void)state;
    fixture_begin(&f, &(struct jq_options){.program = "/nowhere/sluice-jq"});
    struct result r = eval(&f, "1", ".");
    assert_int_equal(r.status, -ERR_UNAVAILABLE);
    assert_non_null(strstr(r.message, "/nowhere/sluice-jq"));
    fixture_end(&f);
    scripted_begin(&s, "exit 9\n", 2);
    r = eval(&s.f, "1", ".");
    assert_int_equal(r.status, -ERR_UNAVAILABLE);
    assert_string_equal(r.message, "expressions cannot be evaluated: sluice-jq ended (status 9)");
    scripted_end(&s);
}

static void is_silent_after_cancel(void **state)
{
    struct scripted s;
    const struct span program = SPAN_LIT(".");
    struct result asked = {.f = &s.f}, waits = {.f = &s.f}, last = {.f = &s.f, .stops = true};
    (void)state;
    scripted_begin(&s,
                   READY ASKED SAY("\\0\\0\\0\\006\\223\\001\\0\\221\\2411")
                       ASKED SAY("\\0\\0\\0\\006\\223\\003\\0\\221\\2413") "exec sleep 30\n",
                   1);
    struct jq_call *first = jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &asked);
    struct jq_call *second = jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &waits);
    (void)jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &last);
    jq_cancel(second);
    jq_cancel(NULL);
    (void)first;
    loop_run(s.f.loop);
    assert_true(asked.is_over);
    assert_false(waits.is_over);
    assert_string_equal(last.values, "3\n");
    scripted_end(&s);
}

/* An answer to a call that was cancelled is nobody's; the next call is asked behind it. */
static void drops_the_answer_to_a_cancelled_call(void **state)
{
    struct scripted s;
    const struct span program = SPAN_LIT(".");
    struct result asked = {.f = &s.f}, last = {.f = &s.f, .stops = true};
    (void)state;
    scripted_begin(&s,
                   READY ASKED "until [ -d mark ]; do sleep 0.01; done; rmdir mark\n" SAY(
                       "\\0\\0\\0\\006\\223\\001\\0\\221\\2411")
                       ASKED SAY("\\0\\0\\0\\006\\223\\002\\0\\221\\2412") "exec sleep 30\n",
                   1);
    struct jq_call *first = jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &asked);
    pass(&s.f, 200); /* it has been asked by then */
    jq_cancel(first);
    char *mark = NULL;
    assert_true(asprintf(&mark, "%s/mark", s.folder) > 0);
    assert_int_equal(mkdir(mark, 0700), 0);
    free(mark);
    (void)jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &last);
    loop_run(s.f.loop);
    assert_false(asked.is_over);
    assert_string_equal(last.values, "2\n");
    scripted_end(&s);
}

/* With calls in every place: the leak checker sees what is left. */
static void takes_its_calls_along(void **state)
{
    struct scripted s;
    const struct span program = SPAN_LIT(".");
    struct result r = {.f = &s.f};
    (void)state;
    scripted_begin(&s, READY "exec sleep 30\n", 1);
    for (int i = 0; i < 3; i++)
        (void)jq_eval(s.f.jq, SPAN_LIT("1"), &program, 1, on_result, &r);
    pass(&s.f, 200);
    scripted_end(&s);
    assert_false(r.is_over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_a_child_that_breaks),
        cmocka_unit_test(takes_no_nonsense),
        cmocka_unit_test(does_not_wait_for_one_that_stands_still),
        cmocka_unit_test(asks_again_what_a_killed_child_was_asked),
        cmocka_unit_test(starts_again_after_a_child_that_ends_unasked),
        cmocka_unit_test(says_when_there_is_no_child),
        cmocka_unit_test(is_silent_after_cancel),
        cmocka_unit_test(drops_the_answer_to_a_cancelled_call),
        cmocka_unit_test(takes_its_calls_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
