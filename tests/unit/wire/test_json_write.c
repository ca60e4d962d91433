/* JSON out: escapes, numbers, raw text, the writer's commas; and that whatever is written is read
 * back as it was. */
#include "base/mem.h"
#include "wire/json.h"
#include "wire/limits.h"
#include "wire_test.h"

static const struct {
    struct span text;
    const char *json;
} strings[] = {
    {BYTES(""), "\"\""},
    {BYTES("plain"), "\"plain\""},
    {BYTES("\"\\/"), "\"\\\"\\\\/\""},
    {BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {BYTES("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\""},
    {BYTES("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\""},
    {BYTES("\xc2\x80\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac"),
     "\"\xc2\x80\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac\""},
    {BYTES("a\xf0\x9f\x98\x80z"), "\"a\xf0\x9f\x98\x80z\""},
    {BYTES("</script>"), "\"</script>\""},
    {BYTES("a\xff\xfe"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xc3"), "\"\xef\xbf\xbd\""},
    {BYTES("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xf0\x9f\x98"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void strings_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct buf b;
        buf_init(&b, 1024);
        json_put_string(&b, strings[i].text);
        assert_buf(&b, strings[i].json);
        buf_reset(&b);
        json_put_string(&b, SPAN_NONE);
        assert_buf(&b, "null");
        buf_release(&b);
    }
}

static const struct {
    int64_t value;
    const char *json;
} ints[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {10, "10"},
    {1760000000000, "1760000000000"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

static void ints_are_written_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ints); i++) {
        struct buf b;
        buf_init(&b, 64);
        json_put_int(&b, ints[i].value);
        assert_buf(&b, ints[i].json);
        buf_release(&b);
    }
}

static const struct {
    struct span text;
    const char *json;
} raws[] = {
    {{NULL, 0}, "null"},   {BYTES(""), "null"},
    {BYTES("{}"), "{}"},   {BYTES("{\n  \"a\": 1\r\n}\n"), "{   \"a\": 1  } "},
    {BYTES("\r\n"), "  "},
};

static void raw_text_loses_its_line_ends_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(raws); i++) {
        struct buf b;
        buf_init(&b, 64);
        json_put_raw(&b, raws[i].text);
        assert_buf(&b, raws[i].json);
        buf_release(&b);
    }
}

static void the_writer_sets_commas_and_brackets(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    struct json_writer w = json_writer(&b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "s", SPAN_LIT("x"));
    json_member_str(&w, "none", SPAN_NONE);
    json_open(&w, "list", '[');
    json_member_int(&w, NULL, 1);
    json_member_int(&w, NULL, -2);
    json_open(&w, NULL, '[');
    json_close(&w);
    json_open(&w, NULL, '{');
    json_member_bool(&w, "t", true);
    json_member_bool(&w, "f", false);
    json_close(&w);
    json_member_null(&w, NULL);
    json_close(&w);
    json_member_raw(&w, "raw", SPAN_LIT("[1]"));
    json_key(&w, SPAN_LIT("\"key\""));
    json_put_int(&b, 3);
    json_open(&w, "empty", '{');
    json_close(&w);
    json_close(&w);
    assert_buf(&b, "{\"s\":\"x\",\"none\":null,\"list\":[1,-2,[],{\"t\":true,\"f\":false},null],"
                   "\"raw\":[1],\"\\\"key\\\"\":3,\"empty\":{}}");
    assert_int_equal(json_check(buf_as_span(&b), NULL), 0);
    buf_release(&b);
}

static void a_writer_goes_64_deep(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    struct json_writer w = json_writer(&b);
    for (int i = 0; i < 64; i++)
        json_open(&w, i % 2 == 1 ? "a" : NULL, i % 2 == 0 ? '{' : '[');
    json_member_int(&w, NULL, 1);
    json_member_int(&w, NULL, 2);
    for (int i = 0; i < 64; i++)
        json_close(&w);
    assert_span(span_make(b.ptr, 13), SPAN_LIT("{\"a\":[{\"a\":[{"));
    assert_non_null(strstr(b.ptr, "[1,2]}]}]"));
    assert_int_equal(b.len, 32 * 8 + 3);
    buf_release(&b);
}

/* Parses `"..."` and compares. */
static void assert_reads_back(struct span json, struct span text)
{
    struct json_doc *doc;
    struct err err = {0};
    if (json_parse(json, &doc, &err) != 0)
        fail_msg("%s", err.message);
    assert_span(json_string(json_root(doc)), text);
    json_free(doc);
}

static void put_code_point(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        (void)buf_byte(b, (char)c);
    } else if (c < 0x800) {
        (void)buf_byte(b, (char)(0xc0 | c >> 6));
        (void)buf_byte(b, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        (void)buf_byte(b, (char)(0xe0 | c >> 12));
        (void)buf_byte(b, (char)(0x80 | (c >> 6 & 0x3f)));
        (void)buf_byte(b, (char)(0x80 | (c & 0x3f)));
    } else {
        (void)buf_byte(b, (char)(0xf0 | c >> 18));
        (void)buf_byte(b, (char)(0x80 | (c >> 12 & 0x3f)));
        (void)buf_byte(b, (char)(0x80 | (c >> 6 & 0x3f)));
        (void)buf_byte(b, (char)(0x80 | (c & 0x3f)));
    }
}

static void every_character_reads_back(void **state)
{
    (void)state;
    struct buf text, json;
    buf_init(&text, 16 * 1024 * 1024);
    buf_init(&json, 16 * 1024 * 1024);
    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        if (c < 0xd800 || c > 0xdfff)
            put_code_point(&text, c);
    }
    json_put_string(&json, buf_as_span(&text));
    assert_int_equal(buf_error(&json), 0);
    assert_reads_back(buf_as_span(&json), buf_as_span(&text));
    buf_release(&text);
    buf_release(&json);
}

/* The promise of `restore`: a message of any length up to the limit, byte for byte. */
static void long_random_messages_read_back(void **state)
{
    enum { LONG = 256 * 1024 };
    (void)state;
    static const char *const parts[] = {
        "word ", "\"", "\\", "\\\\u0041", "\n", "\xf0\x9f\x98\x80", "\xe2\x80\xa8", "\x01"};
    uint64_t seed = 0xface;
    for (int round = 0; round < 8; round++) {
        struct buf text, json;
        buf_init(&text, LONG);
        buf_init(&json, 8 * LONG);
        size_t least = round == 0 ? LONG - 8 : random_below(&seed, 20000);
        while (text.len < least)
            (void)buf_text(&text, parts[random_below(&seed, COUNT(parts))]);
        while (round == 0 && text.len < LONG)
            (void)buf_byte(&text, '\\');
        json_put_string(&json, buf_as_span(&text));
        if (text.len > 0)
            assert_reads_back(buf_as_span(&json), buf_as_span(&text));
        buf_release(&text);
        buf_release(&json);
    }
}

/* Writes a random value; the same seed gives the same again, so that reading can go along. */
static void put_random(struct json_writer *w, const char *name, uint64_t *seed, unsigned depth)
{
    uint32_t what = random_below(seed, depth == 0 ? 4 : 6), count = random_below(seed, 5);
    char text[8] = "v\"\xc3\xa9\n";
    if (what == 0)
        json_member_null(w, name);
    else if (what == 1)
        json_member_bool(w, name, count > 2);
    else if (what == 2)
        json_member_int(w, name, (int64_t)count - 2);
    else if (what == 3)
        json_member_str(w, name, span_make(text, count == 4 ? 0 : strlen(text)));
    if (what < 4)
        return;
    json_open(w, name, what == 4 ? '[' : '{');
    for (uint32_t i = 0; i < count; i++) {
        char member[16];
        (void)snprintf(member, sizeof(member), "n\"%u", i);
        put_random(w, what == 4 ? NULL : member, seed, depth - 1);
    }
    json_close(w);
}

/* Writes what was parsed again. */
static void put_parsed(struct json_writer *w, const struct json *v)
{
    int64_t whole = 0;
    const char *name = json_name(v);
    switch (json_type(v)) {
    case JSON_NULL:
        json_member_null(w, name);
        return;
    case JSON_BOOL:
        json_member_bool(w, name, json_bool(v, false));
        return;
    case JSON_NUMBER:
        assert_true(json_int(v, &whole));
        json_member_int(w, name, whole);
        return;
    case JSON_STRING:
        json_member_str(w, name, json_string(v));
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_open(w, name, json_type(v) == JSON_ARRAY ? '[' : '{');
        for (size_t i = 0; i < json_count(v); i++)
            put_parsed(w, json_at(v, i));
        json_close(w);
        return;
    }
}

/* Writes what a walk over the text gives again: raw values one level down. */
static void put_walked(struct buf *b, struct span text)
{
    bool is_object = text.ptr[0] == '{';
    struct json_walk walk = is_object ? json_walk_object(text) : json_walk_array(text);
    struct span name, value;
    const char *comma = "";
    (void)buf_byte(b, text.ptr[0]);
    while (json_walk_next(&walk, &name, &value)) {
        (void)buf_text(b, comma);
        comma = ",";
        if (is_object)
            (void)buf_printf(b, "\"%.*s\":", SPAN_ARG(name));
        (void)buf_span(b, value);
    }
    (void)buf_byte(b, is_object ? '}' : ']');
}

static void random_trees_come_back_the_same(void **state)
{
    (void)state;
    uint64_t seed = 0xbeef;
    for (int round = 0; round < 2000; round++) {
        struct buf written, again, walked;
        struct json_doc *doc;
        buf_init(&written, 1024 * 1024);
        buf_init(&again, 1024 * 1024);
        buf_init(&walked, 1024 * 1024);
        struct json_writer w = json_writer(&written);
        put_random(&w, NULL, &seed, 5);
        assert_int_equal(json_parse(buf_as_span(&written), &doc, NULL), 0);
        w = json_writer(&again);
        put_parsed(&w, json_root(doc));
        assert_span(buf_as_span(&again), buf_as_span(&written));
        if (json_type(json_root(doc)) >= JSON_ARRAY) {
            put_walked(&walked, buf_as_span(&written));
            assert_span(buf_as_span(&walked), buf_as_span(&written));
        }
        json_free(doc);
        buf_release(&written);
        buf_release(&again);
        buf_release(&walked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(ints_are_written_whole),
        cmocka_unit_test(raw_text_loses_its_line_ends_only),
        cmocka_unit_test(the_writer_sets_commas_and_brackets),
        cmocka_unit_test(a_writer_goes_64_deep),
        cmocka_unit_test(every_character_reads_back),
        cmocka_unit_test(long_random_messages_read_back),
        cmocka_unit_test(random_trees_come_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
