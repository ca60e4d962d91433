/* The scripted call. */
#include "llm/calls.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct loop *loop;
struct fetcher *fetcher;
struct script_server *server;
struct seen seen;

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
    assert_true(piece->text.len > 0 || piece->signature.len > 0);
    char letter = piece->kind == EVENT_DELTA ? 'D' : piece->kind == EVENT_REASONING ? 'R' : 'F';
    if (piece->text.len > 0)
        assert_int_equal(
            buf_printf(&seen.heard, "%c%d:%.*s|", letter, (int)piece->part, SPAN_ARG(piece->text)),
            0);
    if (piece->signature.ptr != NULL)
        assert_int_equal(buf_printf(&seen.heard, "%c%d^%.*s|", letter, (int)piece->part,
                                    SPAN_ARG(piece->signature)),
                         0);
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

void calls_reset(void)
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

int calls_set_up(void **state)
{
    (void)state;
    loop = loop_new();
    fetcher = fetcher_new(loop);
    server = server_new(loop);
    calls_reset();
    return 0;
}

int calls_tear_down(void **state)
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

int calls_start(const struct llm_request *request, struct err *err)
{
    int result = llm_start(loop, fetcher, &seen.model, request, &hooks, &seen.call, err);
    assert_int_equal(seen.pieces + seen.dones + seen.fails, 0);
    return result;
}

void calls_hello(void)
{
    static const struct llm_message hello = {.role = "user", .content = {"hi", 2}};
    struct err err;
    assert_int_equal(
        calls_start(
            &(struct llm_request){.messages = &hello, .message_count = 1, .generation = "gen_1"},
            &err),
        0);
}

void calls_run(void)
{
    assert_true(loop_run_for(loop, 10000));
}

void calls_play(const struct step *script)
{
    enum moment moment = seen.act_at;
    enum act what = seen.act;
    struct llm_model model = seen.model;
    calls_reset();
    seen.act_at = moment;
    seen.act = what;
    seen.model = model;
    server->script = script;
    calls_hello();
    calls_run();
}

void calls_play_body(const char *head, const char *body)
{
    char *bytes = mem_printf("%s%s", head, body);
    const struct step script[] = {SEND(bytes), CLOSE};
    calls_play(script);
    mem_free(bytes);
}

struct span calls_sent(void)
{
    return span_of(strstr(server->request.ptr, "\r\n\r\n") + 4);
}

const char *quoted(const char *text)
{
    static char rooms[16][64 * 1024];
    static size_t turn;
    char *room = rooms[turn++ % 16];
    size_t len = strlen(text);
    assert_true(len < sizeof(rooms[0]));
    for (size_t i = 0; i <= len; i++)
        room[i] = text[i] == '\'' ? '"' : text[i];
    return room;
}

void calls_assert_sent(const struct llm_request *request, const char *answer, const char *wanted)
{
    struct err err;
    struct llm_model model = seen.model;
    const struct step script[] = {SEND(answer), CLOSE};
    calls_reset();
    seen.model = model;
    server->script = script;
    if (calls_start(request, &err) != 0)
        fail_msg("%s", err.message);
    calls_run();
    assert_int_equal(seen.dones, 1);
    assert_string_equal(calls_sent().ptr, quoted(wanted));
    assert_int_equal(json_check(calls_sent(), &err), 0);
}

void calls_assert_refused(const struct llm_request *request, const char *says)
{
    struct err err;
    int requests = server->requests;
    struct llm_model model = seen.model;
    calls_reset();
    seen.model = model;
    assert_int_equal(calls_start(request, &err), -ERR_NOT_SUPPORTED);
    if (strstr(err.message, says) == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(server->requests, requests);
}

void calls_assert_readings(const char *head, const struct reading_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        calls_play_body(head, quoted(cases[i].body));
        if (seen.dones != 1 || strcmp(seen.heard.ptr, quoted(cases[i].heard)) != 0 ||
            strcmp(seen.finish_reason, cases[i].finish_reason) != 0)
            fail_msg("%s: %s %s %s", cases[i].name, seen.heard.ptr, seen.finish_reason,
                     seen.failure.message);
    }
}

static bool is_right(const struct failing_case *f)
{
    return seen.fails == 1 && seen.failure.code == f->code &&
           seen.failure.provider_status == f->status &&
           seen.failure.retry_after_ms == f->retry_after_ms &&
           strstr(seen.failure.message, f->says) != NULL && strcmp(seen.heard.ptr, f->heard) == 0 &&
           seen.failure.is_retryable == err_is_retryable(f->code) &&
           strstr(seen.failure.message, "canary") == NULL &&
           seen.failure.usage.source == USAGE_UNKNOWN;
}

void calls_assert_failings(const struct failing_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct step script[] = {SEND(quoted(cases[i].answer)), CLOSE};
        calls_play(script);
        if (is_right(&cases[i]))
            continue;
        wrong++;
        print_message("%s: %d %s, status %d, after %d, \"%s\", heard %s\n", cases[i].name,
                      seen.fails, err_name(seen.failure.code), seen.failure.provider_status,
                      (int)seen.failure.retry_after_ms, seen.failure.message, seen.heard.ptr);
    }
    assert_int_equal(wrong, 0);
}
