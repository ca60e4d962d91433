/* The stream of Anthropic's Messages: every event, cut at every byte; what breaks it off; usage. */
#include "base/mem.h"
#include "llm/calls.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* In frames stands ' for ". */
#define EVENT(name, members) "event: " name "\ndata: {'type':'" name "'" members "}\n\n"
#define START                                                                                      \
    EVENT("message_start",                                                                         \
          ",'message':{'id':'m','type':'message','role':'assistant','content':[],'model':'c',"     \
          "'usage':{'input_tokens':12,'cache_read_input_tokens':3,'cache_creation_input_tokens':"  \
          "2,'output_tokens':1}}")
#define BEGIN(index, block)                                                                        \
    EVENT("content_block_start", ",'index':" index ",'content_block':" block)
#define DELTA(index, delta) EVENT("content_block_delta", ",'index':" index ",'delta':" delta)
#define END(index)          EVENT("content_block_stop", ",'index':" index)
#define BEGIN_TEXT(index)   BEGIN(index, "{'type':'text','text':''}")
#define TEXT(index, text)   DELTA(index, "{'type':'text_delta','text':'" text "'}")
#define THINK(index, text)  DELTA(index, "{'type':'thinking_delta','thinking':'" text "'}")
#define SIGN(index, text)   DELTA(index, "{'type':'signature_delta','signature':'" text "'}")
#define ARGUE(index, text)  DELTA(index, "{'type':'input_json_delta','partial_json':'" text "'}")
#define FINISH(reason)                                                                             \
    EVENT("message_delta", ",'delta':{'stop_reason':'" reason "','stop_sequence':null},'usage':{"  \
                           "'output_tokens':9}")
#define STOP EVENT("message_stop", "")
#define PING EVENT("ping", "")
#define A    BEGIN_TEXT("0") TEXT("0", "a")

static int set_up(void **state)
{
    int result = calls_set_up(state);
    seen.model.format = "anthropic";
    return result;
}

static const char whole_stream[] =
    START PING BEGIN("0", "{'type':'thinking','thinking':'','signature':''}") THINK("0", "h")
        THINK("0", "m") SIGN("0", "sig==") END("0") BEGIN_TEXT("1")
            PING TEXT("1", "A\\u00e4\xf0\x9f\x98\x80") TEXT("1", "b") END("1")
                BEGIN("2", "{'type':'tool_use','id':'c1','name':'f','input':{}}") ARGUE("2", "")
                    ARGUE("2", "{\\'a\\':") ARGUE("2", "1.50}") END("2")
                        BEGIN("3", "{'type':'tool_use','id':'c2','name':'g','input':{}}") END("3")
                            FINISH("tool_use") STOP;
static const char whole_heard[] =
    "R0:h|R0:m|R0^sig==|D1:A\xc3\xa4\xf0\x9f\x98\x80|D1:b|t2:c1:f:|t2:c1::{'a':|t2:c1::1.50}|"
    "t3:c2:g:|t3:c2::{}|T2:c1:f:{'a':1.50}|T3:c2:g:{}|";

static void assert_whole(void)
{
    if (seen.fails > 0)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_int_equal(seen.dones, 1);
    assert_string_equal(seen.heard.ptr, quoted(whole_heard));
    assert_string_equal(seen.finish_reason, "tool_calls");
    assert_int_equal(seen.usage.input, 17);
    assert_int_equal(seen.usage.output, 9);
    assert_int_equal(seen.usage.cached, 3);
    assert_int_equal(seen.usage.reasoning, -1);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_true(seen.usage.is_settled);
}

static void the_stream_may_be_cut_at_every_byte(void **state)
{
    (void)state;
    const char *stream = quoted(whole_stream);
    char *copy = mem_strdup(stream);
    const struct step script[] = {SEND(HEAD), {STEP_SPLIT, copy, 0, 0}, CLOSE};
    for (size_t split = 1; split < sizeof(whole_stream) - 1; split++) {
        server->split = split;
        calls_play(script);
        assert_whole();
    }
    mem_free(copy);
}

static void every_event_is_read(void **state)
{
    (void)state;
    static const struct reading_case cases[] = {
        {"no text at all", START FINISH("end_turn") STOP, "", "stop"},
        {"behind the end", START A FINISH("end_turn") STOP TEXT("0", "late"), "D0:a|", "stop"},
        {"without names of events",
         "data: {'type':'content_block_start','index':0,'content_block':{'type':'text','text':''}}"
         "\n\ndata: {'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':"
         "'x'}}\n\ndata: {'type':'message_delta','delta':{'stop_reason':'end_turn'}}\n\n"
         "data: {'type':'message_stop'}\n\n",
         "D0:x|", "stop"},
        {"stop_sequence", START A FINISH("stop_sequence") STOP, "D0:a|", "stop"},
        {"max_tokens", START A FINISH("max_tokens") STOP, "D0:a|", "length"},
        {"a full window", START A FINISH("model_context_window_exceeded") STOP, "D0:a|", "length"},
        {"pause_turn", START A FINISH("pause_turn") STOP, "D0:a|", "stop"},
        {"refusal", START A FINISH("refusal") STOP, "D0:a|", "content_filter"},
        {"a reason to come", START A FINISH("tired") STOP, "D0:a|", "stop"},
        {"text that a block begins with",
         START BEGIN("0", "{'type':'text','text':'a'}") TEXT("0", "b") FINISH("end_turn") STOP,
         "D0:a|D0:b|", "stop"},
        {"text behind text is one part",
         START A END("0") BEGIN_TEXT("1") TEXT("1", "b") FINISH("end_turn") STOP, "D0:a|D0:b|",
         "stop"},
        {"text behind reasoning behind text is another",
         START A END("0") BEGIN("1", "{'type':'thinking','thinking':''}") THINK("1", "h") END("1")
             BEGIN_TEXT("2") TEXT("2", "b") FINISH("end_turn") STOP,
         "D0:a|R1:h|D2:b|", "stop"},
        {"two blocks of reasoning, each signed",
         START BEGIN("0", "{'type':'thinking','thinking':'h'}") SIGN("0", "s") END("0")
             BEGIN("1", "{'type':'thinking','thinking':''}") THINK("1", "i") SIGN("1", "t") END("1")
                 FINISH("end_turn") STOP,
         "R0:h|R0^s|R1:i|R1^t|", "stop"},
        {"reasoning that is kept from us, but for its signature",
         START BEGIN("0", "{'type':'thinking','thinking':''}") SIGN("0", "s") END("0")
             BEGIN_TEXT("1") TEXT("1", "a") FINISH("end_turn") STOP,
         "R0^s|D1:a|", "stop"},
        {"redacted reasoning",
         START BEGIN("0", "{'type':'redacted_thinking','data':'blob'}") END("0") BEGIN_TEXT("1")
             TEXT("1", "a") FINISH("end_turn") STOP,
         "R0^blob|D1:a|", "stop"},
        {"blocks of kinds to come are passed by",
         START BEGIN("0", "{'type':'server_tool_use','id':'s','name':'web_search','input':{}}")
             ARGUE("0", "{") END("0") BEGIN("1", "{'type':'web_search_tool_result','content':[]}")
                 END("1") BEGIN_TEXT("2") TEXT("2", "a")
                     DELTA("2", "{'type':'citations_delta','citation':{}}")
                         DELTA("2", "{'type':'news_delta'}") FINISH("end_turn") STOP,
         "D0:a|", "stop"},
        {"events of kinds to come are passed by",
         START EVENT("news", ",'x':1") A FINISH("end_turn") STOP, "D0:a|", "stop"},
        {"blocks that interleave",
         START BEGIN_TEXT("0") BEGIN("1", "{'type':'tool_use','id':'c','name':'f','input':{}}")
             TEXT("0", "a") ARGUE("1", "{}") TEXT("0", "b") FINISH("tool_use") STOP,
         "t0:c:f:|D1:a|t0:c::{}|D1:b|T0:c:f:{}|", "tool_calls"},
        {"a call that comes whole",
         START BEGIN("0", "{'type':'tool_use','id':'c','name':'f','input':{'n':1.0}}") END("0")
             FINISH("tool_use") STOP,
         "t0:c:f:{'n':1.0}|T0:c:f:{'n':1.0}|", "tool_calls"},
        {"arguments cut short by the limit",
         START BEGIN("0", "{'type':'tool_use','id':'c','name':'f','input':{}}") ARGUE("0", "{\\'n")
             END("0") FINISH("max_tokens") STOP,
         "t0:c:f:|t0:c::{'n|T0:c:f:{'n|", "length"},
        {"a stop_reason of null is none",
         START A EVENT("message_delta", ",'delta':{'stop_reason':null}") FINISH("end_turn") STOP,
         "D0:a|", "stop"},
    };
    calls_assert_readings(HEAD, cases, sizeof(cases) / sizeof(cases[0]));
}

#define ERROR(members) "event: error\ndata: {'type':'error','error':{" members "}}\n\n"

/* No START before them: usage is looked at below. */
static const struct failing_case failings[] = {
    {"400",
     "HTTP/1.1 400 No\r\n\r\n{'type':'error','error':{'type':'invalid_request_error',"
     "'message':'max_tokens: required'}}",
     -ERR_PROVIDER_REFUSED, 400, "400: max_tokens: required", "", -1},
    {"no credit",
     "HTTP/1.1 400 No\r\n\r\n{'type':'error','error':{'type':'invalid_request_error',"
     "'message':'Your credit balance is too low to access the API.'}}",
     -ERR_PROVIDER_REFUSED, 400, "credit balance", "", -1},
    {"401 that repeats the key",
     "HTTP/1.1 401 No\r\n\r\n{'type':'error','error':{'type':'authentication_error','message':"
     "'invalid x-api-key sk-canary-key'}}",
     -ERR_PROVIDER_REFUSED, 401, "x-api-key ***", "", -1},
    {"413", "HTTP/1.1 413 No\r\n\r\n{'type':'error','error':{'type':'request_too_large'}}",
     -ERR_PROVIDER_REFUSED, 413, "413", "", -1},
    {"429",
     "HTTP/1.1 429 No\r\nRetry-After: 7\r\n\r\n{'type':'error','error':{'type':"
     "'rate_limit_error','message':'slow'}}",
     -ERR_PROVIDER_RATE_LIMITED, 429, ": slow", "", 7000},
    {"429 to the millisecond", "HTTP/1.1 429 No\r\nretry-after-ms: 250\r\nRetry-After: 1\r\n\r\n{}",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", 250},
    {"a spend cap",
     "HTTP/1.1 429 No\r\n\r\n{'type':'error','error':{'type':'rate_limit_error','message':"
     "'reached','details':{'error_code':'enforced_spend_limit_reached'}}}",
     -ERR_PROVIDER_REFUSED, 429, ": reached", "", -1},
    {"a spend cap in words",
     "HTTP/1.1 429 No\r\n\r\n{'type':'error','error':{'type':'rate_limit_error','message':"
     "'You have reached your specified API usage limits.'}}",
     -ERR_PROVIDER_REFUSED, 429, "usage limits", "", -1},
    {"529",
     "HTTP/1.1 529 No\r\n\r\n{'type':'error','error':{'type':'overloaded_error',"
     "'message':'Overloaded'}}",
     -ERR_PROVIDER_ERROR, 529, ": Overloaded", "", -1},
    /* the stream */
    {"no events", HEAD, -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "", -1},
    {"without message_stop", HEAD A, -ERR_PROVIDER_TRUNCATED, 200, "without its final frame",
     "D0:a|", -1},
    {"without a stop_reason", HEAD A STOP, -ERR_PROVIDER_TRUNCATED, 200, "without a stop_reason",
     "D0:a|", -1},
    {"an overload", HEAD A ERROR("'type':'overloaded_error','message':'Overloaded'") TEXT("0", "b"),
     -ERR_PROVIDER_ERROR, 200, "broke off: Overloaded", "D0:a|", -1},
    {"an error without a word", HEAD "data: {'type':'error'}\n\n", -ERR_PROVIDER_ERROR, 200,
     "with an error", "", -1},
    {"a rate limit", HEAD ERROR("'type':'rate_limit_error','message':'slow'"),
     -ERR_PROVIDER_RATE_LIMITED, 200, ": slow", "", -1},
    {"an invalid request, told late", HEAD ERROR("'type':'invalid_request_error','message':'no'"),
     -ERR_PROVIDER_REFUSED, 200, ": no", "", -1},
    {"money", HEAD ERROR("'type':'billing_error','message':'pay'"), -ERR_PROVIDER_REFUSED, 200,
     ": pay", "", -1},
    {"an error of what stands between", HEAD A "data: {'error':{'message':'boom','code':502}}\n\n",
     -ERR_PROVIDER_ERROR, 200, ": boom", "D0:a|", -1},
    {"a refusal of what stands between", HEAD "data: {'error':{'message':'boom','code':404}}\n\n",
     -ERR_PROVIDER_REFUSED, 200, ": boom", "", -1},
    {"a block that never began", HEAD TEXT("0", "a"), -ERR_PROVIDER_ERROR, 200, "did not begin", "",
     -1},
    {"invalid JSON", HEAD A "data: {'type':\n\n", -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|", -1},
    {"an array", HEAD "data: [1]\n\n", -ERR_PROVIDER_ERROR, 200, "an array", "", -1},
    {"another type",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
     -ERR_PROVIDER_ERROR, 200, "instead of text/event-stream", "", -1},
};

static void every_failure_has_its_name(void **state)
{
    (void)state;
    calls_assert_failings(failings, sizeof(failings) / sizeof(failings[0]));
}

static void a_provider_may_forbid_to_ask_again(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND("HTTP/1.1 429 No\r\nx-should-retry: false\r\nConnection: close\r\n\r\n{}"), CLOSE};
    calls_play(script);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_RATE_LIMITED);
    assert_false(seen.failure.is_retryable);
}

static void usage_is_what_the_provider_told(void **state)
{
    (void)state;
    /* broken off: the input is known, the output is not */
    calls_play_body(HEAD, quoted(START A));
    assert_int_equal(seen.fails, 1);
    assert_int_equal(seen.failure.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.failure.usage.input, 17);
    assert_int_equal(seen.failure.usage.cached, 3);
    assert_int_equal(seen.failure.usage.output, -1);
    assert_false(seen.failure.usage.is_settled);
    /* the last count holds, the input's too */
    calls_play_body(
        HEAD, quoted(START A EVENT("message_delta", ",'delta':{},'usage':{'output_tokens':4}")
                         EVENT("message_delta",
                               ",'delta':{'stop_reason':'end_turn'},'usage':{'input_tokens':20,"
                               "'cache_read_input_tokens':0,'output_tokens':5,"
                               "'output_tokens_details':{'thinking_tokens':2}}") STOP));
    assert_int_equal(seen.usage.input, 22);
    assert_int_equal(seen.usage.cached, 0);
    assert_int_equal(seen.usage.output, 5);
    assert_int_equal(seen.usage.reasoning, 2);
    assert_true(seen.usage.is_settled);
    /* nothing told */
    calls_play_body(HEAD,
                    quoted(A EVENT("message_delta", ",'delta':{'stop_reason':'end_turn'}") STOP));
    assert_int_equal(seen.usage.source, USAGE_UNKNOWN);
    assert_int_equal(seen.usage.input, -1);
}

static void what_a_provider_can_send_is_bounded(void **state)
{
    (void)state;
    struct buf body;
    seen.model.first_token_ms = 0; /* there is none, and much to read */
    buf_init(&body, 4 * 1024 * 1024);
    for (int i = 0; i < 129; i++)
        (void)buf_printf(&body,
                         "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":"
                         "{\"type\":\"tool_use\",\"id\":\"c%d\",\"name\":\"f\"}}\n\n",
                         i, i);
    calls_play_body(HEAD, body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    buf_reset(&body);
    for (int i = 0; i < 4097; i++)
        (void)buf_printf(&body,
                         "data: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":"
                         "{\"type\":\"text\"}}\n\n",
                         i);
    calls_play_body(HEAD, body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    assert_int_equal(buf_error(&body), 0);
    buf_release(&body);
}

static void cancel_in_every_hook_is_silent(void **state)
{
    (void)state;
    static const char *const heard[] = {[AT_PIECE] = "R0:h|", [AT_CALL] = "R0:h|D1:a|t2:c:f:|"};
    for (int moment = AT_PIECE; moment <= AT_CALL; moment++) {
        seen.act_at = (enum moment)moment;
        calls_play_body(HEAD, quoted(BEGIN("0", "{'type':'thinking','thinking':'h'}")
                                         BEGIN_TEXT("1") TEXT("1", "a")
                                             BEGIN("2", "{'type':'tool_use','id':'c','name':'f'}")
                                                 ARGUE("2", "{}") FINISH("tool_use") STOP));
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
        T(the_stream_may_be_cut_at_every_byte), T(every_event_is_read),
        T(every_failure_has_its_name),          T(a_provider_may_forbid_to_ask_again),
        T(usage_is_what_the_provider_told),     T(what_a_provider_can_send_is_bounded),
        T(cancel_in_every_hook_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
