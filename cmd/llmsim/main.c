/* sluice-llmsim: a provider to develop and test against. Owns the routes: three wire formats by
 * their paths, their lists of models, and what it saw (stats, journal). */
#include "generate.h"
#include "script.h"
#include "tools.h"

#include "base/log.h"
#include "base/num.h"
#include "loop/process.h"

#include <getopt.h>
#include <stdio.h>

enum { MAIN_MAGIC = 0x73696d21, BODY_MAX = 32 * 1024 * 1024 };

static const char HELP[] =
    "usage: sluice-llmsim [--listen ADDRESS] [--tool-ms MS] [--version] [--help]\n\n"
    "A simulated LLM provider in the wire formats of OpenAI (/v1/chat/completions), Anthropic\n"
    "(/v1/messages) and Ollama (/api/chat); GET /stats and GET /journal tell what was asked. It\n"
    "calls the tools that a request offers, and has some for example graphs under /tools. A\n"
    "last user message that begins with !sim scripts the answer:\n"
    "tokens= reasoning= delay_ms= first_ms= text=self|clock usage=none tool= spend_cap\n"
    "fault=stall@n|reset@n|truncate@n|error@n|garbage@n|huge@n|drip|status:NNN\n"
    "retry_after=s|date:s|none fail_times= on_model= (see the man page)\n\n"
    "  --listen ADDRESS   host:port (127.0.0.1:8090; port 0 takes a free one)\n"
    "  --tool-ms MS       how long each answer under /tools takes (0)\n";

struct program {
    uint32_t magic;
    struct simulator sim;
    struct http_server *server;
};

/* Answers that are no generations. */

static void put_error(struct buf *out, int status, const struct err *err)
{
    format_openai.failure(
        out, &(struct failure){.status = status, .message = err->message, .param = err->param});
}

/* OpenAI and Anthropic list models at one path. */
static void models(struct http_request *r, void *arg)
{
    (void)arg;
    bool is_anthropic = http_header(r, "anthropic-version").ptr != NULL;
    http_reply_json(
        r, 200,
        is_anthropic
            ? SPAN_LIT("{\"data\":[{\"type\":\"model\",\"id\":\"sim\",\"display_name\":"
                       "\"Simulated\",\"created_at\":\"1970-01-01T00:00:00Z\"}],\"has_more\":"
                       "false,\"first_id\":\"sim\",\"last_id\":\"sim\"}")
            : SPAN_LIT("{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\","
                       "\"created\":0,\"owned_by\":\"sluice\"}]}"));
}

static void tags(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_json(r, 200,
                    SPAN_LIT("{\"models\":[{\"name\":\"sim:latest\",\"model\":\"sim:latest\","
                             "\"modified_at\":\"1970-01-01T00:00:00Z\",\"size\":0,\"digest\":"
                             "\"0\",\"details\":{\"parent_model\":\"\",\"format\":\"sim\","
                             "\"family\":\"sim\",\"families\":[\"sim\"],\"parameter_size\":"
                             "\"0B\",\"quantization_level\":\"none\"}}]}"));
}

static void version(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_json(r, 200, SPAN_LIT("{\"version\":\"" SLUICE_VERSION "\"}"));
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

/* Generations, a route for each format. */

static struct simulator *sim_of(void *arg)
{
    struct program *p = arg;
    CHECK_MAGIC(p, MAIN_MAGIC);
    return &p->sim;
}

static void in_format(struct http_request *r, void *arg, const struct format *format)
{
    generate(sim_of(arg), format, r);
}

static void openai(struct http_request *r, void *arg)
{
    in_format(r, arg, &format_openai);
}

static void anthropic(struct http_request *r, void *arg)
{
    in_format(r, arg, &format_anthropic);
}

static void ollama(struct http_request *r, void *arg)
{
    in_format(r, arg, &format_ollama);
}

/* Tools. */

static void search(struct http_request *r, void *arg)
{
    tools_search(sim_of(arg), r);
}

static void page(struct http_request *r, void *arg)
{
    tools_page(sim_of(arg), r);
}

static void order(struct http_request *r, void *arg)
{
    tools_order(sim_of(arg), r);
}

static void cancel(struct http_request *r, void *arg)
{
    tools_cancel(sim_of(arg), r);
}

static void hang(struct http_request *r, void *arg)
{
    tools_hang(sim_of(arg), r);
}

static const struct http_route ROUTES[] = {
    {HTTP_POST, "/v1/chat/completions", openai},
    {HTTP_POST, "/v1/messages", anthropic},
    {HTTP_POST, "/api/chat", ollama},
    {HTTP_GET, "/tools/search", search},
    {HTTP_GET, "/tools/page", page},
    {HTTP_GET, "/tools/orders/{number}", order},
    {HTTP_POST, "/tools/orders/{number}/cancel", cancel},
    {HTTP_GET, "/tools/hang", hang},
    {HTTP_GET, "/v1/models", models},
    {HTTP_GET, "/api/tags", tags},
    {HTTP_GET, "/api/version", version},
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

static int serve(const char *address, int64_t tool_ms)
{
    struct program p = {.magic = MAIN_MAGIC, .sim.tool_ms = tool_ms};
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
                                            {"tool-ms", required_argument, NULL, 't'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *address = "127.0.0.1:8090";
    uint64_t tool_ms = 0;
    log_setup("sluice-llmsim", LOG_INFO, false);
    for (int c; (c = getopt_long(argc, argv, "l:t:vh", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0;
        if (c == 'v')
            return printf("sluice-llmsim %s\n", SLUICE_VERSION) < 0;
        if (c == 't' && num_parse_u64(span_of(optarg), &tool_ms) == 0 && tool_ms <= SCRIPT_MS_MAX)
            continue;
        if (c != 'l')
            return 2;
        address = optarg;
    }
    if (optind < argc) {
        (void)fputs(HELP, stderr);
        return 2;
    }
    return serve(address, (int64_t)tool_ms);
}
