/* sluice-llmsim: a provider to develop and test against. Owns the routes: OpenAI's chat completions
 * and models, and what it saw (stats, journal). */
#include "answer.h"
#include "frames.h"

#include "base/log.h"
#include "base/mem.h"
#include "loop/process.h"
#include "wire/json.h"

#include <getopt.h>
#include <stdio.h>

enum { MAIN_MAGIC = 0x73696d21, BODY_MAX = 32 * 1024 * 1024, MODEL_MAX = 256 };

static const char HELP[] =
    "usage: sluice-llmsim [--listen ADDRESS] [--version] [--help]\n\n"
    "A simulated LLM provider in OpenAI's wire format under /v1; GET /stats and GET /journal tell "
    "what was asked. A last user message that begins with\n"
    "!sim scripts the answer: tokens= delay_ms= first_ms= text=self usage=none tool= retry_after=\n"
    "fault=stall@n|reset@n|truncate@n|error@n|garbage@n|huge@n|drip|status:NNN\n\n"
    "  --listen ADDRESS   host:port (127.0.0.1:8090; port 0 takes a free one)\n";

struct program {
    uint32_t magic;
    struct simulator sim;
    struct http_server *server;
};

/* Answers that are no generations. */

static void put_error(struct buf *out, int status, const struct err *err)
{
    frame_failure(out, status, err->message, err->param);
}

static void models(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_json(r, 200,
                    SPAN_LIT("{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\","
                             "\"created\":0,\"owned_by\":\"sluice\"}]}"));
}

static void stats(struct http_request *r, void *arg)
{
    struct program *p = arg;
    struct buf out;
    CHECK_MAGIC(p, MAIN_MAGIC);
    buf_init(&out, 4096);
    journal_put_stats(p->sim.journal, &out);
    http_reply_json(r, 200, buf_as_span(&out));
    buf_release(&out);
}

static void journal(struct http_request *r, void *arg)
{
    struct program *p = arg;
    struct buf out;
    CHECK_MAGIC(p, MAIN_MAGIC);
    buf_init(&out, journal_max_bytes(p->sim.journal));
    journal_put(p->sim.journal, &out);
    CHECK(buf_error(&out) == 0);
    http_reply_json(r, 200, buf_as_span(&out));
    buf_release(&out);
}

/* Chat completions. */

/* The text of the last user message; of the first text part when its content is an array. */
static struct span last_user_text(const struct json *messages)
{
    for (size_t i = json_count(messages); i > 0; i--) {
        const struct json *m = json_at(messages, i - 1), *content = json_get(m, "content");
        if (span_is(json_string(json_get(m, "role")), "user"))
            return json_type(content) == JSON_ARRAY
                       ? json_string(json_get(json_at(content, 0), "text"))
                       : json_string(content);
    }
    return SPAN_NONE;
}

/* Everything but model, messages and the streaming switches, as it came: what the journal calls
 * params. */
static void put_params(struct buf *out, struct span body)
{
    static const char *const left_out[] = {"model", "messages", "stream", "stream_options"};
    struct json_walk walk = json_walk_object(body);
    struct span name, value;
    bool has_any = false;
    (void)buf_byte(out, '{');
    while (json_walk_next(&walk, &name, &value)) {
        bool is_param = true;
        for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
            is_param = is_param && !json_name_is(name, left_out[i]);
        if (is_param)
            (void)buf_printf(out, "%s\"%.*s\":%.*s", has_any ? "," : "", SPAN_ARG(name),
                             SPAN_ARG(value));
        has_any = has_any || is_param;
    }
    (void)buf_byte(out, '}');
}

static struct asked look(const struct json *root, struct span messages)
{
    struct asked asked = {.model = json_string(json_get(root, "model")),
                          .wants_stream = json_bool(json_get(root, "stream"), false),
                          .max_tokens = -1};
    const char *const names[] = {"max_tokens", "max_completion_tokens"};
    int64_t number;
    for (size_t i = 0; i < 2; i++)
        if (json_int(json_get(root, names[i]), &number) && number >= 0)
            asked.max_tokens = number;
    asked.wants_usage =
        json_bool(json_get(json_get(root, "stream_options"), "include_usage"), false);
    asked.input_tokens = (int64_t)messages.len / 4 + 1;
    return asked;
}

static void answer(struct program *p, struct http_request *r, const struct json_doc *doc)
{
    const struct json *root = json_root(doc);
    struct span text = json_text(doc), messages = json_raw(text, "messages");
    struct script script = script_parse(last_user_text(json_get(root, "messages")));
    struct asked asked = look(root, messages);
    struct buf params;
    buf_init(&params, text.len + 64);
    put_params(&params, text);
    struct row *row = journal_begin(p->sim.journal, http_header(r, "X-Request-Id"), messages,
                                    buf_as_span(&params));
    buf_release(&params);
    if (script.fault != FAULT_STATUS) {
        answer_start(&p->sim, r, row, &script, &asked);
        return;
    }
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)script.retry_after_s);
    if (script.status == 429 || script.status == 503)
        http_add_header(r, "Retry-After", span_of(seconds));
    struct buf out;
    buf_init(&out, 4096);
    frame_failure(&out, script.status,
                  "The simulated provider was told to answer with this status.", NULL);
    http_reply_json(r, script.status, buf_as_span(&out));
    buf_release(&out);
    row_end(p->sim.journal, row, "fault", script.status);
}

/* What the answer needs of a request; 0 or -ERR_BAD_REQUEST. */
static int check(const struct json *root, struct err *err)
{
    const struct json *messages = json_get(root, "messages"), *model = json_get(root, "model");
    if (json_type(messages) != JSON_ARRAY || json_count(messages) == 0)
        return err_set(err, ERR_BAD_REQUEST, "messages",
                       "messages must be an array with at least one message");
    if (json_type(model) != JSON_STRING || json_string(model).len > MODEL_MAX)
        return err_set(err, ERR_BAD_REQUEST, "model", "model must be a string of at most %d bytes",
                       MODEL_MAX);
    return 0;
}

static void completions(struct http_request *r, void *arg)
{
    struct program *p = arg;
    struct json_doc *doc = NULL;
    struct err err = {.code = ERR_OK};
    CHECK_MAGIC(p, MAIN_MAGIC);
    if (json_parse(http_body(r), &doc, &err) != 0 || check(json_root(doc), &err) != 0)
        http_reply_error(r, &err);
    else
        answer(p, r, doc);
    json_free(doc);
}

static const struct http_route ROUTES[] = {
    {HTTP_POST, "/v1/chat/completions", completions},
    {HTTP_GET, "/v1/models", models},
    {HTTP_GET, "/stats", stats},
    {HTTP_GET, "/journal", journal},
};

/* Life. */

static void end(void *arg)
{
    struct program *p = arg;
    CHECK_MAGIC(p, MAIN_MAGIC);
    loop_stop(p->sim.loop);
}

static int serve(const char *address)
{
    struct program p = {.magic = MAIN_MAGIC};
    struct err err = {.code = ERR_OK};
    char bound[64] = "";
    p.sim.loop = loop_new();
    p.sim.journal = journal_new();
    struct process *process =
        process_new(p.sim.loop, &(struct process_hooks){.on_drain = end, .arg = &p});
    p.server = http_server_new(p.sim.loop,
                               &(struct http_options){.routes = ROUTES,
                                                      .route_count = sizeof ROUTES / sizeof *ROUTES,
                                                      .arg = &p,
                                                      .max_body_bytes = BODY_MAX,
                                                      .max_per_address = 100000,
                                                      .put_error = put_error,
                                                      .half_close_leaves = true});
    int rc = http_listen(p.server, address, bound, sizeof bound, &err);
    if (rc == 0) {
        (void)printf("listening http://%s\n", bound);
        (void)fflush(stdout);
        process_ready(process, "answering");
        loop_run(p.sim.loop);
    } else {
        (void)fprintf(stderr, "sluice-llmsim: %s\n", err.message);
    }
    http_server_free(p.server);
    process_free(process);
    loop_free(p.sim.loop);
    journal_free(p.sim.journal);
    return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *address = "127.0.0.1:8090";
    log_setup("sluice-llmsim", LOG_INFO, false);
    for (int c; (c = getopt_long(argc, argv, "l:vh", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0;
        if (c == 'v')
            return printf("sluice-llmsim %s\n", SLUICE_VERSION) < 0;
        if (c != 'l')
            return 2;
        address = optarg;
    }
    if (optind < argc) {
        (void)fputs(HELP, stderr);
        return 2;
    }
    return serve(address);
}
