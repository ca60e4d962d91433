/* Arguments that a schema takes, made of what was said. */
#include "schema.h"

#include "llmsim_test.h"

static struct json_doc *parse(const char *json)
{
    struct json_doc *doc = NULL;
    struct err err;
    if (json_parse(span_of(json), &doc, &err) != 0)
        fail_msg("%s: %s", json, err.message);
    return doc;
}

static void assert_filled(const char *schema, const char *text, const char *result, size_t nth,
                          const char *wanted)
{
    struct json_doc *doc = parse(schema), *results = parse(result == NULL ? "{}" : result);
    const struct json *roots[] = {json_root(results)};
    const struct schema_hints hints = {
        .text = span_of(text), .results = roots, .result_count = result != NULL, .nth = nth};
    struct buf out;
    buf_init(&out, 4096);
    schema_fill(&out, json_root(doc), &hints);
    assert_string_equal(out.ptr, wanted);
    buf_release(&out);
    json_free(doc);
    json_free(results);
}

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

static void each_type_has_its_value(void **state)
{
    static const struct {
        const char *property, *text, *value;
    } rows[] = {
        {"{\"type\":\"string\"}", "Where is it?", "\"Where is it?\""},
        {"{\"type\":\"string\"}", "look for \"canal locks\" there", "\"canal locks\""},
        {"{\"type\":\"string\"}", "", "\"example\""},
        {"{}", "x", "\"x\""},
        {"{\"type\":\"string\",\"maxLength\":3}", "a\xc3\xa4\xc3\xb6", "\"a\xc3\xa4\""},
        {"{\"type\":\"string\",\"description\":\"the order's number\"}", "order A-17, now",
         "\"A-17\""},
        {"{\"type\":\"string\",\"format\":\"email\"}", "to a@b.c now", "\"a@b.c\""},
        {"{\"type\":\"string\",\"format\":\"email\"}", "x", "\"someone@example.com\""},
        {"{\"type\":\"string\",\"format\":\"date\"}", "x", "\"2026-01-01\""},
        {"{\"type\":\"string\",\"enum\":[\"slow\",\"fast\"]}", "be fast", "\"fast\""},
        {"{\"type\":\"integer\",\"enum\":[4,5]}", "x", "4"},
        {"{\"const\":true}", "x", "true"},
        {"{\"type\":\"integer\"}", "take 17 of them", "17"},
        {"{\"type\":\"integer\"}", "take some", "1"},
        {"{\"type\":\"integer\",\"default\":5}", "take some", "5"},
        {"{\"type\":\"integer\",\"minimum\":20}", "take 17", "20"},
        {"{\"type\":\"integer\",\"maximum\":10}", "take 17", "10"},
        {"{\"type\":\"number\"}", "17", "17"},
        {"{\"type\":\"boolean\"}", "x", "true"},
        {"{\"type\":\"boolean\",\"default\":false}", "x", "false"},
        {"{\"type\":[\"integer\",\"null\"]}", "9", "9"},
        {"{\"type\":\"null\"}", "x", "null"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}}}", "x", "{}"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "7", "[7]"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", "7", "[]"},
        {"{\"type\":\"array\"}", "7", "[\"7\"]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char schema[256], wanted[128];
        (void)snprintf(schema, sizeof schema, OBJECT("\"it\":%s"), rows[i].property);
        (void)snprintf(wanted, sizeof wanted, "{\"it\":%s}", rows[i].value);
        assert_filled(schema, rows[i].text, NULL, 0, wanted);
    }
}

static void required_ones_only_and_numbers_in_turn(void **state)
{
    (void)state;
    assert_filled("{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"},"
                  "\"c\":{\"type\":\"integer\"}},\"required\":[\"a\",\"c\"]}",
                  "from 3 to 8", NULL, 0, "{\"a\":3,\"c\":8}");
    assert_filled(OBJECT("\"id\":{\"type\":\"string\"}"), "17 or 18", NULL, 1, "{\"id\":\"18\"}");
    assert_filled("{}", "x", NULL, 0, "{}");
    assert_filled("[]", "x", NULL, 0, "{}");
    assert_filled("{\"properties\":[1,{}],\"required\":\"a\"}", "x", NULL, 0, "{}");
}

static void what_an_earlier_result_has_is_taken(void **state)
{
    static const char schema[] = OBJECT("\"id\":{\"type\":\"string\"}");
    (void)state;
    assert_filled(schema, "17", "{\"results\":[{\"title\":\"x\",\"id\":\"weir\"},{\"id\":\"b\"}]}",
                  0, "{\"id\":\"weir\"}");
    assert_filled(schema, "17", "{\"id\":{\"not\":\"plain\"}}", 0, "{\"id\":\"17\"}");
}

static void whether_it_can_be_called(void **state)
{
    static const struct {
        const char *schema, *result;
        bool is_met;
    } rows[] = {
        {"{\"required\":[\"id\"]}", "{\"a\":[{\"id\":3}]}", true},
        {"{\"required\":[\"id\",\"x\"]}", "{\"a\":[{\"id\":3}]}", false},
        {"{\"required\":[]}", "{}", false},
        {"{\"required\":[3]}", "{\"3\":3}", false},
        {"{}", "{}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_doc *schema = parse(rows[i].schema), *result = parse(rows[i].result);
        const struct json *roots[] = {json_root(result)};
        const struct schema_hints hints = {.results = roots, .result_count = 1};
        assert_int_equal(schema_is_met(json_root(schema), &hints), rows[i].is_met);
        json_free(schema);
        json_free(result);
    }
}

static void whether_it_is_of_a_number(void **state)
{
    static const struct {
        const char *schema;
        bool is;
    } rows[] = {
        {OBJECT("\"n\":{\"type\":\"integer\"}"), true},
        {OBJECT("\"number\":{\"type\":\"string\"}"), true},
        {OBJECT("\"query\":{\"type\":\"string\"}"), false},
        {OBJECT("\"n\":{\"type\":\"integer\"},\"m\":{\"type\":\"integer\"}"), false},
        {"{}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_doc *schema = parse(rows[i].schema);
        assert_int_equal(schema_is_of_number(json_root(schema)), rows[i].is);
        json_free(schema);
    }
    assert_false(schema_is_of_number(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_value),
        cmocka_unit_test(required_ones_only_and_numbers_in_turn),
        cmocka_unit_test(what_an_earlier_result_has_is_taken),
        cmocka_unit_test(whether_it_can_be_called),
        cmocka_unit_test(whether_it_is_of_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
