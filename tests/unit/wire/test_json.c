/* JSON in: what the scanner lets through and refuses (and at which byte), that cJSON sees the same,
 * and values by type. */
#include "base/mem.h"
#include "wire/json.h"
#include "wire/limits.h"
#include "wire_test.h"

static const struct span accepted[] = {
    BYTES("{}"),
    BYTES("[]"),
    BYTES("null"),
    BYTES(" \t\r\n true \n"),
    BYTES("false"),
    BYTES("\"\""),
    BYTES("0"),
    BYTES("-0"),
    BYTES("-0.0e-0"),
    BYTES("1E+2"),
    BYTES("0.5"),
    BYTES("10e10"),
    BYTES("1e999"),
    BYTES("123456789012345678901234567890123456789012345678901234567890123"), /* 63 characters */
    BYTES("[1,[2,[]],{},\"\"]"),
    BYTES("{ \"a\" : 1 , \"b\" : [ ] , \"c\" : { } }"),
    BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\u20AC\\uD83D\\ude00\\uffff\""),
    BYTES("\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf"
          "\xbf\""),
    BYTES("{\"a\":{\"a\":{\"a\":1}}}"),
    BYTES("[{\"a\":1},{\"a\":1}]"),
    BYTES("{\"x\":{\"a\":1},\"y\":{\"a\":1},\"a\":1}"),
    BYTES("{\"\":1,\"a\":1,\"aa\":1,\"A\":1,\"b\":1}"),
    BYTES("{\"x\":{\"y\":{\"a\":1,\"a\":2}}}"), /* names are compared on two levels */
    BYTES("[[{\"a\":1,\"a\":2}]]"),
};

static const struct {
    struct span text;
    size_t at;
    const char *wrong;
} refused[] = {
    {BYTES(""), 0, "a value is missing"},
    {BYTES("  "), 2, "a value is missing"},
    {BYTES("\0"), 0, "a value is missing"},
    {BYTES("\xef\xbb\xbf{}"), 0, "a value is missing"},
    {BYTES("{}\0"), 2, "behind the end"},
    {BYTES("{} {}"), 3, "behind the end"},
    {BYTES("1 2"), 2, "behind the end"},
    {BYTES("truefalse"), 4, "behind the end"},
    {BYTES("tru"), 0, "no value"},
    {BYTES("True"), 0, "a value is missing"},
    {BYTES("nul\0"), 0, "no value"},
    {BYTES("fals3"), 0, "no value"},
    {BYTES("NaN"), 0, "a value is missing"},
    {BYTES("+1"), 0, "a value is missing"},
    {BYTES("-"), 1, "a digit is missing"},
    {BYTES("-a"), 1, "a digit is missing"},
    {BYTES("01"), 2, "needless zero"},
    {BYTES("-01"), 3, "needless zero"},
    {BYTES("1."), 2, "a digit is missing"},
    {BYTES("1.e1"), 2, "a digit is missing"},
    {BYTES(".5"), 0, "a value is missing"},
    {BYTES("1e"), 2, "a digit is missing"},
    {BYTES("1e+"), 3, "a digit is missing"},
    {BYTES("1E-x"), 3, "a digit is missing"},
    {BYTES("0x10"), 1, "behind the end"},
    {BYTES("1234567890123456789012345678901234567890123456789012345678901234"), 64, "too long"},
    {BYTES("["), 1, "a value is missing"},
    {BYTES("[1"), 2, "a comma or ] is missing"},
    {BYTES("[1 2]"), 3, "a comma or ] is missing"},
    {BYTES("[1,]"), 3, "a value is missing"},
    {BYTES("[,1]"), 1, "a value is missing"},
    {BYTES("[1}"), 2, "a comma or ] is missing"},
    {BYTES("]"), 0, "a value is missing"},
    {BYTES("{"), 1, "a name in quotes is missing"},
    {BYTES("{]"), 1, "a name in quotes is missing"},
    {BYTES("{a:1}"), 1, "a name in quotes is missing"},
    {BYTES("{\"a\"}"), 4, "a colon is missing"},
    {BYTES("{\"a\" 1}"), 5, "a colon is missing"},
    {BYTES("{\"a\":}"), 5, "a value is missing"},
    {BYTES("{\"a\":1,}"), 7, "a name in quotes is missing"},
    {BYTES("{\"a\":1]"), 6, "a comma or } is missing"},
    {BYTES("{\"a\":1 \"b\":2}"), 7, "a comma or } is missing"},
    {BYTES("{\"a"), 3, "no end"},
    {BYTES("\""), 1, "no end"},
    {BYTES("\"abc"), 4, "no end"},
    {BYTES("\"a\nb\""), 2, "control character"},
    {BYTES("\"\0\""), 1, "control character"},
    {BYTES("\"\x1f\""), 1, "control character"},
    {BYTES("\"\\"), 1, "cut off"},
    {BYTES("\"\\x\""), 1, "no such escape"},
    {BYTES("\"\\\0\""), 1, "no such escape"},
    {BYTES("\"\\U0041\""), 1, "no such escape"},
    {BYTES("\"\\u12\""), 1, "cut off"},
    {BYTES("\"\\u12g4\""), 1, "four hexadecimal digits"},
    {BYTES("\"\\u12\0\0\""), 1, "four hexadecimal digits"},
    {BYTES("\"\\u-123\""), 1, "four hexadecimal digits"},
    {BYTES("\"ab\\u0000\""), 3, "\\u0000"},
    {BYTES("\"\\udc00\""), 1, "a low surrogate stands alone"},
    {BYTES("\"\\udfff\\ud800\""), 1, "a low surrogate stands alone"},
    {BYTES("\"\\ud800\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\ud800x\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\ud800\\n\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\ud800\\nabcd\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\ud800\\u0041\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\udbff\\ue000\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\\ud800\\ud800\""), 7, "a high surrogate stands alone"},
    {BYTES("\"\x80\""), 1, "not UTF-8"},
    {BYTES("\"\xff\""), 1, "not UTF-8"},
    {BYTES("\"\xc0\x80\""), 1, "not UTF-8"},
    {BYTES("\"\xc1\xbf\""), 1, "not UTF-8"},
    {BYTES("\"\xc3\""), 1, "not UTF-8"},
    {BYTES("\"\xc3"), 1, "not UTF-8"},
    {BYTES("\"\xe0\x9f\xbf\""), 1, "not UTF-8"},
    {BYTES("\"\xe2\x82\""), 1, "not UTF-8"},
    {BYTES("\"\xed\xa0\x80\""), 1, "not UTF-8"},
    {BYTES("\"\xed\xbf\xbf\""), 1, "not UTF-8"},
    {BYTES("\"\xf0\x8f\xbf\xbf\""), 1, "not UTF-8"},
    {BYTES("\"\xf4\x90\x80\x80\""), 1, "not UTF-8"},
    {BYTES("\"\xf8\x88\x80\x80\x80\""), 1, "not UTF-8"},
    {BYTES("\"ok\xf0\x9f\x98\""), 3, "not UTF-8"},
    {BYTES("{\"a\":1,\"b\":2,\"a\":3}"), 14, "stands twice"},
    {BYTES("{\"a\":1,\"\\u0061\":2}"), 8, "stands twice"},
    {BYTES("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}"), 11, "stands twice"},
    {BYTES("{\"\\/\":1,\"/\":2}"), 9, "stands twice"},
    {BYTES("{\"\":1,\"\":2}"), 7, "stands twice"},
    {BYTES("{\"x\":{\"a\":1,\"a\":1}}"), 13, "stands twice"},
    {BYTES("[{\"a\":1,\"a\":1}]"), 9, "stands twice"},
    {BYTES("{\"a\":{\"b\":1},\"a\":{\"b\":1}}"), 14, "stands twice"},
};

static void sound_text_is_accepted_and_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct err err = {0};
        struct json_doc *doc;
        if (json_check(accepted[i], &err) != 0)
            fail_msg("%.*s: %s", SPAN_ARG(accepted[i]), err.message);
        assert_int_equal(json_parse(accepted[i], &doc, &err), 0);
        assert_span(json_text(doc), accepted[i]);
        json_free(doc);
    }
}

static void wrong_text_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err err = {0};
        struct json_doc *doc = NULL;
        char place[64];
        (void)snprintf(place, sizeof(place), "at byte %zu:", refused[i].at);
        assert_int_equal(json_parse(refused[i].text, &doc, &err), -ERR_BAD_REQUEST);
        assert_int_equal(err.code, ERR_BAD_REQUEST);
        if (strstr(err.message, place) == NULL || strstr(err.message, refused[i].wrong) == NULL)
            fail_msg("%.*s: %s", SPAN_ARG(refused[i].text), err.message);
        assert_null(doc);
        assert_int_equal(json_check(refused[i].text, NULL), -ERR_BAD_REQUEST);
    }
}

/* Cut at any byte, a text in brackets is refused. The bytes are copied so that ASan sees a read too
 * far. */
static void cut_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct span text = accepted[i];
        if (text.ptr[0] != '{' && text.ptr[0] != '[' && text.ptr[0] != '"')
            continue;
        for (size_t len = 1; len < text.len; len++) {
            char *cut = mem_new_array(len, 1);
            memcpy(cut, text.ptr, len);
            assert_int_equal(json_check(span_make(cut, len), NULL), -ERR_BAD_REQUEST);
            mem_free(cut);
        }
    }
}

/* `count` times `open`, then `middle`, then `count` times `close`. */
static int check_nested(size_t count, const char *open, const char *middle, const char *close)
{
    struct buf b;
    buf_init(&b, 16 * 1024 * 1024);
    for (size_t i = 0; i < count; i++)
        (void)buf_text(&b, open);
    (void)buf_text(&b, middle);
    for (size_t i = 0; i < count; i++)
        (void)buf_text(&b, close);
    int rc = json_check(buf_as_span(&b), NULL);
    buf_release(&b);
    return rc;
}

static void depth_and_values_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(check_nested(LIMIT_JSON_DEPTH, "[", "", "]"), 0);
    assert_int_equal(check_nested(LIMIT_JSON_DEPTH + 1, "[", "", "]"), -ERR_BAD_REQUEST);
    assert_int_equal(check_nested(LIMIT_JSON_DEPTH, "{\"a\":", "1", "}"), 0);
    assert_int_equal(check_nested(LIMIT_JSON_DEPTH + 1, "{\"a\":", "1", "}"), -ERR_BAD_REQUEST);
    assert_int_equal(check_nested(1000 * 1000, "[", "", "]"), -ERR_BAD_REQUEST);

    struct buf b;
    buf_init(&b, 1024 * 1024);
    (void)buf_text(&b, "[1");
    for (size_t i = 2; i < LIMIT_JSON_NODES; i++) /* the list itself is one */
        (void)buf_text(&b, ",1");
    (void)buf_text(&b, "]");
    assert_int_equal(json_check(buf_as_span(&b), NULL), 0);
    b.len--;
    (void)buf_text(&b, ",1]");
    assert_int_equal(json_check(buf_as_span(&b), NULL), -ERR_BAD_REQUEST);
    buf_release(&b);
}

/* Many names cost no time to speak of, sorted or not, and the one that is there twice is found
 * among them. */
static void one_name_twice_is_found_among_many(void **state)
{
    (void)state;
    for (size_t twice = 0; twice <= 30000; twice += 10000) {
        struct buf b;
        struct err err = {0};
        buf_init(&b, 1024 * 1024);
        (void)buf_text(&b, "{\"first\":0");
        for (size_t i = 0; i < 30000; i++)
            (void)buf_printf(&b, ",\"name%zu\":0", (i * 7919) % 30011);
        (void)buf_printf(&b, ",\"name%zu\":0}", (twice * 7919) % 30011);
        bool is_twice = twice < 30000; /* the last one is new */
        assert_int_equal(json_check(buf_as_span(&b), &err), is_twice ? -ERR_BAD_REQUEST : 0);
        buf_release(&b);
    }
}

static void values_are_read_by_type(void **state)
{
    (void)state;
    struct json_doc *doc;
    struct span text =
        SPAN_LIT("{\"n\":null,\"t\":true,\"f\":false,\"i\":-42,\"d\":1.5,\"s\":\"x\\u00e9\","
                 "\"a\":[1,\"two\",[]],\"o\":{\"p\":{\"q\":7}},\"S\":\"\"}");
    assert_int_equal(json_parse(text, &doc, NULL), 0);
    const struct json *root = json_root(doc);
    static const struct {
        const char *name, *type_name;
        enum json_type type;
        size_t count;
    } members[] = {
        {"n", "null", JSON_NULL, 0},       {"t", "a boolean", JSON_BOOL, 0},
        {"f", "a boolean", JSON_BOOL, 0},  {"i", "a number", JSON_NUMBER, 0},
        {"d", "a number", JSON_NUMBER, 0}, {"s", "a string", JSON_STRING, 0},
        {"a", "an array", JSON_ARRAY, 3},  {"o", "an object", JSON_OBJECT, 1},
        {"S", "a string", JSON_STRING, 0}, {"absent", "null", JSON_NULL, 0},
    };
    assert_int_equal(json_count(root), COUNT(members) - 1);
    for (size_t i = 0; i < COUNT(members); i++) {
        const struct json *v = json_get(root, members[i].name);
        assert_int_equal(json_type(v), members[i].type);
        assert_string_equal(json_type_name(v), members[i].type_name);
        assert_int_equal(json_count(v), members[i].count);
        assert_ptr_equal(json_at(root, i), v);
        if (v != NULL)
            assert_string_equal(json_name(v), members[i].name);
    }
    assert_null(json_name(NULL));
    assert_null(json_name(root));
    assert_span(json_string(json_get(root, "s")), SPAN_LIT("x\xc3\xa9"));
    assert_span(json_string(json_get(root, "S")), SPAN_LIT(""));
    assert_span(json_string(json_get(root, "i")), SPAN_NONE);
    assert_span(json_string(NULL), SPAN_NONE);
    assert_true(json_bool(json_get(root, "t"), false));
    assert_false(json_bool(json_get(root, "f"), true));
    assert_true(json_bool(json_get(root, "i"), true));
    const struct json *list = json_get(root, "a");
    assert_span(json_string(json_at(list, 1)), SPAN_LIT("two"));
    assert_null(json_at(list, 3));
    assert_null(json_get(list, "two"));
    assert_null(json_name(json_at(list, 1)));
    int64_t deep = 0;
    assert_true(json_int(json_get(json_get(json_get(root, "o"), "p"), "q"), &deep));
    assert_int_equal(deep, 7);
    json_free(doc);
    json_free(NULL);
}

static const struct {
    const char *text;
    bool is_int, is_number;
    int64_t value;
} numbers[] = {
    {"0", true, true, 0},
    {"-0", true, true, 0},
    {"-7", true, true, -7},
    {"1e3", true, true, 1000},
    {"2.0", true, true, 2},
    {"2.5", false, true, 0},
    {"-2.5", false, true, 0},
    {"9007199254740991", true, true, 9007199254740991},
    {"-9007199254740991", true, true, -9007199254740991},
    {"9007199254740992", false, true, 0},
    {"9007199254740993", false, true, 0},
    {"-9007199254740992", false, true, 0},
    {"1e300", false, true, 0},
    {"1e999", false, false, 0},
    {"-1e999", false, false, 0},
    {"\"1\"", false, false, 0},
    {"true", false, false, 0},
    {"null", false, false, 0},
};

static void numbers_are_whole_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct json_doc *doc;
        int64_t whole = 5;
        double number = 0.5;
        assert_int_equal(json_parse(span_of(numbers[i].text), &doc, NULL), 0);
        assert_int_equal(json_int(json_root(doc), &whole), numbers[i].is_int);
        assert_true(whole == (numbers[i].is_int ? numbers[i].value : 5));
        assert_int_equal(json_number(json_root(doc), &number), numbers[i].is_number);
        assert_true(numbers[i].is_number || number == 0.5);
        json_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_text_is_accepted_and_parsed),
        cmocka_unit_test(wrong_text_is_refused_where_it_is_wrong),
        cmocka_unit_test(cut_text_is_refused),
        cmocka_unit_test(depth_and_values_are_bounded),
        cmocka_unit_test(one_name_twice_is_found_among_many),
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(numbers_are_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
