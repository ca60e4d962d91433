/* Calls in Ollama's format: the request, the lines cut at every byte, what breaks them off. */
#include "base/mem.h"
#include "llm/calls.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINES "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
/* In lines stands ' for ". */
#define SAY(message)                                                                               \
    "{'model':'m','created_at':'2026-01-01T00:00:00Z','message':{'role':'assistant'," message      \
    "},'done':false}\n"
#define TEXT(text) SAY("'content':'" text "'")
#define DONE(members)                                                                              \
    "{'model':'m','message':{'role':'assistant','content':''},'done':true" members "}\n"
#define STOPPED DONE(",'done_reason':'stop'")

static int set_up(void **state)
{
    int result = calls_set_up(state);
    seen.model.format = "ollama";
    return result;
}

/* The request. */

static void assert_sent(const struct llm_request *request, const char *wanted)
{
    calls_assert_sent(request, quoted(LINES STOPPED), wanted);
}

#define BEGIN "{'model':'gpt-x','stream':true,'messages':["

static void the_head_asks_for_lines(void **state)
{
    (void)state;
    static const struct llm_message hello = {.role = "user", .content = {"hi", 2}};
    const struct llm_request request = {
        .messages = &hello, .message_count = 1, .generation = "gen_1"};
    assert_sent(&request, BEGIN "{'role':'user','content':'hi'}],'options':{}}");
    const char *head = server->request.ptr;
    assert_true(span_starts_with(span_of(head), "POST /api/chat HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer sk-canary-key\r\n"));
    assert_non_null(strstr(head, "\r\nAccept: application/x-ndjson\r\n"));
    seen.model.key = "";
    assert_sent(&request, BEGIN "{'role':'user','content':'hi'}],'options':{}}");
    assert_null(strstr(server->request.ptr, "Authorization"));
}

static void a_conversation_keeps_its_roles(void **state)
{
    (void)state;
    const struct llm_request request = {
        .system = SPAN_LIT("s"),
        .raw_messages =
            Q("[{'role':'developer','content':'d'},{'role':'user','content':[{'type':'text','text':"
              "'a'},{'type':'image_url','image_url':{'url':'data:image/png;base64,iVBO'}},"
              "{'type':'text','text':'b'}]},"
              "{'role':'assistant','content':[{'type':'reasoning','text':'hm','signature':'x'}],"
              "'tool_calls':[{'id':'c1','type':'function','function':{'name':'f','arguments':"
              "'{\\'n\\':1.50}'}}]},{'role':'tool','tool_call_id':'c1','content':'42'},"
              "{'role':'tool','tool_call_id':'c9','content':'?'}]"),
        .prefill = SPAN_LIT("So "),
        .generation = "g"};
    assert_sent(&request,
                BEGIN "{'role':'system','content':'s'},{'role':'system','content':'d'},"
                      "{'role':'user','content':'a\\n\\nb','images':['iVBO']},"
                      "{'role':'assistant','content':'','thinking':'hm','tool_calls':[{'id':'c1',"
                      "'function':{'name':'f','arguments':{'n':1.50}}}]},"
                      "{'role':'tool','content':'42','tool_name':'f','tool_call_id':'c1'},"
                      "{'role':'tool','content':'?','tool_call_id':'c9'},"
                      "{'role':'assistant','content':'So '}],'options':{}}");
}

static void messages_keep_calls_and_attachments(void **state)
{
    (void)state;
    const struct llm_message messages[] = {
        {.role = "user",
         .content = SPAN_LIT("what?"),
         .attachments = Q("[{'type':'text','media_type':'text/plain','name':'a.txt','data':'aGk='},"
                          "{'type':'image','media_type':'image/png','data':'iVBO'}]")},
        {.role = "assistant",
         .tool_calls = Q("[{'id':'c','function':{'name':'f','arguments':''}}]")},
        {.role = "tool", .content = SPAN_LIT("1"), .tool_call_id = SPAN_LIT("c")},
    };
    assert_sent(
        &(struct llm_request){.messages = messages, .message_count = 3, .generation = "g"},
        BEGIN "{'role':'user','content':'a.txt:\\nhi\\n\\nwhat?','images':['iVBO']},"
              "{'role':'assistant','content':'','tool_calls':[{'id':'c','function':{'name':'f',"
              "'arguments':{}}}]},{'role':'tool','content':'1','tool_name':'f','tool_call_id':'c'}"
              "],'options':{}}");
}

struct translated {
    const char *params, *wanted;
};

static void params_have_their_names_there(void **state)
{
    (void)state;
    static const struct translated cases[] = {
        {"{'temperature':0.50,'top_p':1,'max_tokens':7,'seed':3,'stop':'x'}",
         "'options':{'temperature':0.50,'top_p':1,'num_predict':7,'seed':3,'stop':['x']}"},
        {"{'stop':['x','y']}", "'options':{'stop':['x','y']}"},
        {"{'response_format':{'type':'json_object'}}", "'options':{},'format':'json'"},
        {"{'response_format':{'type':'text'}}", "'options':{}"},
        {"{'response_format':{'type':'json_schema','json_schema':{'schema':{'a':1.0}}}}",
         "'options':{},'format':{'a':1.0}"},
        {"{'reasoning_effort':'low'}", "'options':{},'think':'low'"},
        {"{'reasoning_effort':'medium'}", "'options':{},'think':'medium'"},
        {"{'reasoning_effort':'xhigh'}", "'options':{},'think':'high'"},
        {"{'reasoning_effort':'none'}", "'options':{},'think':false"},
        {"{'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'auto'}",
         "'options':{},'tools':[{'type':'function','function':{'name':'f'}}]"},
        {"{'tools':[{'a':1}],'tool_choice':'none'}", "'options':{}"},
        {"{'tools':[]}", "'options':{}"},
        {"{'max_tokens':7,'temperature':1,'extra':{'options':{'num_ctx':8,'num_predict':9},"
         "'keep_alive':'5m','model':'y','stream':false,'messages':1,'think':true},"
         "'reasoning_effort':'low'}",
         "'options':{'temperature':1,'num_ctx':8,'num_predict':9},'keep_alive':'5m','think':true"},
    };
    static const struct llm_message hello = {.role = "user", .content = {"a", 1}};
    char wanted[1024];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(wanted, sizeof(wanted), BEGIN "{'role':'user','content':'a'}],%s}",
                       cases[i].wanted);
        assert_sent(&(struct llm_request){.messages = &hello,
                                          .message_count = 1,
                                          .params = Q(cases[i].params),
                                          .generation = "g"},
                    wanted);
    }
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *attachments, *params, *says;
    } cases[] = {
        {"[{'type':'image','media_type':'image/png','url':'https://h/x.png'}]", "{}", "not by url"},
        {"[]", "{'tools':[{'a':1}],'tool_choice':'required'}", "made to call a tool"},
        {"[]", "{'tools':[{'a':1}],'tool_choice':{'type':'function','function':{'name':'f'}}}",
         "made to call a tool"},
        {"[]", "{'response_format':{'type':'grammar'}}", "json_object and json_schema only"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct llm_message message = {
            .role = "user", .content = SPAN_LIT("a"), .attachments = Q(cases[i].attachments)};
        calls_assert_refused(&(struct llm_request){.messages = &message,
                                                   .message_count = 1,
                                                   .params = Q(cases[i].params),
                                                   .generation = "g"},
                             cases[i].says);
    }
}

/* The stream. */

static const char whole_stream[] = SAY("'content':'','thinking':'h'")
    SAY("'content':'','thinking':'m'") TEXT("A\\u00e4\xf0\x9f\x98\x80") TEXT("b")
        SAY("'content':'','tool_calls':[{'function':{'name':'f','arguments':{'n':1.50}}},"
            "{'id':'c2','function':{'index':1,'name':'g'}}]")
            DONE(",'done_reason':'stop','total_duration':5,'prompt_eval_count':12,"
                 "'prompt_eval_cached_count':3,'eval_count':5");

static void assert_whole(void)
{
    if (seen.fails > 0)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_int_equal(seen.dones, 1);
    const char *begin = "R0:h|R0:m|D1:A\xc3\xa4\xf0\x9f\x98\x80|D1:b|t2:call_";
    if (strncmp(seen.heard.ptr, begin, strlen(begin)) != 0)
        fail_msg("%s", seen.heard.ptr);
    assert_non_null(strstr(seen.heard.ptr, quoted(":f:{'n':1.50}|t3:c2:g:{}|T2:call_")));
    assert_non_null(strstr(seen.heard.ptr, quoted(":f:{'n':1.50}|T3:c2:g:{}|")));
    assert_string_equal(seen.finish_reason, "tool_calls");
    assert_int_equal(seen.usage.input, 12);
    assert_int_equal(seen.usage.output, 5);
    assert_int_equal(seen.usage.cached, 3);
    assert_int_equal(seen.usage.reasoning, -1);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_true(seen.usage.is_settled);
}

static void the_stream_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    char *copy = mem_strdup(quoted(whole_stream));
    const struct step script[] = {SEND(LINES), {STEP_SPLIT, copy, 0, 0}, CLOSE};
    for (size_t split = 1; split < sizeof(whole_stream) - 1; split++) {
        server->split = split;
        calls_play(script);
        assert_whole();
    }
    mem_free(copy);
}

static void every_line_is_read(void **state)
{
    (void)state;
    static const struct reading_case cases[] = {
        {"no text at all", STOPPED, "", "stop"},
        {"text in the last line", "{'message':{'content':'x'},'done':true,'done_reason':'stop'}\n",
         "D0:x|", "stop"},
        {"the last line without its end",
         TEXT("a") "{'message':{'content':'x'},'done':true,'done_reason':'stop'}", "D0:a|D0:x|",
         "stop"},
        {"CRLF and empty lines", "{'message':{'content':'x'},'done':false}\r\n\r\n\n" STOPPED,
         "D0:x|", "stop"},
        {"cut by the limit", TEXT("x") DONE(",'done_reason':'length'"), "D0:x|", "length"},
        {"a reason of others", TEXT("x") DONE(",'done_reason':'load'"), "D0:x|", "stop"},
        {"no reason", TEXT("x") DONE(""), "D0:x|", "stop"},
        {"behind the end", TEXT("x") STOPPED TEXT("late"), "D0:x|", "stop"},
        {"members to come", "{'news':1}\n{'message':7,'done':7}\n" TEXT("x") STOPPED, "D0:x|",
         "stop"},
        {"thinking between text", TEXT("a") SAY("'content':'b','thinking':'h'") STOPPED,
         "D0:a|R1:h|D0:b|", "stop"},
        {"arguments as text",
         SAY("'content':'','tool_calls':[{'id':'c','function':{'name':'f','arguments':'{}'}}]")
             STOPPED,
         "t0:c:f:{}|T0:c:f:{}|", "tool_calls"},
    };
    calls_assert_readings(LINES, cases, sizeof(cases) / sizeof(cases[0]));
}

static const struct failing_case failings[] = {
    {"404", "HTTP/1.1 404 No\r\n\r\n{'error':'model \\'x\\' not found'}", -ERR_PROVIDER_REFUSED,
     404, "404: model", "", -1},
    {"400", "HTTP/1.1 400 No\r\n\r\n{'error':'does not support tools'}", -ERR_PROVIDER_REFUSED, 400,
     "support tools", "", -1},
    {"503", "HTTP/1.1 503 No\r\n\r\n{'error':'server busy'}", -ERR_PROVIDER_ERROR, 503,
     ": server busy", "", -1},
    {"a week's worth is used up",
     "HTTP/1.1 429 No\r\n\r\n{'error':'you (x) have reached your weekly usage limit, upgrade for "
     "higher limits'}",
     -ERR_PROVIDER_REFUSED, 429, "weekly usage limit", "", -1},
    {"no lines", LINES, -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "", -1},
    {"not done", LINES TEXT("a"), -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "D0:a|",
     -1},
    {"cut in a line", LINES TEXT("a") "{'message':", -ERR_PROVIDER_TRUNCATED, 200,
     "without its final frame", "D0:a|", -1},
    {"cut behind a line", LINES TEXT("a") "{'message':{'content':'b'}}", -ERR_PROVIDER_TRUNCATED,
     200, "without its final frame", "D0:a|D0:b|", -1},
    {"an error", LINES TEXT("a") "{'error':'out of memory'}\n" TEXT("b"), -ERR_PROVIDER_ERROR, 200,
     "broke off: out of memory", "D0:a|", -1},
    {"an error with its status", LINES TEXT("a") "{'error':'slow','status':429}\n",
     -ERR_PROVIDER_RATE_LIMITED, 200, ": slow", "D0:a|", -1},
    {"an error in the last line", LINES "{'error':'x','done':true}\n", -ERR_PROVIDER_ERROR, 200,
     ": x", "", -1},
    {"no JSON", LINES TEXT("a") "data: x\n", -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|", -1},
    {"no object", LINES "7\n", -ERR_PROVIDER_ERROR, 200, "no object", "", -1},
    {"another type", HEAD "data: {}\n\n", -ERR_PROVIDER_ERROR, 200,
     "text/event-stream instead of application/x-ndjson", "", -1},
};

static void every_failure_has_its_name(void **state)
{
    (void)state;
    calls_assert_failings(failings, sizeof(failings) / sizeof(failings[0]));
}

static void usage_is_what_the_provider_told(void **state)
{
    (void)state;
    calls_play_body(LINES, quoted(TEXT("x") STOPPED));
    assert_int_equal(seen.usage.source, USAGE_UNKNOWN);
    calls_play_body(LINES, quoted(TEXT("x") DONE(",'eval_count':4")));
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.usage.input, -1);
    assert_int_equal(seen.usage.output, 4);
}

static void what_a_provider_can_send_is_bounded(void **state)
{
    (void)state;
    enum { SIZE = 2 * 1024 * 1024 };
    char *line = mem_new(SIZE);
    memset(line, 'x', SIZE - 1);
    calls_play_body(LINES, line);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_non_null(strstr(seen.failure.message, "larger than"));
    mem_free(line);
    struct buf calls;
    buf_init(&calls, 64 * 1024);
    (void)buf_text(&calls, "{\"message\":{\"tool_calls\":[{}");
    for (int i = 0; i < 128; i++)
        (void)buf_text(&calls, ",{}");
    (void)buf_text(&calls, "]}}\n");
    calls_play_body(LINES, calls.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    buf_release(&calls);
}

static void cancel_in_every_hook_is_silent(void **state)
{
    (void)state;
    static const char *const heard[] = {[AT_PIECE] = "R0:h|", [AT_CALL] = "R0:h|D1:a|t2:c:f:{}|"};
    for (int moment = AT_PIECE; moment <= AT_CALL; moment++) {
        seen.act_at = (enum moment)moment;
        calls_play_body(
            LINES, quoted("{'message':{'thinking':'h','content':'a','tool_calls':[{'id':'c',"
                          "'function':{'name':'f'}},{'id':'d','function':{'name':'f'}}]},'done':"
                          "true}\n"));
        (void)loop_run_for(loop, 50);
        assert_string_equal(seen.heard.ptr, heard[moment]);
        assert_int_equal(seen.dones + seen.fails, 0);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(the_head_asks_for_lines),
        T(a_conversation_keeps_its_roles),
        T(messages_keep_calls_and_attachments),
        T(params_have_their_names_there),
        T(what_cannot_be_said_is_refused),
        T(the_stream_may_be_cut_at_every_byte),
        T(every_line_is_read),
        T(every_failure_has_its_name),
        T(usage_is_what_the_provider_told),
        T(what_a_provider_can_send_is_bounded),
        T(cancel_in_every_hook_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
