/* sluice stop: one POST to the API; the message given back goes to standard output, the outcome to
 * standard error. */
#include "client.h"
#include "command.h"

#include "base/mem.h"
#include "wire/json.h"

#include <getopt.h>
#include <stdio.h>

static const char HELP[] = "usage: sluice stop [--json] GENERATION_ID\n       sluice stop [--json] "
                           "[--all] --chat CHAT_ID\n\n"
                           "Stops a generation, or what runs in a chat. Prints the message given "
                           "back; --json prints the whole answer.\n"
                           "--all also drops what waits behind it.\n"
                           "will_stop: the server has not seen that id yet; within 60 s it is "
                           "stopped as soon as it comes.\n";

enum { STOPPING_MAGIC = 0x73746f70 };

struct stopping {
    uint32_t magic;
    struct loop *loop;
    char *server;
    bool as_json;
    int exit_status;
};

static void print_answer(struct stopping *s, const struct json *answer)
{
    struct span outcome = json_string(json_get(answer, "outcome")),
                generation = json_string(json_get(answer, "generation_id"));
    struct span message = json_string(json_get(json_get(answer, "restore"), "message"));
    (void)fprintf(stderr, "%.*s %.*s\n", SPAN_ARG(outcome), SPAN_ARG(generation));
    if (message.ptr != NULL &&
        (fwrite(message.ptr, 1, message.len, stdout) != message.len || fputc('\n', stdout) == EOF))
        return;
    s->exit_status = EXIT_OK;
}

static void on_answer(int status, struct span body, void *arg)
{
    struct stopping *s = arg;
    struct json_doc *doc = NULL;
    struct err err = {.code = ERR_OK};
    CHECK_MAGIC(s, STOPPING_MAGIC);
    loop_stop(s->loop);
    if (status < 0) {
        client_say_unreachable(s->server, body);
    } else if (s->as_json) {
        s->exit_status =
            status == 200 && printf("%.*s\n", SPAN_ARG(body)) > 0 ? EXIT_OK : EXIT_FAILED;
    } else if (json_parse(body, &doc, &err) != 0) {
        (void)fprintf(stderr, "sluice: the server answered %d with something that is not JSON\n",
                      status);
    } else if (status != 200) {
        (void)fprintf(
            stderr, "sluice: %.*s\n",
            SPAN_ARG(json_string(json_get(json_get(json_root(doc), "error"), "message"))));
    } else {
        print_answer(s, json_root(doc));
    }
    json_free(doc);
}

static int stop_one(const char *kind, const char *id, bool all, bool as_json)
{
    struct stopping s = {.magic = STOPPING_MAGIC,
                         .loop = loop_new(),
                         .server = client_server_url(),
                         .as_json = as_json,
                         .exit_status = EXIT_FAILED};
    struct fetcher *fetcher = fetcher_new(s.loop);
    char *authorization = client_authorization();
    char *url = mem_printf("%s/v1/%s/%s/stop", s.server, kind, id);
    client_start(s.loop, fetcher,
                 &(struct client_call){.method = "POST",
                                       .url = url,
                                       .authorization = authorization,
                                       .body = all ? SPAN_LIT("{\"all\":true}") : SPAN_LIT("{}"),
                                       .connect_ms = 3000,
                                       .total_ms = 10000},
                 on_answer, &s);
    loop_run(s.loop);
    fetcher_free(fetcher);
    loop_free(s.loop);
    mem_free(url);
    mem_free(s.server);
    mem_free(authorization);
    return s.exit_status;
}

int command_stop(int argc, char **argv)
{
    static const struct option options[] = {{"chat", required_argument, NULL, 'c'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *chat = NULL;
    bool all = false, as_json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 'c')
            chat = optarg;
        else if (c == 'a')
            all = true;
        else if (c == 'j')
            as_json = true;
        else
            return command_misused(HELP);
    }
    if (argc - optind != (chat == NULL ? 1 : 0))
        return command_misused(HELP);
    const char *id = chat != NULL ? chat : argv[optind];
    return client_is_id(id) ? stop_one(chat != NULL ? "chats" : "generations", id, all, as_json)
                            : EXIT_USAGE;
}
