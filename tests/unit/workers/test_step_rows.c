/* The steps that a committed message tells of. */
#include "graph/step_rows.h"

#include "base/err.h"
#include "wire/json.h"
#include "worker_test.h"

static void test_rows(void **state)
{
    struct step_rows rows;
    struct buf out;
    (void)state;
    step_rows_init(&rows);
    buf_init(&out, 4096);
    step_rows_write(&rows, &out);
    assert_string_equal(out.ptr, "[]");
    buf_reset(&out);
    struct step_row row = {.step = 3,
                           .ms = 12,
                           .node = SPAN_LIT("both/a"),
                           .kind = SPAN_LIT("llm"),
                           .status = SPAN_LIT("finished")};
    step_rows_add(&rows, &row);
    row.error = SPAN_LIT("{\"code\":\"model\"}");
    row.status = SPAN_LIT("failed");
    step_rows_add(&rows, &row);
    step_rows_write(&rows, &out);
    assert_string_equal(
        out.ptr,
        "[{\"step\":3,\"node\":\"both/a\",\"kind\":\"llm\",\"ms\":12,\"status\":\"finished\"},"
        "{\"step\":3,\"node\":\"both/"
        "a\",\"kind\":\"llm\",\"ms\":12,\"status\":\"failed\",\"error\":"
        "{\"code\":\"model\"}}]");
    buf_release(&out);
    step_rows_release(&rows);
}

static void test_limit(void **state)
{
    struct step_rows rows;
    struct buf out;
    struct err err;
    struct json_doc *doc = NULL;
    (void)state;
    step_rows_init(&rows);
    buf_init(&out, 2 * ROWS_BYTES);
    for (int i = 0; i < 2 * ROWS_MAX; i++)
        step_rows_add(&rows, &(struct step_row){.step = i, .node = SPAN_LIT("n")});
    step_rows_write(&rows, &out);
    assert_int_equal(json_parse(buf_as_span(&out), &doc, &err), 0);
    assert_int_equal(json_count(json_root(doc)), ROWS_MAX);
    json_free(doc);
    buf_release(&out);
    step_rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
