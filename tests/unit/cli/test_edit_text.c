/* Texts of the edit line: UTF-8 there and back, lines above and below. */
#include "cli_test.h"
#include "sluice/edit_text.h"

static void there_and_back(void **state)
{
    static const char *const texts[] = {
        "", "plain", "a\nb\n", "sch\xc3\xb6n \xe2\x82\xac",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xf4\x8f\xbf\xbf"};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf out;
        size_t len = 99;
        wchar_t *chars = edit_text_wide(span_of(texts[i]), &len);
        assert_int_equal(chars[len], 0);
        assert_int_equal(edit_text_bytes(chars, len), strlen(texts[i]));
        buf_init(&out, 1024);
        edit_text_utf8(&(struct edit_text){chars, len, 0}, &out);
        assert_put(&out, texts[i]);
        mem_free(chars);
    }
}

static void what_is_no_utf8(void **state)
{
    struct buf out;
    size_t len = 0;
    (void)state;
    wchar_t *chars = edit_text_wide(span_make("a\xff\0\xc3z", 5), &len);
    assert_int_equal(len, 5);
    buf_init(&out, 1024);
    edit_text_utf8(&(struct edit_text){chars, len, 0}, &out);
    assert_put(&out, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    mem_free(chars);
}

/* Three lines and an empty one between. */
static const wchar_t LINES[] = L"abcd\n\nxy\n1234";
enum { NOWHERE = 99 };

static void lines_above_and_below(void **state)
{
    static const struct {
        size_t cursor, above, below, begin, end;
    } rows[] = {
        {0, NOWHERE, 5, 0, 4},   {3, NOWHERE, 5, 0, 4},  {4, NOWHERE, 5, 0, 4},
        {5, 0, 6, 5, 5},         {6, 5, 9, 6, 8},        {7, 5, 10, 6, 8},
        {8, 5, 11, 6, 8},        {9, 6, NOWHERE, 9, 13}, {11, 8, NOWHERE, 9, 13},
        {13, 8, NOWHERE, 9, 13},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edit_text text = {LINES, COUNT(LINES) - 1, rows[i].cursor};
        size_t above = NOWHERE, below = NOWHERE;
        assert_int_equal(edit_text_above(&text, &above), rows[i].above != NOWHERE);
        assert_int_equal(edit_text_below(&text, &below), rows[i].below != NOWHERE);
        assert_int_equal(above, rows[i].above);
        assert_int_equal(below, rows[i].below);
        assert_int_equal(edit_text_line_begin(&text), rows[i].begin);
        assert_int_equal(edit_text_line_end(&text), rows[i].end);
    }
}

static void an_empty_text(void **state)
{
    struct edit_text text = {L"", 0, 0};
    size_t cursor = NOWHERE;
    (void)state;
    assert_false(edit_text_above(&text, &cursor));
    assert_false(edit_text_below(&text, &cursor));
    assert_int_equal(cursor, NOWHERE);
    assert_int_equal(edit_text_line_begin(&text) + edit_text_line_end(&text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_no_utf8),
        cmocka_unit_test(lines_above_and_below),
        cmocka_unit_test(an_empty_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
