/* JSON text without a tree: raw members, and walks over objects and arrays. */
#include "base/mem.h"
#include "wire/json.h"
#include "wire/json_text.h"
#include "wire_test.h"

static const struct {
    const char *text, *name, *raw; /* raw NULL: absent */
} raws[] = {
    {"{\"a\":1}", "a", "1"},
    {" {\n\"a\" : 1 , \"b\" :\t-2.5e3\r\n} ", "b", "-2.5e3"},
    {"{\"a\":1,\"b\":[1,{\"b\":2},\"]\"],\"c\":0}", "b", "[1,{\"b\":2},\"]\"]"},
    {"{\"a\":{\"x\":\"}\\\"}\"},\"b\":true}", "a", "{\"x\":\"}\\\"}\"}"},
    {"{\"a\":{\"x\":\"}\\\"}\"},\"b\":true}", "b", "true"},
    {"{\"a\":\"\\\\\",\"b\":\"x\\\"y\"}", "b", "\"x\\\"y\""},
    {"{\"\\u0061\\u00e9\\ud83d\\ude00\\n\":null}", "a\xc3\xa9\xf0\x9f\x98\x80\n", "null"},
    {"{\"n\":123456789012345678901234567890}", "n", "123456789012345678901234567890"},
    {"{\"a\":{\"b\":1}}", "b", NULL},
    {"{\"ab\":1,\"a\":2}", "a", "2"},
    {"{\"a\":1}", "ab", NULL},
    {"{\"a\":1}", "", NULL},
    {"{\"\":1}", "", "1"},
    {"{\"a\":1}", "\xff", NULL},
    {"{}", "a", NULL},
    {"[\"a\",1]", "a", NULL},
    {"\"a\"", "a", NULL},
    {"7", "a", NULL},
    {"", "a", NULL},
};

static void raw_members_are_found_as_they_stand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(raws); i++) {
        struct span text = span_of(raws[i].text);
        assert_true(text.len == 0 || json_check(text, NULL) == 0);
        assert_span(json_raw(text, raws[i].name), span_of(raws[i].raw));
    }
}

static void walks_give_names_and_values_in_order(void **state)
{
    (void)state;
    struct span text = SPAN_LIT("[ 1 ,\"two, three\",{\"a\":[ ],\"b\\n\":\"}\"}, [[]] ,null]");
    static const char *const items[] = {"1", "\"two, three\"", "{\"a\":[ ],\"b\\n\":\"}\"}", "[[]]",
                                        "null"};
    struct json_walk walk = json_walk_array(text);
    struct span name, value;
    for (size_t i = 0; i < COUNT(items); i++) {
        assert_true(json_walk_next(&walk, &name, &value));
        assert_span(name, SPAN_NONE);
        assert_span(value, span_of(items[i]));
    }
    assert_false(json_walk_next(&walk, &name, &value));
    assert_false(json_walk_next(&walk, &name, &value));

    walk = json_walk_object(span_of(items[2]));
    assert_true(json_walk_next(&walk, &name, &value));
    assert_span(name, SPAN_LIT("a"));
    assert_span(value, SPAN_LIT("[ ]"));
    assert_true(json_walk_next(&walk, &name, &value));
    assert_span(name, SPAN_LIT("b\\n"));
    assert_true(json_name_is(name, "b\n"));
    assert_false(json_name_is(name, "b\\n"));
    assert_span(value, SPAN_LIT("\"}\""));
    assert_false(json_walk_next(&walk, &name, &value));

    walk = json_walk_object(text);
    assert_false(json_walk_next(&walk, &name, &value));
    walk = json_walk_array(SPAN_LIT("{\"a\":1}"));
    assert_false(json_walk_next(&walk, &name, &value));
}

/* Each begins as a text that is sound; what follows is not. Any answer will do, so long as it comes
 * from inside the bytes: they are copied so that ASan sees a read too far. */
static void damaged_text_is_never_left(void **state)
{
    (void)state;
    static const struct span damaged[] = {
        BYTES("{\"a\""),
        BYTES("{\"a\" "),
        BYTES("{\"a\":"),
        BYTES("{\"a\":1"),
        BYTES("{\""),
        BYTES("{"),
        BYTES("{x"),
        BYTES("{\"\\u00\":1}"),
        BYTES("{\"\\ud83d\":1}"),
        BYTES("{\"\xff\":1}"),
        BYTES("{\"\\\":1}"),
        BYTES("{\"a\\"),
        BYTES("{\"a\":[1,{"),
        BYTES("{\"a\":\"x"),
        BYTES("{\"a\":\"x\\"),
        BYTES("{\"a\":}"),
        BYTES("{\"a\":1 2}"),
        BYTES("{,,}"),
        BYTES("{\"\\\0\":1}"),
        BYTES("{\"\\uzzzz\":1}"),
    };
    for (size_t i = 0; i < COUNT(damaged); i++) {
        char *copy = mem_new_array(damaged[i].len, 1);
        memcpy(copy, damaged[i].ptr, damaged[i].len);
        struct span text = span_make(copy, damaged[i].len);
        struct span found = json_raw(text, "no such name \xff");
        assert_true(found.len <= text.len);
        copy[0] = '[';
        struct json_walk walk = json_walk_array(text);
        struct span name, value;
        size_t steps = 0;
        while (json_walk_next(&walk, &name, &value))
            steps++;
        assert_true(steps <= text.len);
        mem_free(copy);
    }
}

static void raw_strings_are_ordered_by_code_points(void **state)
{
    (void)state;
    /* ascending; each pair on one line is equal */
    static const struct span names[][2] = {
        {BYTES(""), BYTES("")},
        {BYTES("\\u0001"), BYTES("\x01")},
        {BYTES("a"), BYTES("\\u0061")},
        {BYTES("aa"), BYTES("a\\u0061")},
        {BYTES("b"), BYTES("\\u0062")},
        {BYTES("\xc3\xa9"), BYTES("\\u00e9")},
        {BYTES("\xef\xbf\xbd"), BYTES("\xff")},
        {BYTES("\xef\xbf\xbf"), BYTES("\\uffff")},
        {BYTES("\xf0\x9f\x98\x80"), BYTES("\\uD83d\\uDe00")},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t j = 0; j < COUNT(names); j++) {
            int expected = (i > j) - (i < j);
            assert_int_equal(json_text_compare(names[i][0], names[j][1]), expected);
            assert_int_equal(json_text_compare(names[i][1], names[j][0]), expected);
        }
    }
    assert_int_equal(json_text_compare(SPAN_LIT("\\"), SPAN_LIT("\xff")), 0); /* both cut off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_members_are_found_as_they_stand),
        cmocka_unit_test(walks_give_names_and_values_in_order),
        cmocka_unit_test(damaged_text_is_never_left),
        cmocka_unit_test(raw_strings_are_ordered_by_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
