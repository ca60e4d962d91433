/* An ask against a private Redis and scripted providers, and what its hooks heard. */
#ifndef SLUICE_TESTS_WORKERS_ASK_FIXTURE_H
#define SLUICE_TESTS_WORKERS_ASK_FIXTURE_H

#include "model/ask.h"

#include "bus/bus_fixture.h"
#include "llm/openai_frames.h"

enum { SERVERS = 2 };

/* The worker that an ask sees. */
struct worker {
    struct house *house;
    struct fetcher *fetcher;
    struct conf conf;
};

struct loop *worker_loop(const struct worker *worker)
{
    return worker->house->loop;
}

struct bus *worker_bus(const struct worker *worker)
{
    return worker->house->bus;
}

struct fetcher *worker_fetcher(const struct worker *worker)
{
    return worker->fetcher;
}

const struct conf *worker_conf(const struct worker *worker)
{
    return &worker->conf;
}

enum moment_of_ask { NEVER, AHEAD, COMPOSE, CONNECTED, PIECE, DONE_WITH, FAILED };

struct asker {
    struct ask *ask;
    char heard[256];       /* a letter per hook, and what was said */
    enum moment_of_ask at; /* frees itself there */
    bool waits, is_over;
    int64_t wait_ms;
    int code;
};

static struct worker worker;
static struct script_server *servers[SERVERS];
static struct asker asker;
static struct desk *desk;
static char main_name[] = "main", other_name[] = "other", format[] = "openai", no_key[] = "",
            token[] = "2.nonce", generation[] = "gen_1", lane[] = "stream.interactive";
static char *fallbacks[] = {other_name};
static struct conf_model models[SERVERS];
static struct claimed claimed;

#define ANSWER HEAD TEXT("one two") FINISH("stop") DONE
static const struct step good[] = {SEND(ANSWER), CLOSE, {.kind = STEP_END}};
static const struct step broken[] = {
    SEND(ERROR_HEAD("500 Oh") "\r\n{}"), CLOSE, {.kind = STEP_END}};
static const struct step later[] = {
    SEND(ERROR_HEAD("429 Later") "retry-after-ms: 1200\r\n\r\n{}"), CLOSE, {.kind = STEP_END}};
static const struct step begun[] = {SEND(HEAD TEXT("one ")), HOLD, {.kind = STEP_END}};
static const struct step slow[] = {SEND(HEAD TEXT("one ")),
                                   WAIT(100),
                                   SEND(TEXT("two") FINISH("stop") DONE),
                                   CLOSE,
                                   {.kind = STEP_END}};

static void hear(struct asker *a, const char *text)
{
    size_t len = strlen(a->heard);
    (void)snprintf(a->heard + len, sizeof a->heard - len, "%s", text);
}

/* True: it has gone. */
static bool act(struct asker *a, enum moment_of_ask now)
{
    a->is_over = a->is_over || now >= DONE_WITH || now == a->at;
    if (now != a->at)
        return false;
    ask_cancel(a->ask);
    ask_free(a->ask);
    a->ask = NULL;
    return true;
}

static void on_ahead(void *arg)
{
    hear(arg, "a");
    (void)act(arg, AHEAD);
}

static void on_compose(const struct conf_model *model, void *arg)
{
    struct asker *a = arg;
    const struct llm_message message = {.role = "user", .content = SPAN_LIT("Hi")};
    const struct llm_request request = {
        .messages = &message, .message_count = 1, .generation = generation};
    hear(a, "c:");
    hear(a, model->name);
    if (!act(a, COMPOSE) && ask_send(a->ask, &request))
        hear(a, " s");
}

static bool on_wait(int64_t wait_ms, void *arg)
{
    struct asker *a = arg;
    hear(a, " w");
    a->wait_ms = wait_ms;
    a->is_over = !a->waits;
    return a->waits;
}

static void on_connected(void *arg)
{
    struct asker *a = arg;
    hear(a, " k ");
    (void)act(a, CONNECTED);
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct asker *a = arg;
    char text[64];
    (void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(piece->text));
    hear(a, text);
    (void)act(a, PIECE);
}

static void on_call(const struct call_piece *call, void *arg)
{
    (void)call;
    hear(arg, "t");
}

static void on_done(const struct llm_result *result, void *arg)
{
    hear(arg, " d:");
    hear(arg, result->finish_reason);
    (void)act(arg, DONE_WITH);
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct asker *a = arg;
    hear(a, " f");
    a->code = failure->code;
    (void)act(a, FAILED);
    assert_true(failure->message[0] != '\0');
}

static void open_ask(struct span note)
{
    const struct ask_hooks hooks = {.on_ahead = on_ahead,
                                    .on_compose = on_compose,
                                    .on_wait = on_wait,
                                    .on_connected = on_connected,
                                    .on_piece = on_piece,
                                    .on_call = on_call,
                                    .on_done = on_done,
                                    .on_failed = on_failed,
                                    .arg = &asker};
    asker = (struct asker){.ask = ask_new(desk, &claimed, note, &hooks)};
}

static void start(void)
{
    const struct ask_wants wants = {.model = SPAN_LIT("main")};
    struct err err;
    assert_int_equal(ask_start(asker.ask, &wants, &err), 0);
}

static void wait_over(void)
{
    assert_true(run_until(worker.house->loop, is_set, &asker.is_over));
}

static bool is_free(void *arg)
{
    struct house *h = arg;
    return redis_number(&h->redis, "ZCARD sluice:{s00}:places:main") +
               redis_number(&h->redis, "ZCARD sluice:{s00}:places:other") ==
           0;
}

/* No place is held or asked for. */
static void assert_gone(void)
{
    assert_true(run_until(worker.house->loop, is_free, worker.house));
}

static int setup(void **state)
{
    int rc = house_setup(state);
    worker.house = *state;
    worker.fetcher = fetcher_new(worker.house->loop);
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i] = server_new(worker.house->loop);
        servers[i]->script = good;
        models[i] = (struct conf_model){.name = i == 0 ? main_name : other_name,
                                        .provider = format,
                                        .base_url = servers[i]->url,
                                        .key = no_key,
                                        .model = main_name,
                                        .concurrency = 2,
                                        .total_ms = 10000};
    }
    models[0].fallbacks = (struct conf_list){fallbacks, 1};
    worker.conf = (struct conf){.models = models,
                                .model_count = SERVERS,
                                .worker_lease = 10000,
                                .queue_interactive_timeout = 60000};
    claimed = (struct claimed){.token = token, .generation = generation, .lane = lane, .epoch = 2};
    desk = desk_new(&worker);
    open_ask(SPAN_NONE);
    return rc;
}

static int teardown(void **state)
{
    ask_free(asker.ask);
    desk_free(desk);
    fetcher_free(worker.fetcher);
    for (size_t i = 0; i < SERVERS; i++)
        server_free(servers[i]);
    desk = NULL;
    worker.fetcher = NULL;
    memset(servers, 0, sizeof servers);
    asker.ask = NULL;
    return house_teardown(state);
}

#endif
