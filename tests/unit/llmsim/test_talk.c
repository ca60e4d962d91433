/* One conversation in three formats says the same. */
#include "talk.h"

#include "llmsim_test.h"

static struct json_doc *doc;

static const struct json *parse(const char *json)
{
    struct err err;
    json_free(doc);
    doc = NULL;
    if (json_parse(span_of(json), &doc, &err) != 0)
        fail_msg("%s: %s", json, err.message);
    return json_root(doc);
}

static int teardown(void **state)
{
    (void)state;
    json_free(doc);
    doc = NULL;
    return 0;
}

static const char OPENAI[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\",\"content\":"
    "\"old\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_0\",\"type\":"
    "\"function\",\"function\":{\"name\":\"old\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
    "\"tool_call_id\":\"call_0\",\"content\":\"was\"},{\"role\":\"user\",\"content\":[{\"type\":"
    "\"text\",\"text\":\"Where?\"}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
    "\"id\":\"a\",\"function\":{\"name\":\"find\"}},{\"id\":\"b\",\"function\":{\"name\":\"look\"}}"
    "]},{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"here\"}]}";
static const char ANTHROPIC[] =
    "{\"system\":[{\"type\":\"text\",\"text\":\"Be kind.\"}],\"messages\":[{\"role\":\"user\","
    "\"content\":\"old\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
    "\"o\",\"name\":\"old\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
    "\"tool_result\",\"tool_use_id\":\"o\",\"content\":\"was\"}]},{\"role\":\"user\",\"content\":"
    "\"Where?\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I look.\"},{"
    "\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"find\",\"input\":{}},{\"type\":\"tool_use\","
    "\"id\":\"b\",\"name\":\"look\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
    "\"tool_result\",\"tool_use_id\":\"b\",\"content\":[{\"type\":\"text\",\"text\":\"here\"}]}]}]"
    "}";
static const char OLLAMA[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\",\"content\":"
    "\"old\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":"
    "\"old\",\"arguments\":{}}}]},{\"role\":\"tool\",\"tool_name\":\"old\",\"content\":\"was\"},{"
    "\"role\":\"user\",\"content\":\"Where?\"},{\"role\":\"assistant\",\"content\":\"\","
    "\"tool_calls\":[{\"function\":{\"name\":\"find\"}},{\"function\":{\"name\":\"look\"}}]},{"
    "\"role\":\"tool\",\"tool_name\":\"find\",\"content\":\"here\"}]}";

static void calls_and_results_in_each_format(void **state)
{
    static const struct {
        const char *request;
        size_t answered;
    } rows[] = {{OPENAI, 1}, {ANTHROPIC, 1}, {OLLAMA, 0}}; /* without ids: the first */
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct talk talk = talk_read(parse(rows[i].request));
        assert_true(span_is(talk.system, "Be kind."));
        assert_true(span_is(talk.user, "Where?"));
        assert_null(talk.prefill.ptr);
        assert_true(talk.has_tool_results);
        assert_int_equal(talk.calls_before, 3);
        assert_int_equal(talk.call_count, 2); /* those of old are not of this turn */
        assert_true(span_is(talk.calls[0].name, "find"));
        assert_true(span_is(talk.calls[1].name, "look"));
        assert_true(span_is(talk.calls[rows[i].answered].result, "here"));
        assert_null(talk.calls[1 - rows[i].answered].result.ptr);
    }
}

static void what_is_gone_on_with(void **state)
{
    (void)state;
    struct talk talk = talk_read(parse(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":"
        "\"It is\"}]}"));
    assert_true(span_is(talk.prefill, "It is"));
    assert_false(talk.has_tool_results);
    assert_null(talk.system.ptr);
}

static void strange_messages_say_nothing(void **state)
{
    static const char *const rows[] = {
        "{\"messages\":[1]}",
        "{\"messages\":[{\"role\":1,\"content\":{},\"tool_calls\":{\"a\":1}}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":1},[],{\"type\":\"image\"}]}]}",
        "{\"messages\":[{\"role\":\"tool\"},{\"role\":\"assistant\",\"tool_calls\":[1,{}]}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_null(talk_read(parse(rows[i])).user.ptr);
}

static void more_calls_than_are_kept_are_counted(void **state)
{
    struct buf json;
    (void)state;
    buf_init(&json, 65536);
    (void)buf_text(&json, "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[");
    for (int i = 0; i < TALK_CALLS_MAX + 5; i++)
        (void)buf_printf(&json, "%s{\"function\":{\"name\":\"f\"}}", i > 0 ? "," : "");
    (void)buf_text(&json, "]}]}");
    struct talk talk = talk_read(parse(json.ptr));
    buf_release(&json);
    assert_int_equal(talk.calls_before, TALK_CALLS_MAX + 5);
    assert_int_equal(talk.call_count, TALK_CALLS_MAX);
}

static void the_tools_that_may_be_called(void **state)
{
    static const char *const rows[] = {
        "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
        "\"parameters\":{\"p\":1}}}]}",
        "{\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"p\":1}}],"
        "\"tool_choice\":{\"type\":\"auto\"}}",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct json *request = parse(rows[i]);
        assert_int_equal(talk_tool_count(request), 1);
        struct talk_tool tool = talk_tool_at(request, 0);
        assert_true(span_is(tool.name, "f") && span_is(tool.description, "d"));
        assert_non_null(json_get(tool.parameters, "p"));
    }
    assert_int_equal(talk_tool_count(parse("{}")), 0);
    assert_int_equal(talk_tool_count(parse("{\"tools\":[{}],\"tool_choice\":\"none\"}")), 0);
    assert_int_equal(talk_tool_count(parse("{\"tools\":[{}],\"tool_choice\":{\"type\":\"none\"}}")),
                     0);
    assert_null(talk_tool_at(parse("{\"tools\":[1]}"), 0).name.ptr);
}

static void whether_json_is_wanted(void **state)
{
    static const struct {
        const char *request;
        bool is_wanted, has_schema;
    } rows[] = {
        {"{}", false, false},
        {"{\"response_format\":{\"type\":\"text\"}}", false, false},
        {"{\"response_format\":{\"type\":\"json_object\"}}", true, false},
        {"{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}}", true,
         true},
        {"{\"format\":\"json\"}", true, false},
        {"{\"format\":{\"type\":\"object\"}}", true, true},
        {"{\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}}", true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct json *schema = NULL;
        assert_int_equal(talk_wants_json(parse(rows[i].request), &schema), rows[i].is_wanted);
        assert_int_equal(schema != NULL, rows[i].has_schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(calls_and_results_in_each_format, teardown),
        cmocka_unit_test_teardown(what_is_gone_on_with, teardown),
        cmocka_unit_test_teardown(strange_messages_say_nothing, teardown),
        cmocka_unit_test_teardown(more_calls_than_are_kept_are_counted, teardown),
        cmocka_unit_test_teardown(the_tools_that_may_be_called, teardown),
        cmocka_unit_test_teardown(whether_json_is_wanted, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
