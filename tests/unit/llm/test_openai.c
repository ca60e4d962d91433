/* Calls in OpenAI's format against a scripted provider: the request, and the stream cut at every
 * byte. */
#include "base/mem.h"
#include "llm/openai_frames.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The request. */

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

/* The stream. */

static const char whole_stream[] = ": hello\n\n" CHUNK("{\"role\":\"assistant\",\"content\":\"\"}")
    CHUNK("{\"reasoning_content\":\"hm\"}") TEXT("A\\u00e4\xf0\x9f\x98\x80") CHUNK(
        "{\"content\":\"b\",\"refusal\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
        "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
        CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}},{"
              "\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"1\"}}]}")
            CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]}") FINISH(
                "tool_calls") "data: "
                              "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_"
                              "tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3},"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\n" DONE;
static const char whole_heard[] = "R0:hm|D1:A\xc3\xa4\xf0\x9f\x98\x80|D1:b|t2:c1:f:|t2:c1::{\"a\":|"
                                  "t3:c2:g:1|t2:c1::1}|T2:c1:f:{\"a\":1}|T3:c2:g:1|";

static void assert_whole(void)
{
    if (seen.fails > 0)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_int_equal(seen.dones, 1);
    assert_string_equal(seen.heard.ptr, whole_heard);
    assert_string_equal(seen.finish_reason, "tool_calls");
    assert_int_equal(seen.usage.input, 12);
    assert_int_equal(seen.usage.output, 5);
    assert_int_equal(seen.usage.cached, 3);
    assert_int_equal(seen.usage.reasoning, 1);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_true(seen.usage.is_settled);
}

static void the_stream_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD), {STEP_SPLIT, whole_stream, 0, 0}, CLOSE};
    for (size_t split = 1; split < sizeof(whole_stream) - 1; split++) {
        server->split = split;
        calls_play(script);
        assert_whole();
    }
}

static void lines_may_end_in_any_way(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (size_t kind = 0; kind < 4; kind++) {
        struct buf body;
        size_t line = 0;
        buf_init(&body, 64 * 1024);
        for (const char *c = whole_stream; *c != '\0'; c++) /* the fourth round mixes them */
            assert_int_equal(*c == '\n' ? buf_text(&body, ends[kind < 3 ? kind : line++ % 2])
                                        : buf_byte(&body, *c),
                             0);
        calls_play_body(HEAD, body.ptr);
        assert_whole();
        buf_release(&body);
    }
}

static void a_chunked_answer_keeps_its_connection(void **state)
{
    (void)state;
    char *bytes = mem_printf("%s%zx\r\n%s\r\n0\r\n\r\n", HEAD_CHUNKED, sizeof(whole_stream) - 1,
                             whole_stream);
    const struct step script[] = {SEND(bytes), {0}};
    for (int i = 0; i < 3; i++) {
        calls_play(script);
        assert_whole();
    }
    assert_int_equal(server->accepted, 1);
    mem_free(bytes);
}

static void every_shape_of_chunk_is_read(void **state)
{
    (void)state;
    static const struct reading_case readings[] = {
        {"no text at all", FINISH("stop") DONE, "", "stop"},
        {"empty and null deltas",
         TEXT("") CHUNK("{\"content\":null}") CHUNK("{}") TEXT("x") FINISH("length") DONE, "D0:x|",
         "length"},
        {"the reason in the chunk with the text",
         "data: "
         "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}"
         "\n\n" DONE,
         "D0:x|", "stop"},
        {"[DONE] with something behind it",
         TEXT("x") FINISH("stop") "data: [DONE] bye\n\n" TEXT("late"), "D0:x|", "stop"},
        {"no space after the colon",
         "data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n" FINISH(
             "stop") "data:[DONE]\n\n",
         "D0:x|", "stop"},
        {"named events, ids, retry", "event: x\nid: 1\nretry: 5\n" TEXT("x") FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"several data lines",
         "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}]}\n\n" FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"reasoning by its other name",
         CHUNK("{\"reasoning\":\"r\"}") TEXT("x") FINISH("stop") DONE, "R0:r|D1:x|", "stop"},
        {"a refusal",
         CHUNK("{\"refusal\":\"no\"}") CHUNK("{\"refusal\":\"pe\"}") FINISH("content_filter") DONE,
         "F0:no|F0:pe|", "content_filter"},
        {"text, reasoning, text: one part each",
         TEXT("a") CHUNK("{\"reasoning\":\"r\"}") TEXT("b") FINISH("stop") DONE, "D0:a|R1:r|D0:b|",
         "stop"},
        {"a second choice",
         "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]}\n\n" TEXT("x")
             FINISH("stop") DONE,
         "D0:x|", "stop"},
        {"error: null",
         "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n" FINISH("stop")
             DONE,
         "D0:x|", "stop"},
        {"reasons of others", TEXT("x") FINISH("max_tokens") DONE, "D0:x|", "length"},
        {"an old reason", TEXT("x") FINISH("function_call") DONE, "D0:x|", "tool_calls"},
        {"an unheard reason", TEXT("x") FINISH("eos") DONE, "D0:x|", "stop"},
        {"calls that all say index 0",
         CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"1\"}}]}")
             CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\","
                   "\"arguments\":\"2\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:1|t1:b:g:2|T0:a:f:1|T1:b:g:2|", "tool_calls"},
        {"calls without an index",
         CHUNK("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},{"
               "\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:|t1:b:g:|T0:a:f:|T1:b:g:|", "tool_calls"},
        {"a name said twice, arguments that are no JSON",
         CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"{\"}}]}")
             CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
                   "\"arguments\":\"x\"}}]}") FINISH("tool_calls") DONE,
         "t0:a:f:{|t0:a::x|T0:a:f:{x|", "tool_calls"},
        {"delta of another type",
         "data: {\"choices\":[{\"delta\":[1]},7]}\n\ndata: {\"choices\":7}\n\n" TEXT("x")
             FINISH("stop") DONE,
         "D0:x|", "stop"},
    };
    calls_assert_readings(HEAD, readings, sizeof(readings) / sizeof(readings[0]));
}

static void a_call_without_an_id_gets_one(void **state)
{
    (void)state;
    calls_play_body(
        HEAD,
        CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}")
            FINISH("tool_calls") DONE);
    assert_int_equal(seen.dones, 1);
    assert_true(span_starts_with(buf_as_span(&seen.heard), "t0:call_"));
    const char *whole = strstr(seen.heard.ptr, "|T0:");
    assert_non_null(whole);
    assert_memory_equal(seen.heard.ptr + 3, whole + 4, 31); /* the same id */
}

static void usage_is_what_the_provider_told(void **state)
{
    (void)state;
    calls_play_body(HEAD, TEXT("x") FINISH("stop") DONE);
    assert_int_equal(seen.usage.source, USAGE_UNKNOWN);
    assert_int_equal(seen.usage.input, -1);
    assert_int_equal(seen.usage.output, -1);
    assert_false(seen.usage.is_settled);
    calls_play_body(HEAD, TEXT("x") FINISH(
                              "stop") "data: "
                                      "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_"
                                      "tokens\":-1,\"prompt_tokens_details\":null}}\n\n" DONE);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.usage.input, 7);
    assert_int_equal(seen.usage.output, -1);
    assert_int_equal(seen.usage.cached, -1);
    assert_true(seen.usage.is_settled);
    /* a running count, broken off: known, not settled */
    calls_play_body(HEAD,
                    "data: "
                    "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7,"
                    "\"completion_tokens\":1}}\n\n");
    assert_int_equal(seen.fails, 1);
    assert_int_equal(seen.failure.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.failure.usage.output, 1);
    assert_false(seen.failure.usage.is_settled);
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
        T(the_stream_may_be_cut_at_every_byte),
        T(lines_may_end_in_any_way),
        T(a_chunked_answer_keeps_its_connection),
        T(every_shape_of_chunk_is_read),
        T(a_call_without_an_id_gets_one),
        T(usage_is_what_the_provider_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
