/* Calls in OpenAI's format against a scripted provider: the request, the stream cut at every byte,
 * every failure by its name, the five timers, cancel and pause. */
#include "base/clock.h"
#include "base/mem.h"
#include "llm/llm.h"
#include "support/script_server.h"
#include "wire/json.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum moment { AT_NEVER, AT_PIECE, AT_CALL, AT_DONE, AT_FAILED };
enum act { ACT_CANCEL, ACT_PAUSE };

static struct loop *loop;
static struct fetcher *fetcher;
static struct script_server *server;

/* One call and what its hooks saw. */
static struct {
    struct llm_call *call;
    struct llm_model model;
    enum moment act_at;
    int skip; /* moments of that kind that pass by before */
    enum act act;
    int64_t acted_ms;
    struct timer resume;
    struct buf
        heard; /* D0:text| R1:reasoning| F2:refusal| t3:id:name:fragment| T3:id:name:whole| */
    int pieces, dones, fails;
    char finish_reason[32];
    struct usage usage;
    struct llm_failure failure;
} seen;

static void act(enum moment now)
{
    if (seen.act_at != now || seen.skip-- > 0)
        return;
    seen.act_at = AT_NEVER;
    seen.acted_ms = clock_mono_ms();
    if (seen.act == ACT_CANCEL) {
        llm_cancel(seen.call);
        loop_stop(loop);
    } else {
        llm_pause(seen.call);
        timer_start(&seen.resume, 120);
    }
}

static void on_resume(void *arg)
{
    (void)arg;
    llm_resume(seen.call);
}

static void on_piece(const struct piece *piece, void *arg)
{
    (void)arg;
    assert_int_equal(seen.dones + seen.fails, 0);
    assert_true(piece->text.len > 0);
    char letter = piece->kind == EVENT_DELTA ? 'D' : piece->kind == EVENT_REASONING ? 'R' : 'F';
    assert_int_equal(
        buf_printf(&seen.heard, "%c%d:%.*s|", letter, (int)piece->part, SPAN_ARG(piece->text)), 0);
    seen.pieces++;
    act(AT_PIECE);
}

static void on_call(const struct call_piece *call, void *arg)
{
    (void)arg;
    assert_int_equal(seen.dones + seen.fails, 0);
    assert_non_null(call->arguments.ptr);
    assert_int_equal(buf_printf(&seen.heard, "%c%d:%.*s:%.*s:%.*s|",
                                call->kind == EVENT_TOOL_CALL ? 'T' : 't', (int)call->part,
                                SPAN_ARG(call->call_id), SPAN_ARG(call->name),
                                SPAN_ARG(call->arguments)),
                     0);
    act(AT_CALL);
}

static void on_done(const struct llm_result *result, void *arg)
{
    (void)arg;
    assert_int_equal(seen.dones++ + seen.fails, 0);
    (void)snprintf(seen.finish_reason, sizeof(seen.finish_reason), "%s", result->finish_reason);
    seen.usage = result->usage;
    act(AT_DONE);
    loop_stop(loop);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    (void)arg;
    assert_int_equal(seen.dones + seen.fails++, 0);
    seen.failure = *failure;
    act(AT_FAILED);
    loop_stop(loop);
}

static const struct llm_hooks hooks = {
    .on_piece = on_piece, .on_call = on_call, .on_done = on_done, .on_failed = on_failed};

static void reset(void)
{
    timer_release(&seen.resume);
    buf_release(&seen.heard);
    memset(&seen, 0, sizeof(seen));
    buf_init(&seen.heard, 4 * 1024 * 1024);
    assert_int_equal(buf_text(&seen.heard, ""), 0);
    timer_init(&seen.resume, loop, on_resume, NULL);
    seen.model = (struct llm_model){.format = "openai",
                                    .base_url = server->url,
                                    .key = "sk-canary-key",
                                    .model = "gpt-x",
                                    .connect_ms = 2000,
                                    .first_byte_ms = 2000,
                                    .first_token_ms = 2000,
                                    .idle_ms = 2000,
                                    .total_ms = 8000};
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    fetcher = fetcher_new(loop);
    server = server_new(loop);
    reset();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fetcher_free(fetcher);
    server_free(server);
    timer_release(&seen.resume);
    buf_release(&seen.heard);
    loop_free(loop);
    memset(&seen, 0, sizeof(seen));
    return 0;
}

static int start_with(const struct llm_request *request, struct err *err)
{
    int result = llm_start(loop, fetcher, &seen.model, request, &hooks, &seen.call, err);
    assert_int_equal(seen.pieces + seen.dones + seen.fails, 0);
    return result;
}

static void start(void)
{
    static const struct llm_message hello = {.role = "user", .content = {"hi", 2}};
    struct err err;
    assert_int_equal(
        start_with(
            &(struct llm_request){.messages = &hello, .message_count = 1, .generation = "gen_1"},
            &err),
        0);
}

static void run(void)
{
    assert_true(loop_run_for(loop, 10000));
}

static void play(const struct step *script)
{
    enum moment moment = seen.act_at;
    enum act what = seen.act;
    struct llm_model model = seen.model;
    reset();
    seen.act_at = moment;
    seen.act = what;
    seen.model = model;
    server->script = script;
    start();
    run();
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define HEAD_CHUNKED                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "     \
    "chunked\r\n\r\n"
#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define TEXT(text)   CHUNK("{\"content\":\"" text "\"}")
#define FINISH(reason)                                                                             \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define SEND(bytes)                                                                                \
    {                                                                                              \
        STEP_SEND, bytes, 0, 0                                                                     \
    }
#define WAIT(ms)                                                                                   \
    {                                                                                              \
        STEP_WAIT, NULL, 0, ms                                                                     \
    }
#define CLOSE                                                                                      \
    {                                                                                              \
        STEP_CLOSE, NULL, 0, 0                                                                     \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        STEP_HOLD, NULL, 0, 0                                                                      \
    }

/* The stream `body`, cleanly ended. */
static void play_body(const char *body)
{
    char *bytes = mem_printf("%s%s", HEAD, body);
    const struct step script[] = {SEND(bytes), CLOSE};
    play(script);
    mem_free(bytes);
}

/* The request. */

static struct span sent_body(void)
{
    const char *body = strstr(server->request.ptr, "\r\n\r\n") + 4;
    return span_of(body);
}

static void assert_sent(const struct llm_request *request, const char *wanted)
{
    static const struct step script[] = {SEND(HEAD TEXT("x") FINISH("stop") DONE), CLOSE};
    struct err err;
    server->script = script;
    reset();
    assert_int_equal(start_with(request, &err), 0);
    run();
    assert_int_equal(seen.dones, 1);
    assert_string_equal(sent_body().ptr, wanted);
    struct json_doc *doc;
    assert_int_equal(json_parse(sent_body(), &doc, &err), 0);
    json_free(doc);
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
    play_body(TEXT("x") FINISH("stop") DONE);
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
    assert_int_equal(start_with(&request, &err), -ERR_NOT_SUPPORTED);
    assert_false(llm_format_is_known("morse"));
    assert_true(llm_format_is_known("openai"));
    seen.model.format = "openai";
    seen.model.base_url = "ftp://x";
    assert_int_equal(start_with(&request, &err), -ERR_BAD_REQUEST);
    seen.model.base_url = server->url;
    seen.model.key = "a\r\nb";
    assert_int_equal(start_with(&request, &err), -ERR_BAD_REQUEST);
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
        play(script);
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
        play_body(body.ptr);
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
        play(script);
        assert_whole();
    }
    assert_int_equal(server->accepted, 1);
    mem_free(bytes);
}

struct reading {
    const char *name;
    const char *body;
    const char *heard;
    const char *finish_reason;
};

static void every_shape_of_chunk_is_read(void **state)
{
    (void)state;
    static const struct reading readings[] = {
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
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        play_body(readings[i].body);
        if (seen.dones != 1 || strcmp(seen.heard.ptr, readings[i].heard) != 0 ||
            strcmp(seen.finish_reason, readings[i].finish_reason) != 0)
            fail_msg("%s: %s %s %s", readings[i].name, seen.heard.ptr, seen.finish_reason,
                     seen.failure.message);
    }
}

static void a_call_without_an_id_gets_one(void **state)
{
    (void)state;
    play_body(
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
    play_body(TEXT("x") FINISH("stop") DONE);
    assert_int_equal(seen.usage.source, USAGE_UNKNOWN);
    assert_int_equal(seen.usage.input, -1);
    assert_int_equal(seen.usage.output, -1);
    assert_false(seen.usage.is_settled);
    play_body(TEXT("x")
                  FINISH("stop") "data: "
                                 "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_"
                                 "tokens\":-1,\"prompt_tokens_details\":null}}\n\n" DONE);
    assert_int_equal(seen.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.usage.input, 7);
    assert_int_equal(seen.usage.output, -1);
    assert_int_equal(seen.usage.cached, -1);
    assert_true(seen.usage.is_settled);
    /* a running count, broken off: known, not settled */
    play_body("data: "
              "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7,"
              "\"completion_tokens\":1}}\n\n");
    assert_int_equal(seen.fails, 1);
    assert_int_equal(seen.failure.usage.source, USAGE_PROVIDER);
    assert_int_equal(seen.failure.usage.output, 1);
    assert_false(seen.failure.usage.is_settled);
}

/* Failures. */

struct failing {
    const char *name;
    const char *answer;
    int code;
    int status;
    const char *says;
    const char *heard; /* what came before; exact */
    int64_t retry_after_ms;
};

#define ERROR_HEAD(status)                                                                         \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"

static const struct failing failings[] = {
    /* the answer itself */
    {"400",
     ERROR_HEAD("400 Bad Request") "\r\n{\"error\":{\"message\":\"max_tokens\\nis too "
                                   "large\",\"type\":\"invalid_request_error\"}}",
     -ERR_PROVIDER_REFUSED, 400, "the provider answered 400: max_tokens is too large", "", -1},
    {"401 that repeats the key",
     ERROR_HEAD(
         "401 No") "\r\n{\"error\":{\"message\":\"Incorrect key sk-canary-key, sk-canary-key\"}}",
     -ERR_PROVIDER_REFUSED, 401, "Incorrect key ***, ***", "", -1},
    {"402", ERROR_HEAD("402 Pay") "\r\n{}", -ERR_PROVIDER_REFUSED, 402, "the provider answered 402",
     "", -1},
    {"403", ERROR_HEAD("403 No") "\r\n<html>secret page</html>", -ERR_PROVIDER_REFUSED, 403,
     "the provider answered 403", "", -1},
    {"404 with a bare string", ERROR_HEAD("404 Not Found") "\r\n{\"error\":\"model not found\"}",
     -ERR_PROVIDER_REFUSED, 404, ": model not found", "", -1},
    {"408", ERROR_HEAD("408 Slow") "\r\n", -ERR_PROVIDER_ERROR, 408, "408", "", -1},
    {"422 with a detail", ERROR_HEAD("422 What") "\r\n{\"detail\":\"field required\"}",
     -ERR_PROVIDER_REFUSED, 422, ": field required", "", -1},
    {"429 with patience",
     ERROR_HEAD("429 Wait") "Retry-After: 7\r\n\r\n{\"error\":{\"message\":\"slow "
                            "down\",\"code\":\"rate_limit_exceeded\"}}",
     -ERR_PROVIDER_RATE_LIMITED, 429, ": slow down", "", 7000},
    {"429 with endless patience", ERROR_HEAD("429 Wait") "Retry-After: 99999999999\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", 86400000},
    {"429 with a past date",
     ERROR_HEAD("429 Wait") "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", 0},
    {"429 with a word", ERROR_HEAD("429 Wait") "Retry-After: soon\r\n\r\n",
     -ERR_PROVIDER_RATE_LIMITED, 429, "429", "", -1},
    {"429 without money",
     ERROR_HEAD(
         "429 Wait") "\r\n{\"error\":{\"message\":\"quota\",\"code\":\"insufficient_quota\"}}",
     -ERR_PROVIDER_REFUSED, 429, ": quota", "", -1},
    {"429 without credit",
     ERROR_HEAD("429 Wait") "\r\n{\"error\":{\"message\":\"limit\",\"type\":\"billing_hard_limit_"
                            "reached\"}}",
     -ERR_PROVIDER_REFUSED, 429, ": limit", "", -1},
    {"500", ERROR_HEAD("500 Oops") "\r\n", -ERR_PROVIDER_ERROR, 500, "500", "", -1},
    {"503", ERROR_HEAD("503 Busy") "Retry-After: 1\r\n\r\n", -ERR_PROVIDER_ERROR, 503, "503", "",
     1000},
    {"529",
     ERROR_HEAD("529 Overloaded") "\r\n{\"error\":{\"type\":\"overloaded_error\",\"message\":"
                                  "\"Overloaded\"}}",
     -ERR_PROVIDER_ERROR, 529, ": Overloaded", "", -1},
    {"a redirect",
     "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
     -ERR_PROVIDER_REFUSED, 302, "302", "", -1},
    {"204", "HTTP/1.1 204 Nothing\r\n\r\n", -ERR_PROVIDER_ERROR, 204, "204", "", -1},
    {"a cut refusal keeps its status", "HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{\"err",
     -ERR_PROVIDER_REFUSED, 400, "400", "", -1},
    {"200 that is no stream",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
     -ERR_PROVIDER_ERROR, 200, "application/json instead of text/event-stream", "", -1},
    {"200 without a type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", -ERR_PROVIDER_ERROR,
     200, "no content type", "", -1},
    {"no answer", "", -ERR_PROVIDER_ERROR, 0, "the provider failed: ", "", -1},
    /* the stream */
    {"without any frame", HEAD, -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "", -1},
    {"without [DONE]", HEAD TEXT("a") FINISH("stop"), -ERR_PROVIDER_TRUNCATED, 200,
     "without its final frame", "D0:a|", -1},
    {"[DONE] without its blank line", HEAD TEXT("a") FINISH("stop") "data: [DONE]\n",
     -ERR_PROVIDER_TRUNCATED, 200, "without its final frame", "D0:a|", -1},
    {"[DONE] without a reason", HEAD TEXT("a") DONE, -ERR_PROVIDER_TRUNCATED, 200,
     "without a finish_reason", "D0:a|", -1},
    {"a missing last chunk", HEAD_CHUNKED "5\r\ndata:\r\n", -ERR_PROVIDER_TRUNCATED, 200,
     "was cut off", "", -1},
    {"an error event",
     HEAD TEXT("a") "data: "
                    "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null}}"
                    "\n\n" TEXT("b"),
     -ERR_PROVIDER_ERROR, 200, "the provider broke off: boom", "D0:a|", -1},
    {"an error event as text", HEAD TEXT("a") "data: {\"error\":\"boom\"}\n\n", -ERR_PROVIDER_ERROR,
     200, ": boom", "D0:a|", -1},
    {"an error event without a word", HEAD "data: {\"error\":{}}\n\n", -ERR_PROVIDER_ERROR, 200,
     "with an error", "", -1},
    {"vLLM's error object",
     HEAD "data: {\"object\":\"error\",\"message\":\"boom\",\"code\":500}\n\n", -ERR_PROVIDER_ERROR,
     200, ": boom", "", -1},
    {"a rate limit in the stream", HEAD "data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\n",
     -ERR_PROVIDER_RATE_LIMITED, 200, ": slow", "", -1},
    {"no money in the stream",
     HEAD "data: {\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}\n\n",
     -ERR_PROVIDER_REFUSED, 200, ": pay", "", -1},
    {"finish_reason error", HEAD TEXT("a") FINISH("error") DONE, -ERR_PROVIDER_ERROR, 200,
     "finish_reason error", "D0:a|", -1},
    {"invalid JSON", HEAD TEXT("a") "data: {\"choices\":\n\n", -ERR_PROVIDER_ERROR, 200, "no JSON",
     "D0:a|", -1},
    {"invalid UTF-8", HEAD TEXT("a") TEXT("\xff\xfe"), -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|",
     -1},
    {"a lone surrogate", HEAD TEXT("a") TEXT("\\ud800"), -ERR_PROVIDER_ERROR, 200, "no JSON",
     "D0:a|", -1},
    {"an array", HEAD TEXT("a") "data: [1]\n\n", -ERR_PROVIDER_ERROR, 200, "an array", "D0:a|", -1},
    {"empty data", HEAD TEXT("a") "data:\n\n", -ERR_PROVIDER_ERROR, 200, "no JSON", "D0:a|", -1},
};

static void every_failure_has_its_name(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(failings) / sizeof(failings[0]); i++) {
        const struct failing *f = &failings[i];
        const struct step script[] = {SEND(f->answer), CLOSE};
        play(script);
        bool is_right = seen.fails == 1 && seen.failure.code == f->code &&
                        seen.failure.provider_status == f->status &&
                        seen.failure.retry_after_ms == f->retry_after_ms &&
                        strstr(seen.failure.message, f->says) != NULL &&
                        strcmp(seen.heard.ptr, f->heard) == 0 &&
                        seen.failure.is_retryable == err_is_retryable(f->code) &&
                        strstr(seen.failure.message, "canary") == NULL &&
                        seen.failure.usage.source == USAGE_UNKNOWN;
        if (is_right)
            continue;
        wrong++;
        print_message("%s: %d %s, status %d, after %d, \"%s\", heard %s\n", f->name, seen.fails,
                      err_name(seen.failure.code), seen.failure.provider_status,
                      (int)seen.failure.retry_after_ms, seen.failure.message, seen.heard.ptr);
    }
    assert_int_equal(wrong, 0);
}

static void a_date_to_come_is_waited_for(void **state)
{
    (void)state;
    char date[64];
    time_t then = (time_t)(clock_wall_ms() / 1000) + 90;
    struct tm tm;
    assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm)) >
                0);
    char *answer = mem_printf(ERROR_HEAD("429 Wait") "Retry-After: %s\r\n\r\n", date);
    const struct step script[] = {SEND(answer), CLOSE};
    play(script);
    assert_in_range(seen.failure.retry_after_ms, 85000, 90000);
    mem_free(answer);
}

static void a_refused_connection_is_an_error(void **state)
{
    (void)state;
    seen.model.base_url = "http://127.0.0.1:1";
    start();
    run();
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_int_equal(seen.failure.provider_status, 0);
}

static void long_messages_are_cut_at_a_character(void **state)
{
    (void)state;
    struct buf answer;
    buf_init(&answer, 64 * 1024);
    assert_int_equal(buf_text(&answer, ERROR_HEAD("400 No") "\r\n{\"error\":\"x"), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_text(&answer, "\xf0\x9f\x98\x80"), 0);
    assert_int_equal(buf_text(&answer, "\"}"), 0);
    const struct step script[] = {SEND(answer.ptr), CLOSE};
    play(script);
    assert_true(span_is_utf8(span_of(seen.failure.message)));
    assert_in_range(strlen(seen.failure.message), 190, 199);
    buf_release(&answer);
}

static void what_a_provider_can_send_is_bounded(void **state)
{
    (void)state;
    char *large = mem_new(2 * 1024 * 1024);
    /* a refusal without end: judged by its first 16 KiB */
    int head = snprintf(large, 256, ERROR_HEAD("500 Oops") "\r\n");
    memset(large + head, ' ', 64 * 1024);
    const struct step refusal[] = {{STEP_SEND, large, (size_t)head + 64 * 1024, 0}, HOLD};
    play(refusal);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_int_equal(seen.failure.provider_status, 500);
    /* a line without end */
    head = snprintf(large, 256, HEAD TEXT("a") "data: ");
    memset(large + head, 'x', 2 * 1024 * 1024 - 256);
    const struct step line[] = {{STEP_SEND, large, 2 * 1024 * 1024 - 256, 0}, HOLD};
    play(line);
    assert_int_equal(seen.failure.code, -ERR_PROVIDER_ERROR);
    assert_non_null(strstr(seen.failure.message, "larger than"));
    assert_string_equal(seen.heard.ptr, "D0:a|");
    mem_free(large);
    /* tool calls without end */
    struct buf body;
    buf_init(&body, 4 * 1024 * 1024);
    for (int i = 0; i < 129; i++)
        assert_int_equal(
            buf_printf(
                &body,
                "data: "
                "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"id\":\"c%d\"}]}}]}\n\n",
                i, i),
            0);
    play_body(body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    assert_false(seen.failure.is_retryable);
    /* arguments without end */
    buf_reset(&body);
    for (int i = 0; i < 17; i++)
        assert_int_equal(buf_printf(&body,
                                    "data: "
                                    "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                                    "\"function\":{\"arguments\":\"%065536d\"}}]}}]}\n\n",
                                    0),
                         0);
    play_body(body.ptr);
    assert_int_equal(seen.failure.code, -ERR_OUTPUT_LIMIT);
    buf_release(&body);
}

/* F11 in small: the connection is reset behind every byte. Only a whole final frame makes an
 * answer. */
static void a_reset_at_any_byte_is_never_done(void **state)
{
    (void)state;
    static const char stream[] = HEAD TEXT("a") TEXT("b") FINISH("stop") DONE;
    size_t len = sizeof(stream) - 1;
    for (size_t cut = 1; cut <= len; cut++) {
        const struct step script[] = {
            {STEP_SEND, stream, cut, 0}, WAIT(1), {STEP_RESET, NULL, 0, 0}};
        play(script);
        bool is_whole = cut == len;
        assert_int_equal(seen.dones, is_whole);
        bool has_head = cut >= sizeof(HEAD) - 1;
        if (!is_whole)
            assert_int_equal(seen.failure.code,
                             has_head ? -ERR_PROVIDER_TRUNCATED : -ERR_PROVIDER_ERROR);
        assert_true(strncmp(seen.heard.ptr, "D0:a|D0:b|", seen.heard.len) == 0);
    }
}

/* Timers. */

static void expect_timeout(const struct step *script, int code, int64_t after_ms)
{
    int64_t before = clock_mono_ms();
    play(script);
    assert_int_equal(seen.dones, 0);
    if (seen.failure.code != code)
        fail_msg("%s: %s", err_name(seen.failure.code), seen.failure.message);
    assert_in_range(clock_mono_ms() - before, after_ms - 5, after_ms + 1000);
}

static void a_connection_that_does_not_come_times_out(void **state)
{
    (void)state;
    struct black_hole hole;
    black_hole_open(&hole);
    seen.model.base_url = hole.url;
    seen.model.connect_ms = 50;
    seen.model.first_byte_ms = 10; /* runs from the connection, so not before there is one */
    static const struct step script[] = {HOLD};
    expect_timeout(script, -ERR_TIMEOUT_CONNECT, 50);
    black_hole_close(&hole);
}

static void a_head_that_does_not_come_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {HOLD};
    seen.model.first_byte_ms = 50;
    expect_timeout(script, -ERR_TIMEOUT_FIRST_BYTE, 50);
    assert_int_equal(seen.failure.provider_status, 0);
}

static void a_token_that_does_not_come_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD), WAIT(20),       SEND(": still thinking\n\n"),
                                         WAIT(20),   SEND(TEXT("")), HOLD};
    seen.model.first_token_ms = 60;
    seen.model.idle_ms = 10; /* runs from the first token */
    expect_timeout(script, -ERR_TIMEOUT_FIRST_TOKEN, 60);
    assert_int_equal(seen.failure.provider_status, 200);
}

static void silence_after_a_token_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a")), WAIT(20), SEND(": hum\n\n"), WAIT(20),
        SEND(": hum\n\n"),    WAIT(20), SEND(": hum\n\n"), HOLD};
    seen.model.idle_ms = 50;
    expect_timeout(script, -ERR_TIMEOUT_IDLE, 50);
    assert_string_equal(seen.heard.ptr, "D0:a|");
}

static void a_steady_stream_is_not_silent(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a")),      WAIT(40), SEND(TEXT("b")), WAIT(40),
        SEND(TEXT("c")),           WAIT(40), SEND(TEXT("d")), WAIT(40),
        SEND(FINISH("stop") DONE), CLOSE};
    seen.model.idle_ms = 100;
    seen.model.first_token_ms = 100;
    seen.model.first_byte_ms = 100;
    play(script);
    assert_int_equal(seen.dones, 1);
}

static void the_whole_call_times_out(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")), WAIT(30), SEND(TEXT("b")), WAIT(30),
                                         SEND(TEXT("c")),      WAIT(30), SEND(TEXT("d")), HOLD};
    seen.model.total_ms = 80;
    expect_timeout(script, -ERR_TIMEOUT_TOTAL, 80);
    assert_false(seen.failure.is_retryable);
}

static void a_refusal_that_stalls_keeps_its_status(void **state)
{
    (void)state;
    static const struct step script[] = {SEND("HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{"),
                                         HOLD};
    seen.model.idle_ms = 40;
    expect_timeout(script, -ERR_PROVIDER_REFUSED, 40);
    assert_int_equal(seen.failure.provider_status, 400);
}

static void a_final_frame_is_enough(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a") FINISH("stop") DONE), HOLD};
    seen.model.idle_ms = 50; /* over before the wait for the response's end */
    int64_t before = clock_mono_ms();
    play(script);
    assert_int_equal(seen.dones, 1);
    assert_in_range(clock_mono_ms() - before, 450, 2000);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->open, 0);
}

/* Cancel and pause. */

static void cancel_in_every_hook_is_silent_and_closes(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD TEXT("a") TEXT("b") CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
                                            "\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}")
                 TEXT("c")),
        HOLD};
    static const char *const heard[] = {[AT_PIECE] = "D0:a|", [AT_CALL] = "D0:a|D0:b|t1:c:f:1|"};
    for (int moment = AT_PIECE; moment <= AT_CALL; moment++) {
        server->closed_by_peer = 0;
        seen.act_at = (enum moment)moment;
        play(script);
        (void)loop_run_for(loop, 400);
        assert_string_equal(seen.heard.ptr, heard[moment]);
        assert_int_equal(seen.dones + seen.fails, 0);
        assert_int_equal(server->closed_by_peer, 1);
        assert_in_range(server->closed_ms - seen.acted_ms, 0, 2000);
    }
    seen.act_at = AT_DONE;
    play_body(TEXT("a") FINISH("stop") DONE);
    assert_int_equal(seen.dones, 1);
    seen.act_at = AT_FAILED;
    play_body(TEXT("a"));
    assert_int_equal(seen.fails, 1);
}

/* A whole call comes while [DONE] is read: no further call and no end after it. */
static void cancel_at_a_whole_call_is_silent(void **state)
{
    (void)state;
    static const struct step script[] = {
        SEND(HEAD CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c\"},{\"index\":1,\"id\":\"d\"}]}")
                 FINISH("tool_calls") DONE),
        CLOSE};
    server->script = script;
    start();
    seen.act_at = AT_CALL;
    seen.skip = 2;
    run();
    (void)loop_run_for(loop, 150);
    assert_string_equal(seen.heard.ptr, "t0:c::|t1:d::|T0:c::|");
    assert_int_equal(seen.dones + seen.fails, 0);
}

static void cancel_before_and_while_waiting_is_silent(void **state)
{
    (void)state;
    static const struct step script[] = {HOLD};
    server->script = script;
    start();
    llm_cancel(seen.call);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->requests, 0);
    start();
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->requests, 1);
    assert_int_equal(llm_usage(seen.call).source, USAGE_UNKNOWN);
    llm_cancel(seen.call);
    (void)loop_run_for(loop, 150);
    assert_int_equal(server->closed_by_peer, 1);
    assert_int_equal(seen.dones + seen.fails, 0);
}

static void a_pause_holds_the_stream_and_its_timers(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")),
                                         WAIT(10),
                                         SEND(TEXT("b")),
                                         WAIT(10),
                                         SEND(TEXT("c") FINISH("stop") DONE),
                                         CLOSE};
    seen.model.idle_ms = 60; /* the pause takes 120 */
    seen.act = ACT_PAUSE;
    seen.act_at = AT_PIECE;
    int64_t before = clock_mono_ms();
    play(script);
    assert_int_equal(seen.dones, 1);
    assert_string_equal(seen.heard.ptr, "D0:a|D0:b|D0:c|");
    assert_in_range(clock_mono_ms() - before, 115, 1000);
}

static void after_a_pause_silence_counts_again(void **state)
{
    (void)state;
    static const struct step script[] = {SEND(HEAD TEXT("a")), HOLD};
    seen.model.idle_ms = 60;
    seen.act = ACT_PAUSE;
    seen.act_at = AT_PIECE;
    expect_timeout(script, -ERR_TIMEOUT_IDLE, 180);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    const struct CMUnitTest tests[] = {
        T(the_request_holds_messages_and_params),
        T(raw_messages_go_out_as_they_came),
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
        T(every_failure_has_its_name),
        T(a_date_to_come_is_waited_for),
        T(a_refused_connection_is_an_error),
        T(long_messages_are_cut_at_a_character),
        T(what_a_provider_can_send_is_bounded),
        T(a_reset_at_any_byte_is_never_done),
        T(a_connection_that_does_not_come_times_out),
        T(a_head_that_does_not_come_times_out),
        T(a_token_that_does_not_come_times_out),
        T(silence_after_a_token_times_out),
        T(a_steady_stream_is_not_silent),
        T(the_whole_call_times_out),
        T(a_refusal_that_stalls_keeps_its_status),
        T(a_final_frame_is_enough),
        T(cancel_in_every_hook_is_silent_and_closes),
        T(cancel_at_a_whole_call_is_silent),
        T(cancel_before_and_while_waiting_is_silent),
        T(a_pause_holds_the_stream_and_its_timers),
        T(after_a_pause_silence_counts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
