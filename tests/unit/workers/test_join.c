/* Where a reply goes on: part numbers, and white space that must not come twice. */
#include "model/join.h"

#include "worker_test.h"

static int teardown(void **state)
{
    join_release(*state);
    return 0;
}

static int setup(void **state)
{
    static struct join join;
    join_init(&join);
    *state = &join;
    return 0;
}

static struct piece delta(int64_t part, const char *text)
{
    return (struct piece){.kind = EVENT_DELTA, .part = part, .text = span_of(text)};
}

static void check(struct join *j, struct piece piece, int64_t part, const char *text)
{
    assert_true(join_piece(j, &piece));
    assert_int_equal(piece.part, part);
    assert_span(piece.text, span_of(text));
}

static void a_reply_that_begins_afresh_is_as_it_comes(void **state)
{
    struct join *j = *state;
    join_begin(j);
    check(j, delta(0, " a"), 0, " a");
    check(j, delta(2, "b"), 2, "b");
    assert_int_equal(join_part(j, 3), 3);
}

static void the_first_text_goes_on_and_the_rest_is_new(void **state)
{
    struct join *j = *state;
    struct piece thought = {.kind = EVENT_REASONING, .part = 0, .text = SPAN_LIT("hm")};
    join_set(j, SPAN_LIT("so far"), 1, 2);
    join_begin(j);
    assert_true(join_piece(j, &thought));
    assert_int_equal(thought.part, 2);
    check(j, delta(1, " and"), 1, " and");
    check(j, delta(1, " on"), 1, " on");
    check(j, delta(3, "more"), 5, "more");
    assert_int_equal(join_part(j, 2), 4);
}

static void white_space_is_not_shown_twice(void **state)
{
    struct join *j = *state;
    struct piece blank = delta(0, " ");
    assert_span(join_prefill(SPAN_LIT("one \n\n")), SPAN_LIT("one"));
    join_set(j, SPAN_LIT("one \n\n"), 0, 1);
    join_begin(j);
    assert_false(join_piece(j, &blank));
    check(j, delta(0, "\ntwo \n\n"), 0, "two \n\n");
    check(j, delta(0, "\n\n"), 0, "\n\n");

    join_begin(j); /* another request: the same again */
    check(j, delta(0, " \n\nthree"), 0, "three");
    join_begin(j);
    check(j, delta(0, "four"), 0, "four");
    check(j, delta(0, " \n\n"), 0, " \n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reply_that_begins_afresh_is_as_it_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_text_goes_on_and_the_rest_is_new, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(white_space_is_not_shown_twice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
