/* The journal: rows from arrival to end, counters, and bounds in number and bytes. */
#include "journal.h"

#include "base/mem.h"
#include "llmsim_test.h"

static int setup(void **state)
{
    *state = journal_new();
    return 0;
}

static int teardown(void **state)
{
    journal_free(*state);
    return 0;
}

static struct row *begin_with(struct journal *j, struct span generation, struct span messages,
                              bool has_fault)
{
    return journal_begin(j, &(struct row_asked){.format = "ollama",
                                                .model = SPAN_LIT("m\"1"),
                                                .generation = generation,
                                                .messages = messages,
                                                .params = SPAN_LIT("{}"),
                                                .has_fault = has_fault});
}

static struct row *begin(struct journal *j, const char *generation)
{
    return begin_with(j, span_of(generation), SPAN_LIT("[{\"role\":\"user\"}]"), false);
}

static char *render(const struct journal *j, void (*put)(const struct journal *, struct buf *))
{
    struct buf out;
    buf_init(&out, journal_max_bytes(j) + 4096);
    put(j, &out);
    assert_int_equal(buf_error(&out), 0);
    return buf_take(&out, NULL);
}

static void assert_holds(const struct journal *j, void (*put)(const struct journal *, struct buf *),
                         const char *wanted)
{
    char *text = render(j, put);
    if (strstr(text, wanted) == NULL)
        fail_msg("%s is not in %s", wanted, text);
    mem_free(text);
}

static void a_row_is_there_from_its_arrival(void **state)
{
    struct journal *j = *state;
    assert_holds(j, journal_put, "[]");
    struct row *r = begin(j, "gen_1");
    assert_holds(j, journal_put, "\"generation_id\":\"gen_1\"");
    assert_holds(j, journal_put, "\"format\":\"ollama\",\"model\":\"m\\\"1\",");
    assert_holds(j, journal_put,
                 "\"messages\":[{\"role\":\"user\"}],\"params\":{},\"tokens\":0,"
                 "\"ended_ms\":null,\"end\":null");
    row_token(r);
    row_token(r);
    assert_holds(j, journal_put_stats,
                 "{\"requests\":1,\"open\":1,\"closed_early\":0,\"tokens\":2}");
    row_end(j, r, "client_closed", 200);
    assert_holds(j, journal_put, "\"end\":\"client_closed\",\"status\":200}]");
    assert_holds(j, journal_put_stats,
                 "{\"requests\":1,\"open\":0,\"closed_early\":1,\"tokens\":2}");
}

static void ids_differ_and_have_no_colon(void **state)
{
    struct journal *j = *state;
    struct row *a = begin(j, NULL), *b = begin(j, "g");
    assert_string_not_equal(row_id(a), row_id(b));
    assert_null(strchr(row_id(a), ':'));
    assert_holds(j, journal_put, "\"generation_id\":null");
    row_end(j, a, "complete", 200);
    row_end(j, b, "fault", 429);
    assert_holds(j, journal_put, "\"end\":\"fault\",\"status\":429");
}

/* A dropped row's request still holds it: it may go on counting, and ends without harm. */
static void the_oldest_go_when_there_are_too_many(void **state)
{
    struct journal *j = *state;
    struct row *first = begin(j, "first");
    for (int i = 0; i < JOURNAL_ROWS; i++)
        row_end(j, begin(j, "later"), "complete", 200);
    char *text = render(j, journal_put);
    assert_null(strstr(text, "\"first\""));
    mem_free(text);
    row_token(first);
    row_end(j, first, "complete", 200);
    assert_holds(j, journal_put_stats,
                 "{\"requests\":10001,\"open\":0,\"closed_early\":0,\"tokens\":1}");
}

static void bytes_are_bounded_too(void **state)
{
    struct journal *j = *state;
    enum { EACH = JOURNAL_BYTES / 8 };
    char *large = mem_new(EACH + 1);
    memset(large, ' ', EACH);
    for (int i = 0; i < 20; i++)
        row_end(j, begin_with(j, SPAN_LIT("g"), span_make(large, EACH), false), "complete", 200);
    mem_free(large);
    assert_in_range(journal_max_bytes(j), EACH, (size_t)3 * JOURNAL_BYTES + 4096);
    char *text = render(j, journal_put);
    assert_in_range(strlen(text), EACH, JOURNAL_BYTES);
    mem_free(text);
}

/* A header may hold bytes that are not UTF-8, each of which is written as three. */
static void an_id_of_other_bytes_fits(void **state)
{
    struct journal *j = *state;
    char id[16 * 1024];
    struct buf out;
    memset(id, 0xff, sizeof id);
    row_end(j, begin_with(j, span_make(id, sizeof id), SPAN_LIT("[]"), false), "complete", 200);
    buf_init(&out, journal_max_bytes(j));
    journal_put(j, &out);
    assert_int_equal(buf_error(&out), 0);
    buf_release(&out);
}

static void faults_are_counted_by_generation(void **state)
{
    static const struct {
        const char *generation;
        bool has_fault;
    } rows[] = {{"a", true}, {"a", false}, {"b", true}, {"a", true}, {NULL, true}};
    struct journal *j = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        row_end(j, begin_with(j, span_of(rows[i].generation), SPAN_LIT("[]"), rows[i].has_fault),
                "complete", 200);
    assert_int_equal(journal_faults(j, SPAN_LIT("a")), 2);
    assert_int_equal(journal_faults(j, SPAN_LIT("b")), 1);
    assert_int_equal(journal_faults(j, SPAN_LIT("c")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_is_there_from_its_arrival, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_differ_and_have_no_colon, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_go_when_there_are_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_are_bounded_too, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_of_other_bytes_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_counted_by_generation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
