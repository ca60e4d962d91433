/* What is asked in OpenAI's format, by a scripted provider that keeps it. */
#include "base/mem.h"
#include "llm/openai_frames.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_sent(const struct llm_request *request, const char *wanted)
{
    calls_assert_sent(request, HEAD TEXT("x") FINISH("stop") DONE, wanted);
}

#define ASKED "\"stream\":true,\"stream_options\":{\"include_usage\":true}"

static void the_request_holds_messages_and_params(void **state)
{
    (void)state;
    static const struct llm_message messages[] = {
        {.role = "user", .content = {"a \"b\"\n\xf0\x9f\x98\x80", 10}},
        {.role = "assistant", .tool_calls = {"[{\"id\":\"c1\"}]", 13}},
        {.role = "tool", .content = {"42", 2}, .tool_call_id = {"c1", 2}},
        {.role = "assistant", .content = {"", 0}},
    };
    const struct llm_request request = {
        .messages = messages,
        .message_count = 4,
        .system = SPAN_LIT("be brief"),
        .params = SPAN_LIT("{\"temperature\": 0.10, "
                           "\"max_tokens\":9007199254740993,\"stop\":[\"a\",\"b\"],\"extra\":{}}"),
        .generation = "gen_1"};
    assert_sent(&request,
                "{\"model\":\"gpt-x\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
                "{\"role\":\"user\",\"content\":\"a \\\"b\\\"\\n\xf0\x9f\x98\x80\"},"
                "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\"}]},"
                "{\"role\":\"tool\",\"content\":\"42\",\"tool_call_id\":\"c1\"},{\"role\":"
                "\"assistant\",\"content\":\"\"}]," ASKED
                ",\"temperature\":0.10,\"max_tokens\":9007199254740993,\"stop\":[\"a\",\"b\"]}");
    const char *head = server->request.ptr;
    assert_true(span_starts_with(span_of(head), "POST /chat/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer sk-canary-key\r\n"));
    assert_non_null(strstr(head, "\r\nX-Request-Id: gen_1\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(head, "\r\nAccept: text/event-stream\r\n"));
}

static void raw_messages_go_out_as_they_came(void **state)
{
    (void)state;
    struct llm_request request = {
        .raw_messages =
            SPAN_LIT("[ {\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"1.0\"}]} , "
                     "{\"role\":\"user\",\"content\":\"b\"} ]"),
        .generation = "g"};
    assert_sent(&request, "{\"model\":\"gpt-x\",\"messages\":[{\"role\":\"user\",\"content\":[{"
                          "\"type\":\"text\",\"text\":\"1.0\"}]},"
                          "{\"role\":\"user\",\"content\":\"b\"}]," ASKED "}");
    request.system = SPAN_LIT("s");
    request.raw_messages = SPAN_LIT("[]");
    assert_sent(&request,
                "{\"model\":\"gpt-x\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]," ASKED
                "}");
}

static void attachments_become_parts_before_the_text(void **state)
{
    (void)state;
    const struct llm_message messages[] = {
        {.role = "user",
         .content = SPAN_LIT("what is this?"),
         .attachments =
             Q("[{'type':'image','media_type':'image/png','data':'iVBO'},"
               "{'type':'image','media_type':'image/png','url':'https://h/x.png'},"
               "{'type':'text','media_type':'text/plain','name':'a.txt','data':'aGk='}]")},
        {.role = "user", .content = SPAN_LIT("b"), .attachments = SPAN_LIT("[]")},
    };
    assert_sent(
        &(struct llm_request){.messages = messages, .message_count = 2, .generation = "g"},
        "{'model':'gpt-x','messages':[{'role':'user','content':[{'type':'image_url','image_url':{"
        "'url':'data:image/png;base64,iVBO'}},{'type':'image_url','image_url':{'url':'https://h/"
        "x.png'}},{'type':'text','text':'a.txt:\\nhi'},{'type':'text','text':'what is this?'}]},"
        "{'role':'user','content':'b'}]," ASKED "}");
    struct llm_request raw = {
        .raw_messages = Q("[{'role':'user','content':'a'},{'content':'b','role':'\\u0075ser'},"
                          "{'role':'assistant','content':'c'}]"),
        .raw_attachments = Q("[{'type':'image','media_type':'image/png','data':'iVBO'}]"),
        .generation = "g"};
    assert_sent(&raw, "{'model':'gpt-x','messages':[{'role':'user','content':'a'},{'content':[{"
                      "'type':'image_url','image_url':{'url':'data:image/png;base64,iVBO'}},{"
                      "'type':'text','text':'b'}],'role':'\\u0075ser'},"
                      "{'role':'assistant','content':'c'}]," ASKED "}");
    raw.raw_messages = Q("[{'role':'user','content':[{'type':'text','text':'b'}]}]");
    assert_sent(&raw, "{'model':'gpt-x','messages':[{'role':'user','content':[{'type':'image_url',"
                      "'image_url':{'url':'data:image/png;base64,iVBO'}},{'type':'text','text':'b'"
                      "}]}]," ASKED "}");
    raw.raw_messages = Q("[{'role':'user','content':''}]");
    assert_sent(&raw, "{'model':'gpt-x','messages':[{'role':'user','content':[{'type':'image_url',"
                      "'image_url':{'url':'data:image/png;base64,iVBO'}}]}]," ASKED "}");
    const struct llm_message film = {
        .role = "user", .content = SPAN_LIT("a"), .attachments = Q("[{'type':'film'}]")};
    calls_assert_refused(
        &(struct llm_request){.messages = &film, .message_count = 1, .generation = "g"},
        "neither an image nor a text");
}

static void a_prefill_is_a_last_message_of_the_assistant(void **state)
{
    (void)state;
    assert_sent(&(struct llm_request){.raw_messages = Q("[{'role':'user','content':'a'}]"),
                                      .prefill = SPAN_LIT("It is "),
                                      .generation = "g"},
                "{'model':'gpt-x','messages':[{'role':'user','content':'a'},{'role':'assistant',"
                "'content':'It is '}]," ASKED "}");
}

/* There is no place for it in this format. */
static void reasoning_is_left_out(void **state)
{
    (void)state;
    assert_sent(
        &(struct llm_request){
            .raw_messages =
                Q("[{'role':'assistant','content':[{'type':'reasoning','text':'a','signature':'s'},"
                  "{'type':'text','text':'b'},{'type':'r\\u0065asoning','text':''},"
                  "{'type':'text','text':'c'}]},"
                  "{'role':'assistant','content':[{'type':'reasoning','text':'a'}],'tool_calls':[{"
                  "'id':'c'}]}]"),
            .generation = "g"},
        "{'model':'gpt-x','messages':[{'role':'assistant','content':[{'type':'text','text':'b'},"
        "{'type':'text','text':'c'}]},{'role':'assistant','content':null,'tool_calls':[{'id':'c'}]}"
        "]," ASKED "}");
}

static void extra_wins_over_params_and_never_over_us(void **state)
{
    (void)state;
    const struct llm_request request = {
        .raw_messages = SPAN_LIT("[]"),
        .params = SPAN_LIT("{\"top_p\":1,\"seed\":2,\"extra\":{\"seed\":3,\"stream\":false,"
                           "\"model\":\"y\",\"messages\":1,\"stream_options\":{},"
                           "\"top_k\":{\"a\":[1.50]}}}"),
        .generation = "g"};
    assert_sent(&request, "{\"model\":\"gpt-x\",\"messages\":[]," ASKED
                          ",\"top_p\":1,\"seed\":3,\"top_k\":{\"a\":[1.50]}}");
}

/* A name is what it stands for, however it is spelled. */
static void escapes_hide_no_name(void **state)
{
    (void)state;
    const struct llm_request request = {
        .raw_messages = SPAN_LIT("[]"),
        .params = SPAN_LIT("{\"s\\u0065ed\":2,\"\\u0065xtra\":{\"seed\":3,\"\\u006dodel\":\"y\","
                           "\"stre\\u0061m\":false,\"message\\u0053\":1}}"),
        .generation = "g"};
    assert_sent(&request,
                "{\"model\":\"gpt-x\",\"messages\":[]," ASKED ",\"seed\":3,\"message\\u0053\":1}");
}

static void without_a_key_nothing_is_authorized(void **state)
{
    (void)state;
    char *url = mem_printf("%s/v1//", server->url);
    seen.model.key = "";
    seen.model.base_url = url;
    calls_play_body(HEAD, TEXT("x") FINISH("stop") DONE);
    assert_int_equal(seen.dones, 1);
    assert_null(strstr(server->request.ptr, "Authorization"));
    assert_true(
        span_starts_with(buf_as_span(&server->request), "POST /v1/chat/completions HTTP/1.1\r\n"));
    mem_free(url);
}

static void unusable_calls_are_refused_at_once(void **state)
{
    (void)state;
    const struct llm_request request = {.raw_messages = SPAN_LIT("[]"), .generation = "g"};
    struct err err;
    seen.model.format = "morse";
    assert_int_equal(calls_start(&request, &err), -ERR_NOT_SUPPORTED);
    assert_false(llm_format_is_known("morse"));
    assert_true(llm_format_is_known("openai"));
    seen.model.format = "openai";
    seen.model.base_url = "ftp://x";
    assert_int_equal(calls_start(&request, &err), -ERR_BAD_REQUEST);
    seen.model.base_url = server->url;
    seen.model.key = "a\r\nb";
    assert_int_equal(calls_start(&request, &err), -ERR_BAD_REQUEST);
    llm_cancel(NULL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, calls_set_up, calls_tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(the_request_holds_messages_and_params),
        T(raw_messages_go_out_as_they_came),
        T(attachments_become_parts_before_the_text),
        T(a_prefill_is_a_last_message_of_the_assistant),
        T(reasoning_is_left_out),
        T(extra_wins_over_params_and_never_over_us),
        T(escapes_hide_no_name),
        T(without_a_key_nothing_is_authorized),
        T(unusable_calls_are_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
