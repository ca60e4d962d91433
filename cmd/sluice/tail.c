/* sluice tail: prints a generation's text as it comes; a lost connection is made anew and resumed
 * by Last-Event-ID, so nothing is lost or repeated.
 *
 *     ASKING ─► READING ─► OVER        ASKING, READING ─► WAITING ─► ASKING (connection lost)
 *        └──────────────────► OVER (nothing is there, or it was lost too often)
 */
#include "client.h"
#include "command.h"

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "wire/json.h"
#include "wire/limits.h"
#include "wire/sse.h"

#include <getopt.h>
#include <stdio.h>

enum { TAIL_MAGIC = 0x7461696c, RETRY_MS = 500, TRIES = 60 };

static const char HELP[] =
    "usage: sluice tail [--json] GENERATION_ID\n       sluice tail [--json] --chat CHAT_ID\n\n"
    "Prints a generation's text from its beginning and while it runs. --json prints each event's "
    "JSON on a line.\n"
    "Exit status 0 when it ended as done, 1 otherwise.\n";

enum tail_state { TAIL_ASKING, TAIL_READING, TAIL_WAITING, TAIL_OVER, TAIL_STATES };

struct tail {
    uint32_t magic;
    enum tail_state state;
    struct loop *loop;
    struct fetcher *fetcher;
    struct timer retry;
    struct sse_reader reader;
    bool is_reader_ready;
    bool as_json;
    int exit_status;
    int http_status;
    int tries;
    char *url, *authorization;
    const char *kind, *id;
    char last_id[32];     /* of the last event seen */
    struct id generation; /* known once the first event came */
};

static void ask(struct tail *t);

static void set_state(struct tail *t, enum tail_state state)
{
    static const bool legal[TAIL_STATES][TAIL_STATES] = {
        [TAIL_ASKING] = {[TAIL_READING] = true, [TAIL_WAITING] = true, [TAIL_OVER] = true},
        [TAIL_READING] = {[TAIL_WAITING] = true, [TAIL_OVER] = true},
        [TAIL_WAITING] = {[TAIL_ASKING] = true},
    };
    CHECK(legal[t->state][state]);
    log_event(LOG_DEBUG, "tail.state", "from=%d to=%d", (int)t->state, (int)state);
    t->state = state;
}

static void finish(struct tail *t, int exit_status)
{
    set_state(t, TAIL_OVER);
    t->exit_status = exit_status;
    loop_stop(t->loop);
}

static void print_end(struct tail *t, struct span type, const struct json *data)
{
    struct span reason = json_string(json_get(data, "reason")),
                message = json_string(json_get(json_get(data, "error"), "message"));
    if (!t->as_json)
        (void)fprintf(stderr, "\n%.*s%s%.*s%s%.*s\n", SPAN_ARG(type),
                      reason.ptr != NULL ? ": " : "", SPAN_ARG(reason),
                      message.ptr != NULL ? ": " : "", SPAN_ARG(message));
    finish(t, span_is(type, "done") ? EXIT_OK : EXIT_FAILED);
}

static bool is_terminal(struct span type)
{
    return span_is(type, "done") || span_is(type, "stopped") || span_is(type, "failed") ||
           span_is(type, "interrupted");
}

static int on_event(const struct sse_event *event, void *arg)
{
    struct tail *t = arg;
    struct json_doc *doc = NULL;
    struct err err = {.code = ERR_OK};
    CHECK_MAGIC(t, TAIL_MAGIC);
    if (json_parse(event->data, &doc, &err) != 0)
        return -ERR_MALFORMED;
    const struct json *data = json_root(doc);
    struct span text = json_string(json_get(data, "text")),
                generation = json_string(json_get(data, "generation_id"));
    t->tries = 0;
    if (event->id.len > 0 && event->id.len < sizeof t->last_id)
        (void)snprintf(t->last_id, sizeof t->last_id, "%.*s", SPAN_ARG(event->id));
    if (id_is_valid(generation))
        t->generation = id_from(generation);
    if (t->as_json)
        (void)printf("%.*s\n", SPAN_ARG(event->data));
    else if (span_is(event->type, "delta"))
        (void)printf("%.*s", SPAN_ARG(text));
    (void)fflush(stdout);
    if (is_terminal(event->type))
        print_end(t, event->type, data);
    json_free(doc);
    return 0;
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct tail *t = arg;
    (void)fetch;
    CHECK_MAGIC(t, TAIL_MAGIC);
    t->http_status = status;
    if (status == 200)
        set_state(t, TAIL_READING);
}

static void give_up(struct tail *t, const char *why)
{
    client_say_unreachable(&CLIENT_API, t->url, span_of(why));
    finish(t, EXIT_FAILED);
}

static void again(struct tail *t, const char *why)
{
    if (++t->tries > TRIES)
        give_up(t, why);
    else
        set_state(t, TAIL_WAITING);
    timer_start(&t->retry, RETRY_MS);
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    struct tail *t = arg;
    CHECK_MAGIC(t, TAIL_MAGIC);
    if (t->state != TAIL_READING)
        return;
    if (sse_feed(&t->reader, bytes) != 0) {
        fetch_cancel(fetch);
        again(t, "it sent something that is no event");
    }
}

static void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    static const struct {
        int status;
        const char *text;
    } ends[] = {{204, "nothing runs there"},
                {400, "that is no id"},
                {401, "the server wants a valid SLUICE_API_KEY"},
                {404, "there is no such generation or chat"},
                {410, "its log is no longer kept"}};
    struct tail *t = arg;
    (void)fetch;
    CHECK_MAGIC(t, TAIL_MAGIC);
    if (t->state == TAIL_OVER)
        return;
    for (size_t i = 0; status == 0 && i < sizeof ends / sizeof *ends; i++)
        if (t->http_status == ends[i].status) {
            (void)fprintf(stderr, "sluice: %s\n", ends[i].text);
            finish(t, EXIT_FAILED);
            return;
        }
    if (status != 0 && t->generation.text[0] == '\0')
        give_up(t, detail); /* it was never there: the address is wrong, most likely */
    else if (status != 0)
        again(t, detail);
    else
        again(t, t->http_status == 200 ? "it ended the stream again and again" : "it is not ready");
}

static void ask(struct tail *t)
{
    struct fetch *fetch = NULL;
    struct fetch_header headers[3] = {{"Accept", "text/event-stream"}};
    struct err err = {.code = ERR_OK};
    size_t count = 1;
    if (t->is_reader_ready)
        sse_release(&t->reader);
    sse_init(&t->reader, LIMIT_SSE_LINE, on_event, t);
    t->is_reader_ready = true;
    if (t->last_id[0] != '\0')
        headers[count++] = (struct fetch_header){"Last-Event-ID", t->last_id};
    if (t->authorization != NULL)
        headers[count++] = (struct fetch_header){"Authorization", t->authorization};
    /* once its name is known the generation is read by it: the chat's active one may be another by
     * now */
    char *url = t->generation.text[0] != '\0'
                    ? mem_printf("%s/v1/generations/%s/stream", t->url, t->generation.text)
                    : mem_printf("%s/v1/%s/%s/stream", t->url, t->kind, t->id);
    int rc = fetch_start(
        t->fetcher,
        &(struct fetch_request){.method = "GET",
                                .url = url,
                                .headers = headers,
                                .header_count = count,
                                .connect_ms = 3000},
        &(struct fetch_hooks){.on_head = on_head, .on_body = on_body, .on_done = on_done, .arg = t},
        &fetch, &err);
    mem_free(url);
    if (rc != 0) {
        give_up(t, err.message);
    }
}

static void on_retry(void *arg)
{
    struct tail *t = arg;
    CHECK_MAGIC(t, TAIL_MAGIC);
    set_state(t, TAIL_ASKING);
    ask(t);
}

static int follow(const char *kind, const char *id, bool as_json)
{
    struct tail t = {.magic = TAIL_MAGIC,
                     .loop = loop_new(),
                     .as_json = as_json,
                     .exit_status = EXIT_FAILED,
                     .kind = kind,
                     .id = id};
    t.fetcher = fetcher_new(t.loop);
    t.url = client_server_url(&CLIENT_API);
    t.authorization = client_authorization();
    timer_init(&t.retry, t.loop, on_retry, &t);
    ask(&t);
    if (t.state != TAIL_OVER)
        loop_run(t.loop);
    fetcher_free(t.fetcher);
    sse_release(&t.reader);
    timer_release(&t.retry);
    loop_free(t.loop);
    mem_free(t.url);
    mem_free(t.authorization);
    return t.exit_status;
}

int command_tail(int argc, char **argv)
{
    static const struct option options[] = {{"chat", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *chat = NULL;
    bool as_json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 'c')
            chat = optarg;
        else if (c == 'j')
            as_json = true;
        else
            return command_misused(HELP);
    }
    if (argc - optind != (chat == NULL ? 1 : 0))
        return command_misused(HELP);
    const char *id = chat != NULL ? chat : argv[optind];
    return client_is_id(id) ? follow(chat != NULL ? "chats" : "generations", id, as_json)
                            : EXIT_USAGE;
}
