/* sluice queue: the operator's look at lanes, tenants and workers; lanes paused and resumed; the
 * dead list. One request each to the API's admin listener. */
#include "client.h"
#include "command.h"

#include "base/id.h"
#include "base/mem.h"
#include "wire/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

static const char HELP[] =
    "usage: sluice queue [--json]                       lanes, tenants, workers\n"
    "       sluice queue [--json] pause LANE            workers claim nothing from it any more\n"
    "       sluice queue [--json] resume LANE\n"
    "       sluice queue [--json] dead                  what was given up after too many crashes\n"
    "       sluice queue [--json] [--tenant NAME] requeue GENERATION_ID\n"
    "                                                   a new generation with the same request\n"
    "       sluice queue [--json] [--tenant NAME] stop GENERATION_ID\n\n"
    "Lanes: stream.interactive stream.batch graph.interactive graph.batch. The tenant is `default` "
    "unless named.\nSLUICE_ADMIN_URL names the admin listener (http://127.0.0.1:8081).\n";

static int64_t number(const struct json *object, const char *name)
{
    int64_t n;
    return json_int(json_get(object, name), &n) ? n : 0;
}

static void print_text(const struct json *object, const char *name, int width)
{
    struct span text = json_string(json_get(object, name));
    (void)printf("%-*.*s", width, text.ptr == NULL ? 1 : (int)text.len,
                 text.ptr == NULL ? "-" : text.ptr);
}

static void print_lane(const struct json *lane)
{
    int64_t oldest_ms;
    print_text(lane, "lane", 20);
    (void)printf("%10" PRId64, number(lane, "waiting"));
    if (json_int(json_get(lane, "oldest_wait_ms"), &oldest_ms))
        (void)printf("%9.1f s", (double)oldest_ms / 1000.0);
    else
        (void)printf("%11s", "-");
    (void)printf("  %s\n", json_bool(json_get(lane, "paused"), false) ? "paused" : "open");
}

static void print_tenant(const struct json *tenant)
{
    print_text(tenant, "tenant", 20);
    (void)printf("%10" PRId64 "%11" PRId64 "%14" PRId64 "%14" PRId64 "\n", number(tenant, "queued"),
                 number(tenant, "running"), number(tenant, "input_tokens"),
                 number(tenant, "output_tokens"));
}

static void print_worker(const struct json *worker)
{
    print_text(worker, "worker", 34);
    print_text(worker, "kind", 8);
    (void)printf("%6" PRId64 " of %" PRId64 "\n", number(worker, "running"),
                 number(worker, "slots"));
}

static void print_dead_row(const struct json *row)
{
    print_text(row, "tenant", 16);
    (void)printf(" ");
    print_text(row, "generation_id", 32);
    (void)printf("%4" PRId64 " crashes  ", number(row, "crashes"));
    print_text(json_get(row, "error"), "message", 0);
    (void)printf("\n");
}

static void print_rows(const struct json *root, const char *name, const char *heading,
                       void (*print)(const struct json *row))
{
    const struct json *rows = json_get(root, name);
    (void)printf("%s\n", heading);
    for (size_t i = 0; i < json_count(rows); i++)
        print(json_at(rows, i));
}

static void print_overview(const struct json *root)
{
    print_rows(root, "lanes", "lane                   waiting     oldest  state", print_lane);
    print_rows(root, "tenants",
               "\ntenant                  queued    running  input tokens output tokens",
               print_tenant);
    print_rows(root, "workers", "\nworker                            kind    running",
               print_worker);
    (void)printf("\nrunning %" PRId64 ", delayed %" PRId64 ", dead %" PRId64 "\n",
                 number(root, "running_total"), number(root, "delayed"), number(root, "dead"));
}

static void print_dead(const struct json *root)
{
    print_rows(root, "data", "tenant           generation                      crashes",
               print_dead_row);
}

static void print_lane_state(const struct json *root)
{
    print_text(root, "lane", 0);
    (void)printf(" %s\n", json_bool(json_get(root, "paused"), false) ? "paused" : "open");
}

static void print_stop(const struct json *root)
{
    print_text(root, "outcome", 0);
    (void)printf(" ");
    print_text(root, "generation_id", 0);
    (void)printf("\n");
}

static void print_generation(const struct json *root)
{
    print_text(root, "generation_id", 0);
    (void)printf("\n");
}

/* What the command can do. `path` takes the tenant and the operand, as far as `wants` says. */
enum wants { NOTHING, LANE, GENERATION };
static const struct action {
    const char *name;
    enum wants wants;
    const char *method;
    const char *path;
    void (*print)(const struct json *root);
} ACTIONS[] = {
    {"", NOTHING, "GET", "/v1/admin/overview", print_overview},
    {"dead", NOTHING, "GET", "/v1/admin/dead?limit=200", print_dead},
    {"pause", LANE, "POST", "/v1/admin/lanes/%s/pause", print_lane_state},
    {"resume", LANE, "POST", "/v1/admin/lanes/%s/resume", print_lane_state},
    {"requeue", GENERATION, "POST", "/v1/admin/tenants/%s/generations/%s/requeue",
     print_generation},
    {"stop", GENERATION, "POST", "/v1/admin/tenants/%s/generations/%s/stop", print_stop},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (strcmp(ACTIONS[i].name, name) == 0)
            return &ACTIONS[i];
    return NULL;
}

static int take_answer(const struct action *action, const char *server, int status,
                       struct span body, bool as_json)
{
    struct json_doc *doc = NULL;
    if (!client_is_answer(&CLIENT_ADMIN, server, status, body, &doc))
        return EXIT_FAILED;
    if (as_json)
        (void)printf("%.*s\n", SPAN_ARG(body));
    else
        action->print(json_root(doc));
    json_free(doc);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static char *action_path(const struct action *action, const char *tenant, const char *operand)
{
    struct span path = span_of(action->path);
    struct buf out;
    const char *parts[] = {action->wants == GENERATION ? tenant : operand, operand};
    size_t part = 0;
    buf_init(&out, 1024);
    while (path.ptr != NULL) {
        (void)buf_span(&out, span_cut(&path, '%')); /* short, as are the ids */
        if (path.ptr != NULL && part < sizeof parts / sizeof *parts) {
            (void)buf_text(&out, parts[part++]);
            path = span_make(path.ptr + 1, path.len - 1); /* the s */
        }
    }
    char *text = span_dup(buf_as_span(&out));
    buf_release(&out);
    return text;
}

static int act(const struct action *action, const char *tenant, const char *operand, bool as_json)
{
    char *server = client_server_url(&CLIENT_ADMIN);
    char *authorization = client_authorization();
    char *path = action_path(action, tenant, operand);
    char *url = mem_printf("%s%s", server, path);
    struct buf answer;
    buf_init(&answer, CLIENT_BODY_MAX);
    int status = client_ask(
        &(struct client_call){.method = action->method,
                              .url = url,
                              .authorization = authorization,
                              .body = action->wants == NOTHING ? SPAN_NONE : SPAN_LIT("{}"),
                              .connect_ms = 3000,
                              .total_ms = 10000},
        &answer);
    int exit_status = take_answer(action, server, status, buf_as_span(&answer), as_json);
    buf_release(&answer);
    mem_free(url);
    mem_free(path);
    mem_free(authorization);
    mem_free(server);
    return exit_status;
}

int command_queue(int argc, char **argv)
{
    static const struct option options[] = {{"tenant", required_argument, NULL, 't'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *tenant = "default";
    bool as_json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 't')
            tenant = optarg;
        else if (c == 'j')
            as_json = true;
        else
            return command_misused(HELP);
    }
    int count = argc - optind;
    const struct action *action = find_action(count > 0 ? argv[optind] : "");
    if (action == NULL || count > 2 || (count == 2) != (action->wants != NOTHING))
        return command_misused(HELP);
    const char *operand = count == 2 ? argv[optind + 1] : "";
    if (!id_is_tenant(span_of(tenant))) {
        (void)fprintf(stderr, "sluice: %s is not a tenant\n", tenant);
        return EXIT_USAGE;
    }
    if (action->wants != NOTHING && !client_is_id(operand))
        return EXIT_USAGE;
    return act(action, tenant, operand, as_json);
}
