/* Programs that libjq has compiled: kept, the least recently used going first, and usable after
 * every way in which a run can end. */
#include "jq/programs.h"

#include "base/err.h"
#include "base/mem.h"
#include "wire/mp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { EVAL_MS = 50 };

static struct program *get(struct programs *p, const char *text)
{
    static const struct last_words words;
    struct program *program = NULL;
    struct fault fault;
    int rc = programs_get(p, span_of(text), &words, &program, &fault);
    if (rc != 0)
        fail_msg("%s", fault.message);
    return program;
}

static int run(struct program *program, const char *input, struct buf *out, struct fault *fault)
{
    static const struct last_words words;
    jv value = jv_parse(input);
    assert_true(jv_is_valid(value)); /* which does not take it */
    buf_reset(out);
    int rc = program_run(program, value, EVAL_MS, &words, out, fault);
    jv_free(value);
    return rc;
}

/* `.` is what it gave, as JSON text. */
static void assert_gives(struct programs *p, const char *text, const char *input, const char *value)
{
    struct fault fault;
    struct mp_doc *doc;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(run(get(p, text), input, &out, &fault), 0);
    assert_int_equal(mp_open(buf_as_span(&out), &doc), 0);
    assert_true(span_is(mp_str(mp_root(doc), SPAN_NONE), value));
    mp_close(doc);
    buf_release(&out);
}

static void assert_fails(struct programs *p, const char *text, const char *input,
                         const char *message)
{
    struct fault fault;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(run(get(p, text), input, &out, &fault), -ERR_BAD_REQUEST);
    if (strncmp(fault.message, message, strlen(message)) != 0)
        assert_string_equal(fault.message, message);
    buf_release(&out);
}

static void keeps_what_was_used_last(void **state)
{
    struct programs *p = programs_new(3);
    (void)state;
    assert_gives(p, ". + 1", "1", "2");
    assert_gives(p, ". + 2", "1", "3");
    assert_gives(p, ". + 3", "1", "4");
    assert_gives(p, ". + 1", "1", "2");
    assert_int_equal(programs_compiled(p), 3);
    assert_gives(p, ". + 4", "1", "5"); /* in the place of + 2 */
    assert_gives(p, ". + 1", "1", "2");
    assert_gives(p, ". + 3", "1", "4");
    assert_int_equal(programs_compiled(p), 4);
    assert_gives(p, ". + 2", "1", "3");
    assert_int_equal(programs_compiled(p), 5);
    programs_free(p);
}

static void keeps_no_more_text_than_its_limit(void **state)
{
    enum { LONG = GRAPH_EXPR_BYTES_MAX - 8, FIT = PROGRAMS_TEXT_MAX / GRAPH_EXPR_BYTES_MAX };
    struct programs *p = programs_new(PROGRAMS_MAX);
    char *text = mem_new_array(LONG + 1, 1);
    (void)state;
    for (int i = 0; i <= FIT; i++) { /* long by a comment, so that it compiles fast */
        memset(text, 'x', LONG);
        int len = snprintf(text, LONG, ". + %d #", i);
        text[len] = 'x';
        assert_int_equal(strlen(text), LONG);
        assert_non_null(get(p, text));
    }
    assert_int_equal(programs_compiled(p), FIT + 1);
    (void)get(p, text);
    assert_int_equal(programs_compiled(p), FIT + 1);
    memset(text, 'x', LONG);
    text[snprintf(text, LONG, ". + %d #", 0)] = 'x';
    (void)get(p, text); /* the first has gone */
    assert_int_equal(programs_compiled(p), FIT + 2);
    mem_free(text);
    programs_free(p);
}

static void runs_again_after_every_end(void **state)
{
    static const char program[] =
        "if . == 0 then empty elif . == 1 then 1, 2 elif . == 2 then error(\"x\") elif . == 3 then "
        "last(range(1e12)) elif . == 4 then 1, error(\"y\") else . end";
    struct programs *p = programs_new(3);
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_fails(p, program, "0", "gave no value");
        assert_fails(p, program, "1", "gave more than one value");
        assert_fails(p, program, "2", "x");
        assert_fails(p, program, "3", "took longer than 50 ms");
        assert_fails(p, program, "4", "y");
        assert_gives(p, program, "5", "5");
    }
    assert_int_equal(programs_compiled(p), 1);
    programs_free(p);
}

static void says_why_it_keeps_nothing(void **state)
{
    static const struct last_words words;
    struct programs *p = programs_new(3);
    struct program *program = NULL;
    struct fault fault;
    char *text = mem_new_array(GRAPH_EXPR_BYTES_MAX + 2, 1);
    (void)state;
    memset(text, ' ', GRAPH_EXPR_BYTES_MAX + 1);
    assert_int_equal(programs_get(p, span_of(text), &words, &program, &fault), -ERR_BAD_REQUEST);
    assert_string_equal(fault.message, "it has more than 8192 bytes");
    assert_int_equal(programs_get(p, SPAN_LIT(".\n| env"), &words, &program, &fault),
                     -ERR_BAD_REQUEST);
    assert_int_equal(fault.line, 2);
    assert_int_equal(programs_compiled(p), 0);
    assert_int_equal(programs_get(p, SPAN_LIT(".\n| nowhere"), &words, &program, &fault),
                     -ERR_BAD_REQUEST);
    assert_int_equal(fault.line, 2);
    assert_string_equal(fault.message, "nowhere/0 is not defined");
    assert_int_equal(programs_get(p, SPAN_LIT("\"\\ud800\" |"), &words, &program, &fault),
                     -ERR_BAD_REQUEST);
    assert_null(strchr(fault.message, '\n'));
    mem_free(text);
    programs_free(p);
}

static void makes_messages_one_line(void **state)
{
    struct fault fault;
    char text[3000];
    (void)state;
    fault_set(&fault, "a\nb\tc");
    assert_string_equal(fault.message, "a b c");
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    fault_set(&fault, "x%s", text);
    assert_true(span_is_utf8(span_of(fault.message)));
    assert_in_range(strlen(fault.message), sizeof fault.message - 3, sizeof fault.message - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_used_last),
        cmocka_unit_test(keeps_no_more_text_than_its_limit),
        cmocka_unit_test(runs_again_after_every_end),
        cmocka_unit_test(says_why_it_keeps_nothing),
        cmocka_unit_test(makes_messages_one_line),
    };
    watch_init(-1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
