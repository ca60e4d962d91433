/* The request in Anthropic's format: the conversation as blocks, the params by their names there.
 */
#include "llm/calls.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANSWER                                                                                     \
    HEAD "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"         \
         "data: {\"type\":\"message_stop\"}\n\n"

static int set_up(void **state)
{
    int result = calls_set_up(state);
    seen.model.format = "anthropic";
    return result;
}

static void assert_sent(const struct llm_request *request, const char *wanted)
{
    calls_assert_sent(request, ANSWER, wanted);
}

/* Of a request with these raw messages: what `messages` (and `system`) become. */
struct written {
    const char *name, *messages, *wanted;
};

static void assert_written(const struct written *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_sent(
            &(struct llm_request){.raw_messages = Q(cases[i].messages), .generation = "gen_1"},
            cases[i].wanted);
    }
}

static void the_head_names_the_version_and_the_key(void **state)
{
    (void)state;
    static const struct llm_message hello = {.role = "user", .content = {"hi", 2}};
    assert_sent(
        &(struct llm_request){.messages = &hello, .message_count = 1, .generation = "gen_1"},
        "{'model':'gpt-x','stream':true,'messages':[{'role':'user','content':[{'type':'text',"
        "'text':'hi'}]}],'max_tokens':4096}");
    const char *head = server->request.ptr;
    assert_true(span_starts_with(span_of(head), "POST /v1/messages HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nx-api-key: sk-canary-key\r\n"));
    assert_non_null(strstr(head, "\r\nanthropic-version: 2023-06-01\r\n"));
    assert_non_null(strstr(head, "\r\nX-Request-Id: gen_1\r\n"));
    assert_non_null(strstr(head, "\r\nAccept: text/event-stream\r\n"));
    assert_null(strstr(head, "Authorization"));
}

#define TAIL              ",'max_tokens':4096}"
#define BEGIN             "{'model':'gpt-x','stream':true,"
#define TEXT(text)        "{'type':'text','text':'" text "'}"
#define USER(blocks)      "{'role':'user','content':[" blocks "]}"
#define ASSISTANT(blocks) "{'role':'assistant','content':[" blocks "]}"

static void a_conversation_becomes_blocks(void **state)
{
    (void)state;
    static const struct written cases[] = {
        {"text and parts",
         "[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}]",
         BEGIN "'messages':[" USER(TEXT("a") "," TEXT("b")) "]" TAIL},
        {"system, wherever it stands",
         "[{'role':'system','content':'s'},{'role':'user','content':'a'},"
         "{'role':'developer','content':[{'type':'text','text':'t'}]}]",
         BEGIN "'system':'s\\n\\nt','messages':[" USER(TEXT("a")) "]" TAIL},
        {"one message for each role in a row",
         "[{'role':'user','content':'a'},{'role':'user','content':'b'},"
         "{'role':'assistant','content':'c'},{'role':'assistant','content':''},"
         "{'role':'user','content':'d'}]",
         BEGIN "'messages':[" USER(TEXT("a") "," TEXT("b")) "," ASSISTANT(TEXT("c")) "," USER(
             TEXT("d")) "]" TAIL},
        {"empty text is no block",
         "[{'role':'user','content':'a'},{'role':'assistant','content':''},"
         "{'role':'user','content':[{'type':'text','text':''}]}]",
         BEGIN "'messages':[" USER(TEXT("a")) "]" TAIL},
        {"the end of an assistant's text is trimmed, and only there",
         "[{'role':'assistant','content':'a '},{'role':'user','content':'b '},"
         "{'role':'assistant','content':[{'type':'text','text':'c '},{'type':'text','text':' "
         "\\n'}]}]",
         BEGIN "'messages':[" ASSISTANT(TEXT("a ")) "," USER(TEXT("b ")) "," ASSISTANT(
             TEXT("c")) "]" TAIL},
        {"calls and what answers them",
         "[{'role':'user','content':'a'},{'role':'assistant','content':null,'tool_calls':[{'id':'"
         "c1','type':'function','function':{'name':'f','arguments':'{\\'n\\':1.50}'}},"
         "{'id':'c2','type':'function','function':{'name':'g','arguments':''}},"
         "{'id':'c3','type':'function','function':{'name':'g','arguments':'oh'}}]},"
         "{'role':'tool','tool_call_id':'c1','content':'42'},"
         "{'role':'tool','tool_call_id':'c2','content':''},{'role':'user','content':'go on'}]",
         BEGIN "'messages':[" USER(TEXT("a")) "," ASSISTANT(
             "{'type':'tool_use','id':'c1','name':'f','input':{'n':1.50}},"
             "{'type':'tool_use','id':'c2','name':'g','input':{}},"
             "{'type':'tool_use','id':'c3','name':'g','input':{'arguments':'oh'"
             "}}") "," USER("{'type':'tool_result','tool_use_id':'c1','content'"
                            ":[" TEXT("42") "]},"
                                            "{'type':'tool_result','tool_use_"
                                            "id':'c2'}," TEXT("go on")) "]" TAIL},
        {"images by data and by URL",
         "[{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image/"
         "png;base64,iVBO'}},"
         "{'type':'image_url','image_url':{'url':'https://h/"
         "x.png','detail':'low'}},{'type':'image_url','image_url':{'url':'data:image\\/"
         "gif;x=y;base64,QQ=='}}]}]",
         BEGIN
         "'messages':[" USER("{'type':'image','source':{'type':'base64','media_type':'image/"
                             "png','data':'iVBO'}},"
                             "{'type':'image','source':{'type':'url','url':'https://h/x.png'}},"
                             "{'type':'image','source':{'type':'base64','media_type':'image/"
                             "gif','data':'QQ=='}}") "]" TAIL},
        {"reasoning that was signed goes back, other does not",
         "[{'role':'user','content':'a'},{'role':'assistant','content':[{'type':'reasoning','text':"
         "'hm','signature':'sig'},{'type':'reasoning','text':'no'},"
         "{'type':'reasoning','text':'','signature':'blob'},{'type':'text','text':'b'}]},"
         "{'role':'user','content':[{'type':'reasoning','text':'x','signature':'y'},{'type':'text',"
         "'text':'c'}]}]",
         BEGIN "'messages':[" USER(TEXT("a")) "," ASSISTANT(
             "{'type':'thinking','thinking':'hm','signature':'sig'},"
             "{'type':'redacted_thinking','data':'blob'}," TEXT("b")) "," USER(TEXT("c")) "]" TAIL},
    };
    assert_written(cases, sizeof(cases) / sizeof(cases[0]));
}

static void attachments_stand_before_the_text(void **state)
{
    (void)state;
    const struct llm_message message = {
        .role = "user",
        .content = SPAN_LIT("what is this?"),
        .attachments = Q("[{'type':'image','media_type':'image/png','data':'iVBO'},"
                         "{'type':'image','media_type':'image/png','url':'https://h/x.png'},"
                         "{'type':'text','media_type':'text/plain','name':'a.txt','data':'aMOk'},"
                         "{'type':'text','media_type':'text/plain','data':'aGk='}]")};
    assert_sent(
        &(struct llm_request){
            .messages = &message, .message_count = 1, .system = SPAN_LIT("s"), .generation = "g"},
        BEGIN "'system':'s','messages':[" USER(
            "{'type':'image','source':{'type':'base64','media_type':'"
            "image/png','data':'iVBO'}},"
            "{'type':'image','source':{'type':'url','url':'https://h/"
            "x.png'}}," TEXT("a.txt:\\nh\xc3\xa4") "," TEXT("attachment:\\nhi") "," TEXT(
                "what is this?")) "]" TAIL);
}

static void a_messages_reasoning_stands_before_its_calls(void **state)
{
    (void)state;
    const struct llm_message messages[] = {
        {.role = "user", .content = SPAN_LIT("a")},
        {.role = "assistant",
         .content = SPAN_LIT("b"),
         .reasoning = Q("[{'type':'reasoning','text':'hm','signature':'sig'},"
                        "{'type':'reasoning','text':'unsigned'}]"),
         .tool_calls = Q("[{'id':'c','function':{'name':'f','arguments':''}}]")},
        {.role = "tool", .content = SPAN_LIT("1"), .tool_call_id = SPAN_LIT("c")},
    };
    assert_sent(&(struct llm_request){.messages = messages, .message_count = 3, .generation = "g"},
                BEGIN "'messages':[" USER(TEXT("a")) "," ASSISTANT(
                    "{'type':'thinking','thinking':'hm','signature':'sig'}"
                    "," TEXT("b") ","
                                  "{'type':'tool_use','id':'c','name':'f',"
                                  "'input':{}}") "," USER("{'type':'tool_"
                                                          "result','tool_"
                                                          "use_id':'c','"
                                                          "content':"
                                                          "[" TEXT("1") "]"
                                                                        "}") "]" TAIL);
}

static void what_is_attached_comes_with_the_last_of_the_user(void **state)
{
    (void)state;
    assert_sent(
        &(struct llm_request){
            .raw_messages = Q("[{'role':'user','content':'a'},{'role':'assistant','content':'b'},"
                              "{'role':'user','content':'c'},{'role':'assistant','content':'d'}]"),
            .raw_attachments = Q("[{'type':'image','media_type':'image/png','data':'iVBO'}]"),
            .generation = "g"},
        BEGIN "'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(
            "{'type':'image','source':{'type':'base64','media_type':'image/"
            "png','data':'iVBO'}}," TEXT("c")) "," ASSISTANT(TEXT("d")) "]" TAIL);
}

static void a_prefill_is_what_the_assistant_said_last(void **state)
{
    (void)state;
    static const struct llm_message hello = {.role = "user", .content = {"a", 1}};
    struct llm_request request = {.messages = &hello,
                                  .message_count = 1,
                                  .params = Q("{'reasoning_effort':'high'}"),
                                  .prefill = SPAN_LIT("It is \n"),
                                  .generation = "g"};
    assert_sent(&request,
                BEGIN "'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("It is")) "]" TAIL);
    request.prefill = SPAN_LIT(" \n");
    assert_sent(&request, BEGIN "'messages':[" USER(TEXT("a")) "]" TAIL);
}

/* What params become, behind the messages. */
struct translated {
    const char *params, *wanted;
};

static void params_have_their_names_there(void **state)
{
    (void)state;
    static const struct translated cases[] = {
        {"{}", "'max_tokens':4096"},
        {"{'max_tokens':7,'temperature':0.50,'top_p':0.9,'seed':3}",
         "'max_tokens':7,'temperature':0.50,'top_p':0.9"},
        {"{'temperature':1.7}", "'max_tokens':4096,'temperature':1"},
        {"{'stop':'x'}", "'max_tokens':4096,'stop_sequences':['x']"},
        {"{'stop':['x','y']}", "'max_tokens':4096,'stop_sequences':['x','y']"},
        {"{'stop':[]}", "'max_tokens':4096"},
        {"{'tools':[{'type':'function','function':{'name':'f','description':'d','parameters':{"
         "'type':'object','properties':{}}}},"
         "{'type':'function','function':{'name':'g','strict':true}},"
         "{'type':'web_search_1','name':'w'}]}",
         "'max_tokens':4096,'tools':[{'name':'f','description':'d','input_schema':{'type':'object',"
         "'properties':{}}},{'name':'g','input_schema':{'type':'object'},'strict':true},"
         "{'type':'web_search_1','name':'w'}]"},
        {"{'tools':[],'tool_choice':'auto'}", "'max_tokens':4096"},
        {"{'tools':[{'name':'t'}],'tool_choice':'auto'}",
         "'max_tokens':4096,'tools':[{'name':'t'}],'tool_choice':{'type':'auto'}"},
        {"{'tools':[{'name':'t'}],'tool_choice':'none'}",
         "'max_tokens':4096,'tools':[{'name':'t'}],'tool_choice':{'type':'none'}"},
        {"{'tools':[{'name':'t'}],'tool_choice':'required','reasoning_effort':'high'}",
         "'max_tokens':4096,'tools':[{'name':'t'}],'tool_choice':{'type':'any'}"},
        {"{'tools':[{'name':'t'}],'tool_choice':{'type':'function','function':{'name':'t'}}}",
         "'max_tokens':4096,'tools':[{'name':'t'}],'tool_choice':{'type':'tool','name':'t'}"},
        {"{'tools':[{'name':'t'}],'tool_choice':{'type':'any'}}",
         "'max_tokens':4096,'tools':[{'name':'t'}],'tool_choice':{'type':'any'}"},
        {"{'response_format':{'type':'text'}}", "'max_tokens':4096"},
        {"{'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'a':1.0}}}}",
         "'max_tokens':4096,'output_config':{'format':{'type':'json_schema','schema':{'a':1.0}}}"},
        /* thinking */
        {"{'reasoning_effort':'medium','temperature':0.3,'top_p':0.5}",
         "'max_tokens':12288,'thinking':{'type':'enabled','budget_tokens':8192}"},
        {"{'reasoning_effort':'low','max_tokens':3000}",
         "'max_tokens':3000,'thinking':{'type':'enabled','budget_tokens':1500}"},
        {"{'reasoning_effort':'xhigh','max_tokens':2000,'temperature':0.3}",
         "'max_tokens':2000,'temperature':0.3"},
        {"{'reasoning_effort':'none'}", "'max_tokens':4096"},
        {"{'reasoning_effort':'minimal'}", "'max_tokens':4096"},
        {"{'reasoning_effort':'some'}",
         "'max_tokens':12288,'thinking':{'type':'enabled','budget_tokens':8192}"},
        {"{'reasoning_effort':'low','max_tokens':1e5}",
         "'max_tokens':1e5,'thinking':{'type':'enabled','budget_tokens':2048}"},
        /* extra */
        {"{'temperature':0.5,'max_tokens':9,'extra':{'max_tokens':8000,'top_k':5,'model':'y',"
         "'system':'z','str\\u0065am':false,'messages':[],'metadata':{'user_id':'u'}}}",
         "'temperature':0.5,'max_tokens':8000,'top_k':5,'metadata':{'user_id':'u'}"},
        {"{'reasoning_effort':'high','extra':{'max_tokens':5000,'thinking':{'type':'adaptive'}}}",
         "'max_tokens':5000,'thinking':{'type':'adaptive'}"},
        {"{'tool_choice':'auto','extra':{'tools':[{'name':'t'}]}}",
         "'max_tokens':4096,'tool_choice':{'type':'auto'},'tools':[{'name':'t'}]"},
    };
    static const struct llm_message hello = {.role = "user", .content = {"a", 1}};
    char wanted[1024];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(wanted, sizeof(wanted), BEGIN "'messages':[" USER(TEXT("a")) "],%s}",
                       cases[i].wanted);
        assert_sent(&(struct llm_request){.messages = &hello,
                                          .message_count = 1,
                                          .params = Q(cases[i].params),
                                          .generation = "g"},
                    wanted);
    }
}

/* Thinking that was on before a round of tools goes on only with its signed reasoning. */
static void a_round_of_tools_thinks_only_with_its_reasoning(void **state)
{
    (void)state;
    static const char with[] =
        "[{'role':'assistant','content':[{'type':'reasoning','text':'hm','signature':'s'}],"
        "'tool_calls':[{'id':'c','function':{'name':'f','arguments':'{}'}}]},"
        "{'role':'tool','tool_call_id':'c','content':'1'}]";
    static const char without[] =
        "[{'role':'assistant','content':'b',"
        "'tool_calls':[{'id':'c','function':{'name':'f','arguments':'{}'}}]},"
        "{'role':'tool','tool_call_id':'c','content':'1'}]";
    struct llm_request request = {.params = Q("{'reasoning_effort':'low'}"), .generation = "g"};
    request.raw_messages = Q(with);
    calls_assert_sent(
        &request, ANSWER,
        BEGIN "'messages':[" ASSISTANT(
            "{'type':'thinking','thinking':'hm','signature':'s'},"
            "{'type':'tool_use','id':'c','name':'f','input':{}}") "," USER("{'type':'tool_result','"
                                                                           "tool_use_id':'c','"
                                                                           "content':[" TEXT(
                                                                               "1") "]}") "],'max_"
                                                                                          "tokens':"
                                                                                          "6144,'"
                                                                                          "thinking"
                                                                                          "':{'"
                                                                                          "type':'"
                                                                                          "enabled'"
                                                                                          ",'"
                                                                                          "budget_"
                                                                                          "tokens':"
                                                                                          "2048}}");
    request.raw_messages = Q(without);
    calls_assert_sent(&request, ANSWER,
                      BEGIN "'messages':[" ASSISTANT(
                          TEXT("b") ",{'type':'tool_use','id':'c','name':'f','input':{"
                                    "}}") "," USER("{'type':'tool_result','tool_use_id':'c','"
                                                   "content':[" TEXT("1") "]}") "]" TAIL);
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *messages, *attachments, *params, *says;
    } cases[] = {
        {NULL, NULL, "{'response_format':{'type':'json_object'}}", "json_schema only"},
        {NULL, NULL, "{'response_format':{'type':'json_schema'}}", "json_schema only"},
        {NULL, NULL, "{'tools':[{'name':'t'}],'tool_choice':'maybe'}", "no tool_choice \"maybe\""},
        {NULL, "[{'type':'text','media_type':'text/plain','url':'https://h/a'}]", "{}",
         "by its url"},
        {NULL, "[{'type':'text','media_type':'text/plain','data':'?'}]", "{}", "no Base64"},
        {NULL, "[{'type':'image','data':'iVBO'}]", "{}", "no media_type"},
        {NULL, "[{'type':'image','media_type':'image/png'}]", "{}", "neither data nor url"},
        {NULL, "[{'type':'film','url':'https://h/a'}]", "{}", "neither an image nor a text"},
        {"[{'role':'user','content':[{'type':'input_audio'}]}]", NULL, "{}", "\"input_audio\""},
        {"[{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image/"
         "png,abc'}}]}]",
         NULL, "{}", "base64"},
        {"[{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:;base64,abc'}}]}"
         "]",
         NULL, "{}", "base64"},
        {"[{'role':'user','content':[{'type':'image_url','image_url':{}}]}]", NULL, "{}",
         "image_url"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct llm_message message = {
            .role = "user",
            .content = SPAN_LIT("a"),
            .attachments = cases[i].attachments == NULL ? SPAN_NONE : Q(cases[i].attachments)};
        calls_assert_refused(&(struct llm_request){.messages = &message,
                                                   .message_count = 1,
                                                   .raw_messages = cases[i].messages == NULL
                                                                       ? SPAN_NONE
                                                                       : Q(cases[i].messages),
                                                   .params = Q(cases[i].params),
                                                   .generation = "g"},
                             cases[i].says);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(the_head_names_the_version_and_the_key),
        T(a_conversation_becomes_blocks),
        T(attachments_stand_before_the_text),
        T(a_messages_reasoning_stands_before_its_calls),
        T(what_is_attached_comes_with_the_last_of_the_user),
        T(a_prefill_is_what_the_assistant_said_last),
        T(params_have_their_names_there),
        T(a_round_of_tools_thinks_only_with_its_reasoning),
        T(what_cannot_be_said_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
