/* Lines out of a stream that is cut anywhere. */
#include "base/err.h"
#include "wire/lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LIMIT = 8 };

static struct buf heard; /* each line in brackets */
static int answer;       /* what on_line says to the line "stop" */

static int on_line(struct span line, void *arg)
{
    assert_ptr_equal(arg, &heard);
    assert_int_equal(buf_printf(&heard, "[%.*s]", SPAN_ARG(line)), 0);
    return span_is(line, "stop") ? answer : 0;
}

/* Feeds the text in pieces of `step` bytes. */
static int feed(const char *text, size_t step)
{
    struct line_reader r;
    struct span rest = span_of(text);
    int rc = 0;
    lines_init(&r, LIMIT, on_line, &heard);
    buf_reset(&heard);
    while (rest.len > 0 && rc == 0) {
        size_t len = step < rest.len ? step : rest.len;
        rc = lines_feed(&r, span_make(rest.ptr, len));
        rest = span_make(rest.ptr + len, rest.len - len);
    }
    if (rc == 0)
        rc = lines_end(&r);
    lines_release(&r);
    return rc;
}

static void lines_are_whole_wherever_they_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text, *heard;
        int result;
    } cases[] = {
        {"", "", 0},
        {"a\nbc\n", "[a][bc]", 0},
        {"a\r\n\r\n\nbc\r\n", "[a][bc]", 0},
        {"a\nbc", "[a][bc]", 0},
        {"a\rb\n", "[a\rb]", 0},
        {"12345678\n", "[12345678]", 0},
        {"a\n123456789\nb\n", "[a]", -ERR_TOO_LARGE},
        {"a\nstop\nb\n", "[a][stop]", 7},
        {"a\nstop", "[a][stop]", 7},
    };
    buf_init(&heard, 1024);
    answer = 7;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t step = 1; step < 12; step++) {
            assert_int_equal(feed(cases[i].text, step), cases[i].result);
            assert_int_equal(buf_text(&heard, ""), 0);
            assert_string_equal(heard.ptr, cases[i].heard);
        }
    buf_release(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_whole_wherever_they_are_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
