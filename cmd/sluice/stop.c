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

static int print_answer(const struct json *answer)
{
    struct span outcome = json_string(json_get(answer, "outcome")),
                generation = json_string(json_get(answer, "generation_id"));
    struct span message = json_string(json_get(json_get(answer, "restore"), "message"));
    (void)fprintf(stderr, "%.*s %.*s\n", SPAN_ARG(outcome), SPAN_ARG(generation));
    if (message.ptr != NULL &&
        (fwrite(message.ptr, 1, message.len, stdout) != message.len || fputc('\n', stdout) == EOF))
        return EXIT_FAILED;
    return EXIT_OK;
}

static int take_answer(const char *server, int status, struct span body, bool as_json)
{
    struct json_doc *doc = NULL;
    if (status >= 0 && as_json)
        return status == 200 && printf("%.*s\n", SPAN_ARG(body)) > 0 ? EXIT_OK : EXIT_FAILED;
    if (!client_is_answer(&CLIENT_API, server, status, body, &doc))
        return EXIT_FAILED;
    int exit_status = print_answer(json_root(doc));
    json_free(doc);
    return exit_status;
}

static int stop_one(const char *kind, const char *id, bool all, bool as_json)
{
    char *server = client_server_url(&CLIENT_API);
    char *authorization = client_authorization();
    char *url = mem_printf("%s/v1/%s/%s/stop", server, kind, id);
    struct buf answer;
    buf_init(&answer, CLIENT_BODY_MAX);
    int status =
        client_ask(&(struct client_call){.method = "POST",
                                         .url = url,
                                         .authorization = authorization,
                                         .body = all ? SPAN_LIT("{\"all\":true}") : SPAN_LIT("{}"),
                                         .connect_ms = 3000,
                                         .total_ms = 10000},
                   &answer);
    int exit_status = take_answer(server, status, buf_as_span(&answer), as_json);
    buf_release(&answer);
    mem_free(url);
    mem_free(server);
    mem_free(authorization);
    return exit_status;
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
