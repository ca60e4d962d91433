/* Which versions a generation runs, and what a chat keeps to go on behind a question. */
#include "graph/bound.h"

#include "base/mem.h"
#include "wire/mp.h"
#include "worker_test.h"

#define VERSION_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define VERSION_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What is published of a graph that uses one other. */
#define USES(id, version) "{\"uses\":[{\"id\":\"" id "\",\"version\":\"" version "\"}]}"

struct fixture {
    struct bound bound, back;
    struct state state, state_back;
    struct buf bytes;
    char *node;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.node = NULL};
    bound_init(&f.bound);
    bound_init(&f.back);
    assert_int_equal(bound_add(&f.bound, SPAN_LIT("main"), SPAN_LIT(VERSION_A)), 0);
    assert_int_equal(bound_add(&f.bound, SPAN_LIT("sub"), SPAN_LIT(VERSION_B)), 0);
    assert_int_equal(bound_add(&f.bound, SPAN_LIT("main"), SPAN_LIT(VERSION_B)), 0);
    buf_init(&f.bytes, 64 * 1024);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bound_release(&f->bound);
    bound_release(&f->back);
    state_release(&f->state);
    state_release(&f->state_back);
    buf_release(&f->bytes);
    mem_free(f->node);
    return 0;
}

static void check_back(const struct fixture *f)
{
    assert_int_equal(f->back.count, 2);
    assert_string_equal(f->back.graphs[0].name, "main");
    assert_string_equal(bound_find(&f->back, "main")->version, VERSION_A); /* the first stays */
    assert_string_equal(bound_find(&f->back, "sub")->version, VERSION_B);
    assert_null(bound_find(&f->back, "other"));
}

static void test_what_a_published_one_uses(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bound_add(&f->back, SPAN_LIT("main"), SPAN_LIT(VERSION_A)), 0);
    assert_int_equal(bound_add_uses(&f->back, SPAN_LIT("{}")), 0);
    assert_int_equal(bound_add_uses(&f->back, SPAN_LIT(USES("sub", VERSION_B))), 0);
    check_back(f);
    const char *damaged[] = {"",
                             "{",
                             "{\"uses\":[1]}",
                             "{\"uses\":[{\"id\":\"sub\"}]}",
                             USES("sub", "1"),
                             USES("", VERSION_B)};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_int_equal(bound_add_uses(&f->back, span_of(damaged[i])), -ERR_MALFORMED);
    assert_int_equal(f->back.count, 2);
}

static void test_binding(void **state)
{
    struct fixture *f = *state;
    bound_write(&f->bound, &f->bytes);
    assert_int_equal(bound_read(buf_as_span(&f->bytes), &f->back), 0);
    check_back(f);
}

static void test_too_many(void **state)
{
    struct fixture *f = *state;
    char name[8] = "g00";
    for (int i = 2; i < BOUND_MAX; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        assert_int_equal(bound_add(&f->bound, span_of(name), SPAN_LIT(VERSION_A)), 0);
    }
    assert_int_equal(bound_add(&f->bound, SPAN_LIT("more"), SPAN_LIT(VERSION_A)), -ERR_TOO_LARGE);
}

static void park(struct fixture *f)
{
    state_init(&f->state, SPAN_LIT("{\"message\":\"x\"}"), SPAN_LIT("[1]"), 100);
    assert_int_equal(state_put(&f->state, "a", SPAN_LIT("[1,2]")), 0);
    assert_int_equal(state_put(&f->state, "b", SPAN_LIT("null")), 0);
    state_set_error(&f->state, SPAN_LIT("{\"node\":\"a\"}"));
    parked_write(&f->bound, &f->state, "which", &f->bytes);
}

static void test_parked(void **state)
{
    struct fixture *f = *state;
    park(f);
    assert_int_equal(parked_read(buf_as_span(&f->bytes), &f->back, SPAN_LIT("[2]"), 100,
                                 &f->state_back, &f->node),
                     0);
    check_back(f);
    assert_string_equal(f->node, "which");
    assert_string_equal(f->state_back.input, "{\"message\":\"x\"}");
    assert_string_equal(f->state_back.error, "{\"node\":\"a\"}");
    assert_span(f->state_back.history, SPAN_LIT("[2]")); /* the present one */
    assert_span(state_out(&f->state_back, "a"), SPAN_LIT("[1,2]"));
    assert_span(state_out(&f->state_back, "b"), SPAN_LIT("null"));
    bound_release(&f->back);
    assert_int_equal(bound_read(buf_as_span(&f->bytes), &f->back), 0); /* it is a binding, too */
    check_back(f);
}

static void test_parked_does_not_fit(void **state)
{
    struct fixture *f = *state;
    park(f);
    assert_int_equal(
        parked_read(buf_as_span(&f->bytes), &f->back, SPAN_LIT("[]"), 8, &f->state_back, &f->node),
        -ERR_TOO_LARGE);
    assert_null(f->node);
}

static void test_every_cut_is_noticed(void **state)
{
    struct fixture *f = *state;
    park(f);
    for (size_t len = 0; len < f->bytes.len; len++) {
        struct span cut = span_make(f->bytes.ptr, len);
        assert_int_equal(bound_read(cut, &f->back), -ERR_MALFORMED);
        assert_int_equal(parked_read(cut, &f->back, SPAN_LIT("[]"), 100, &f->state_back, &f->node),
                         -ERR_MALFORMED);
    }
}

static int read_back(struct fixture *f, int64_t version, struct span name, struct span hash)
{
    buf_reset(&f->bytes);
    bound_release(&f->back);
    struct mp_fields fields = mp_fields_begin(&f->bytes);
    mp_field_int(&fields, "v", version);
    mp_put_key(&f->bytes, "graphs");
    mp_put_array(&f->bytes, 2);
    mp_put_str(&f->bytes, name);
    mp_put_str(&f->bytes, hash);
    fields.count++;
    mp_fields_end(&fields);
    return bound_read(buf_as_span(&f->bytes), &f->back);
}

static void test_mistrust(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_back(f, 1, SPAN_LIT("main"), SPAN_LIT(VERSION_A)), 0);
    assert_int_equal(read_back(f, 2, SPAN_LIT("main"), SPAN_LIT(VERSION_A)), -ERR_NOT_SUPPORTED);
    assert_int_equal(read_back(f, 0, SPAN_LIT("main"), SPAN_LIT(VERSION_A)), -ERR_MALFORMED);
    assert_int_equal(read_back(f, 1, SPAN_LIT(""), SPAN_LIT(VERSION_A)), -ERR_MALFORMED);
    assert_int_equal(read_back(f, 1, SPAN_LIT("main"), SPAN_LIT("abc")), -ERR_MALFORMED);
    assert_int_equal(read_back(f, 1, SPAN_NONE, SPAN_NONE), -ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_binding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_published_one_uses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mistrust, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
