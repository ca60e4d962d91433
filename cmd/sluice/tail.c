/* sluice tail: prints a generation's text, or its events, as they come. */
#include "client.h"
#include "command.h"
#include "follow.h"
#include "words.h"

#include "wire/event.h"

#include <getopt.h>
#include <stdio.h>

enum { TAIL_MAGIC = 0x7461696c };

static const char HELP[] =
    "usage: sluice tail [--json] GENERATION_ID\n       sluice tail [--json] --chat CHAT_ID\n\n"
    "Prints a generation's text from its beginning and while it runs. --json prints each event's "
    "JSON on a line.\n"
    "Exit status 0 when it ended as done, 1 otherwise.\n";

struct tail {
    uint32_t magic;
    struct loop *loop;
    bool as_json;
    int exit_status;
};

static void print_end(struct tail *t, struct span type, const struct json *data)
{
    struct span reason = json_string(json_get(data, "reason")),
                message = json_string(json_get(json_get(data, "error"), "message"));
    if (!t->as_json) {
        struct span why = reason.ptr != NULL ? reason : message;
        (void)fprintf(stderr, "\n%.*s%s", SPAN_ARG(type), why.ptr != NULL ? ": " : "");
        words_print(stderr, why);
        (void)fputc('\n', stderr);
    }
    t->exit_status = span_is(type, "done") ? EXIT_OK : EXIT_FAILED;
}

static void on_event(const struct sse_event *event, const struct json *data, void *arg)
{
    struct tail *t = arg;
    CHECK_MAGIC(t, TAIL_MAGIC);
    struct span text = json_string(json_get(data, "text"));
    if (t->as_json)
        (void)printf("%.*s\n", SPAN_ARG(event->data));
    else if (span_is(event->type, "delta"))
        words_print(stdout, text);
    (void)fflush(stdout);
    if (event_is_terminal(event_kind_of(event->type)))
        print_end(t, event->type, data);
}

static void on_over(bool is_whole, void *arg)
{
    struct tail *t = arg;
    (void)is_whole; /* the exit status is the end's */
    CHECK_MAGIC(t, TAIL_MAGIC);
    loop_stop(t->loop);
}

static int tail(enum follow_kind kind, const char *id, bool as_json)
{
    struct tail t = {
        .magic = TAIL_MAGIC, .loop = loop_new(), .as_json = as_json, .exit_status = EXIT_FAILED};
    struct fetcher *fetcher = fetcher_new(t.loop);
    struct follow *follow =
        follow_start(t.loop, fetcher, kind, id,
                     &(struct follow_hooks){.on_event = on_event, .on_over = on_over, .arg = &t});
    loop_run(t.loop);
    follow_free(follow);
    fetcher_free(fetcher);
    loop_free(t.loop);
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
    return client_is_id(id) ? tail(chat != NULL ? FOLLOW_CHAT : FOLLOW_GENERATION, id, as_json)
                            : EXIT_USAGE;
}
