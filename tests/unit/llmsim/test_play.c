/* An agent played: first calls, further calls, what comes of them; and answers in JSON. */
#include "play.h"

#include "llmsim_test.h"

#define SEARCH                                                                                     \
    "{\"type\":\"function\",\"function\":{\"name\":\"search\",\"description\":\"Search pages "     \
    "about "                                                                                       \
    "a "                                                                                           \
    "subject.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}," \
    "\"required\":[\"q\"]}}}"
#define PAGE                                                                                       \
    "{\"type\":\"function\",\"function\":{\"name\":\"read_page\",\"description\":\"Read one.\","   \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}},"           \
    "\"required\":[\"id\"]}}}"
#define ORDER                                                                                      \
    "{\"type\":\"function\",\"function\":{\"name\":\"find_order\",\"description\":\"Look up an "   \
    "order.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"number\":{\"type\":"           \
    "\"string\"}},\"required\":[\"number\"]}}}"
#define TOOLS        "\"tools\":[" SEARCH "," PAGE "," ORDER "]"
#define USER(text)   "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SYSTEM(text) "{\"role\":\"system\",\"content\":\"" text "\"}"
#define CALLED(name, result)                                                                       \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"" name                     \
    "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"{}\"}}]},"       \
    "{\"role\":\"tool\",\"tool_call_id\":\"" name "\",\"content\":\"" result "\"}"
#define FOUND "{\\\"results\\\":[{\\\"id\\\":\\\"weir\\\",\\\"title\\\":\\\"Weirs\\\"}]}"

/* `name arguments` of each call, or the text; "usual" for the usual one. */
static const char *played(const char *request)
{
    static char out[8192];
    struct json_doc *doc = NULL;
    struct err err;
    struct play play;
    size_t at = 0;
    if (json_parse(span_of(request), &doc, &err) != 0)
        fail_msg("%s: %s", request, err.message);
    struct talk talk = talk_read(json_root(doc));
    struct script script = script_parse(talk.user);
    play_init(&play, &script, json_root(doc), &talk);
    (void)snprintf(out, sizeof out, "%s", play.text != NULL ? play.text : "usual");
    for (size_t i = 0; i < play.call_count; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s %.*s", i > 0 ? "; " : "",
                               play.calls[i].name, SPAN_ARG(play.calls[i].arguments));
    play_release(&play);
    json_free(doc);
    return out;
}

static void what_is_played(void **state)
{
    static const struct {
        const char *request, *played;
    } rows[] = {
        {"{\"messages\":[" USER("hello") "]}", "usual"},
        /* the tool that fits, or the first */
        {"{" TOOLS ",\"messages\":[" USER("Where is order 17?") "]}",
         "find_order {\"number\":\"17\"}"},
        {"{" TOOLS ",\"messages\":[" USER("Search for weirs") "]}",
         "search {\"q\":\"Search for weirs\"}"},
        {"{" TOOLS ",\"messages\":[" USER("hello") "]}", "search {\"q\":\"hello\"}"},
        /* once for each number */
        {"{" TOOLS ",\"messages\":[" USER("Compare orders 17, 18 and B-3") "]}",
         "find_order {\"number\":\"17\"}; find_order {\"number\":\"18\"}; find_order "
         "{\"number\":\"B-3\"}"},
        /* what was found is read, once */
        {"{" TOOLS ",\"messages\":[" USER("weirs?") "," CALLED("search", FOUND) "]}",
         "read_page {\"id\":\"weir\"}"},
        {"{" TOOLS ",\"messages\":[" USER("weirs?") "," CALLED("search", FOUND) "," CALLED(
             "read_page", "A wall.") "]}",
         "This is a simulated answer, made of what the tools said.\n\nsearch: "
         "{\"results\":[{\"id\":"
         "\"weir\",\"title\":\"Weirs\"}]}\n\nread_page: A wall."},
        {"{" TOOLS ",\"messages\":[" USER("17?") "," CALLED("find_order", "no such order") "]}",
         "This is a simulated answer, made of what the tools said.\n\nfind_order: no such order"},
        /* not when it may not, or goes on with its own answer */
        {"{" TOOLS ",\"tool_choice\":\"none\",\"messages\":[" USER("order 17") "]}", "usual"},
        {"{" TOOLS ",\"messages\":[" USER("17") ",{\"role\":\"assistant\",\"content\":\"It\"}]}",
         "usual"},
        /* a script that says what is said is obeyed; one of time and faults is not about that */
        {"{" TOOLS ",\"messages\":[" USER("!sim tokens=3") "]}", "usual"},
        {"{" TOOLS ",\"messages\":[" USER("!sim text=self") "]}", "usual"},
        {"{" TOOLS ",\"messages\":[" USER("!sim tool=a,find") "]}",
         "a {\"query\": \"simulated\", \"limit\": 3}; find {\"query\": \"simulated\", \"limit\": "
         "3}"},
        {"{" TOOLS ",\"messages\":[" USER("!sim delay_ms=3 where is order 17?") "]}",
         "find_order {\"number\":\"17\"}"},
        {"{\"messages\":[" USER("!sim tool=find") "," CALLED("find", "42") "]}",
         "This is a simulated answer, made of what the tools said.\n\nfind: 42"},
        {"{\"messages\":[" USER("!sim tool=find tokens=2") "," CALLED("find", "42") "]}", "usual"},
        /* JSON */
        {"{\"messages\":[" SYSTEM(
             "Say {\\\"kind\\\":\\\"order\\\"} or "
             "{\\\"kind\\\":\\\"other\\\"}") "," USER("where is my order?") "]}",
         "{\"kind\":\"order\"}"},
        {"{\"response_format\":{\"type\":\"json_object\"},\"messages\":[" USER("x") "]}",
         "{\"answer\": \"simulated\"}"},
        {"{\"response_format\":{\"type\":\"json_object\"},\"messages\":[" USER(
             "like {\\\"a\\\":1}") "]}",
         "{\"a\":1}"},
        {"{\"format\":{\"properties\":{\"n\":{\"type\":\"integer\"}}},\"messages\":[" USER(
             "take 4") "]}",
         "{\"n\":4}"},
        /* an agent's last word may be JSON too */
        {"{" TOOLS ",\"messages\":[" SYSTEM("Say {\\\"found\\\":true}") "," USER("17?") "," CALLED(
             "find_order", "no") "]}",
         "{\"found\":true}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(played(rows[i].request), rows[i].played);
}

static void many_numbers_are_no_more_calls_than_fit(void **state)
{
    (void)state;
    const char *calls = played(
        "{" TOOLS ",\"messages\":[" USER("orders 11 12 13 14 15 16 17 18 19 20 21 22 23") "]}");
    assert_non_null(strstr(calls, "\"18\""));
    assert_null(strstr(calls, "\"19\""));
}

static void long_results_are_told_in_part(void **state)
{
    struct buf json;
    (void)state;
    buf_init(&json, 65536);
    (void)buf_text(&json,
                   "{\"messages\":[" USER(
                       "x") ",{\"role\":\"assistant\",\"tool_calls\":[{"
                            "\"id\":\"a\",\"function\":{\"name\":\"f\"}}]},{\"role\":\"tool\","
                            "\"tool_call_id\":\"a\",\"content\":\"");
    for (int i = 0; i < 1000; i++)
        (void)buf_text(&json, "\xc3\xa4");
    (void)buf_text(&json, "\"}]}");
    const char *text = played(json.ptr);
    assert_true(span_is_utf8(span_of(text)));
    assert_true(strlen(text) < 600);
    assert_string_equal(text + strlen(text) - 4, " ...");
    buf_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_played),
        cmocka_unit_test(many_numbers_are_no_more_calls_than_fit),
        cmocka_unit_test(long_results_are_told_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
