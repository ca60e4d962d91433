/* Keys: each sequence, cut anywhere, and bytes that are none. */
#include "cli_test.h"
#include "sluice/keys.h"

#include <string.h>

static const struct {
    const char *bytes;
    enum key_kind kind;
    uint32_t code;
} SAMPLES[] = {
    {"a", KEY_TEXT, 'a'},
    {"\xc3\xa9", KEY_TEXT, 0xe9},
    {"\xe2\x80\x8d", KEY_TEXT, 0x200d},
    {"\xf0\x9f\xa6\xa6", KEY_TEXT, 0x1f9a6},
    {"\r", KEY_ENTER, 0},
    {"\n", KEY_NEW_LINE, 0},
    {"\033\r", KEY_NEW_LINE, 0},
    {"\t", KEY_TAB, 0},
    {"\x7f", KEY_BACKSPACE, 0},
    {"\b", KEY_BACKSPACE, 0},
    {"\004", KEY_CONTROL, 'D'},
    {"\037", KEY_CONTROL, '_'},
    {"\033b", KEY_ALT, 'b'},
    {"\033\x7f", KEY_ALT, 0x7f},
    {"\033[A", KEY_UP, 0},
    {"\033OB", KEY_DOWN, 0},
    {"\033[C", KEY_RIGHT, 0},
    {"\033[1;5D", KEY_WORD_LEFT, 0},
    {"\033[1;3C", KEY_WORD_RIGHT, 0},
    {"\033[3~", KEY_DELETE, 0},
    {"\033[H", KEY_HOME, 0},
    {"\033OF", KEY_END, 0},
    {"\033[6~", KEY_PAGE_DOWN, 0},
    {"\033[200~", KEY_PASTE_BEGIN, 0},
    {"\033[201~", KEY_PASTE_END, 0},
    {"\033[24;5~", KEY_OTHER, 0},
    {"\033[<0;3;4M", KEY_OTHER, 0},
};

static void each_key_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(SAMPLES); i++) {
        size_t len = strlen(SAMPLES[i].bytes);
        for (size_t cut = 0; cut < len; cut++) {
            struct span part = span_make(SAMPLES[i].bytes, cut);
            assert_int_equal(keys_next(&part, false).kind, KEY_NONE);
            assert_int_equal(part.len, cut);
        }
        struct span input = span_make(SAMPLES[i].bytes, len);
        struct key key = keys_next(&input, false);
        assert_int_equal(key.kind, SAMPLES[i].kind);
        assert_int_equal(key.code, SAMPLES[i].code);
        assert_int_equal(input.len, 0);
    }
}

static void one_after_the_other(void **state)
{
    struct buf all;
    (void)state;
    buf_init(&all, 1024);
    for (size_t i = 0; i < COUNT(SAMPLES); i++)
        assert_int_equal(buf_text(&all, SAMPLES[i].bytes), 0);
    struct span input = buf_as_span(&all);
    for (size_t i = 0; i < COUNT(SAMPLES); i++)
        assert_int_equal(keys_next(&input, false).kind, SAMPLES[i].kind);
    assert_int_equal(keys_next(&input, true).kind, KEY_NONE);
    buf_release(&all);
}

/* What nothing more comes for is a key, or nobody's. */
static void what_is_left_over(void **state)
{
    static const struct {
        const char *bytes;
        enum key_kind kinds[4];
    } rows[] = {
        {"\033", {KEY_ESCAPE}},
        {"\033\033[A", {KEY_ESCAPE, KEY_UP}},
        {"\033\xc3\xa9", {KEY_ESCAPE, KEY_TEXT}},
        {"\033[", {KEY_OTHER}},
        {"\033[1;", {KEY_OTHER}},
        {"\033[1\ra", {KEY_OTHER, KEY_ENTER, KEY_TEXT}},
        {"\xf0\x9f", {KEY_OTHER, KEY_OTHER}},
        {"\xff\x80\xc0", {KEY_OTHER, KEY_OTHER, KEY_OTHER}},
        {"\xed\xa0\x80", {KEY_OTHER, KEY_OTHER, KEY_OTHER}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct span input = span_of(rows[i].bytes);
        for (size_t k = 0; rows[i].kinds[k] != KEY_NONE; k++)
            assert_int_equal(keys_next(&input, true).kind, rows[i].kinds[k]);
        assert_int_equal(input.len, 0);
    }
}

/* A sequence without an end takes no more than its limit. */
static void an_endless_sequence(void **state)
{
    char bytes[1000];
    (void)state;
    memset(bytes, '1', sizeof bytes);
    memcpy(bytes, "\033[", 2);
    struct span input = span_make(bytes, sizeof bytes);
    assert_int_equal(keys_next(&input, false).kind, KEY_OTHER);
    assert_true(input.len > sizeof bytes - 64);
    assert_int_equal(keys_next(&input, false).kind, KEY_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_cut_anywhere),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(what_is_left_over),
        cmocka_unit_test(an_endless_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
