/* The loop: running and stopping, deferred calls, timers that keep silent when told. */
#include "loop/loop.h"

#include "base/clock.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static char order[64];

/* Names of what is called, as arguments of callbacks. */
static char a[] = "a", c[] = "c", one[] = "1", two[] = "2", late_name[] = "late",
            soon_name[] = "soon", x[] = "x";

static int begin(void **state)
{
    (void)state;
    loop = loop_new();
    order[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void note(const char *what)
{
    size_t used = strlen(order);
    (void)snprintf(order + used, sizeof order - used, "%s", what);
}

static void note_arg(void *arg)
{
    note(arg);
}

static void stop(void *arg)
{
    note(arg);
    loop_stop(loop);
}

static void stops_at_the_end_of_the_turn(void **state)
{
    struct timer first, second;
    (void)state;
    timer_init(&first, loop, stop, one);
    timer_init(&second, loop, note_arg, two);
    timer_start(&first, 0);
    timer_start(&second, 0);
    loop_run(loop);
    assert_string_equal(order, "12");
    assert_false(timer_is_on(&first));
    timer_release(&first);
    timer_release(&second);
}

static void runs_again_after_a_stop(void **state)
{
    struct timer t;
    (void)state;
    loop_stop(loop); /* before it runs: it does not */
    loop_run(loop);
    timer_init(&t, loop, stop, x);
    for (int i = 0; i < 3; i++) {
        timer_start(&t, 1);
        loop_run(loop);
    }
    assert_string_equal(order, "xxx");
    timer_release(&t);
}

static void defer_more(void *arg)
{
    note("b");
    loop_defer(loop, stop, arg);
}

static void in_a_callback(void *arg)
{
    loop_defer(loop, note_arg, a);
    loop_defer(loop, defer_more, arg);
    note("1");
}

static void defers_to_the_end_of_the_turn(void **state)
{
    struct timer first, second;
    (void)state;
    timer_init(&first, loop, in_a_callback, c);
    timer_init(&second, loop, note_arg, two);
    timer_start(&first, 0);
    timer_start(&second, 0);
    loop_run(loop);
    assert_string_equal(order, "12abc");
    timer_release(&first);
    timer_release(&second);
}

static bool chain_goes_on;
static int links;

static void defer_again(void *arg)
{
    links++;
    if (chain_goes_on && links < 1000 * 1000) /* else it would never come back without the rule */
        loop_defer(loop, defer_again, arg);
}

static void break_chain(void *arg)
{
    chain_goes_on = false;
    stop(arg);
}

static void a_chain_of_deferred_calls_starves_nobody(void **state)
{
    struct timer t;
    (void)state;
    chain_goes_on = true;
    links = 0;
    timer_init(&t, loop, break_chain, x);
    timer_start(&t, 5);
    loop_defer(loop, defer_again, NULL);
    loop_run(loop);
    assert_string_equal(order, "x");
    assert_in_range(links, 1, 1000 * 1000 - 1);
    timer_release(&t);
}

static void runs_what_is_deferred_when_freed(void **state)
{
    struct loop *other = loop_new();
    (void)state;
    loop_defer(other, note_arg, a);
    loop_free(other);
    assert_string_equal(order, "a");
    loop_free(NULL);
}

static void moves_a_running_timer(void **state)
{
    struct timer late, soon;
    int64_t began = clock_mono_ms();
    (void)state;
    timer_init(&late, loop, note_arg, late_name);
    timer_init(&soon, loop, stop, soon_name);
    timer_start(&late, 5);
    timer_start(&late, 60000);
    timer_start(&soon, 60000);
    timer_start(&soon, 30);
    loop_run(loop);
    assert_string_equal(order, "soon");
    assert_true(clock_mono_ms() - began >= 29);
    assert_true(timer_is_on(&late));
    timer_release(&late);
    timer_release(&soon);
}

static void comes_once_when_it_is_due_however_often_put_off(void **state)
{
    struct timer t;
    int64_t began = clock_mono_us();
    (void)state;
    timer_init(&t, loop, stop, x);
    for (int64_t ms = 1; ms <= 20; ms++)
        timer_start(&t, ms);
    loop_run(loop);
    assert_true(clock_mono_us() - began >= 20 * 1000);
    assert_false(timer_is_on(&t));

    timer_start(&t, 1); /* its timeout stays where it is when it is stopped and started later */
    timer_stop(&t);
    began = clock_mono_us();
    timer_start(&t, 15);
    loop_run(loop);
    assert_true(clock_mono_us() - began >= 15 * 1000);
    assert_string_equal(order, "xx");
    timer_release(&t);
}

static void keeps_silent_after_stop_and_release(void **state)
{
    struct timer stopped, released, unused = {.handle = NULL}, last;
    (void)state;
    timer_init(&stopped, loop, note_arg, a);
    timer_init(&released, loop, note_arg, c);
    timer_init(&last, loop, stop, x);
    timer_start(&stopped, 1);
    timer_start(&released, 1);
    timer_stop(&stopped);
    timer_release(&released);
    timer_start(&last, 10);
    loop_run(loop);
    assert_string_equal(order, "x");
    assert_false(timer_is_on(&stopped));
    assert_false(timer_is_on(&released));
    assert_false(timer_is_on(&unused));
    timer_stop(&unused);
    timer_release(&unused);
    timer_release(&stopped);
    timer_release(&last);
}

static void lends_its_base(void **state)
{
    (void)state;
    assert_string_equal(event_base_get_method(loop_base(loop)), "epoll (with changelist)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stops_at_the_end_of_the_turn, begin, end),
        cmocka_unit_test_setup_teardown(runs_again_after_a_stop, begin, end),
        cmocka_unit_test_setup_teardown(defers_to_the_end_of_the_turn, begin, end),
        cmocka_unit_test_setup_teardown(a_chain_of_deferred_calls_starves_nobody, begin, end),
        cmocka_unit_test_setup_teardown(runs_what_is_deferred_when_freed, begin, end),
        cmocka_unit_test_setup_teardown(moves_a_running_timer, begin, end),
        cmocka_unit_test_setup_teardown(comes_once_when_it_is_due_however_often_put_off, begin,
                                        end),
        cmocka_unit_test_setup_teardown(keeps_silent_after_stop_and_release, begin, end),
        cmocka_unit_test_setup_teardown(lends_its_base, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
