/* sluice chat: a chat at the terminal; in a pipe, one message and its reply. */
#include "chat_inner.h"
#include "client.h"
#include "command.h"

#include "base/mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char HELP[] =
    "usage: sluice chat [--chat CHAT_ID] [--model NAME | --graph NAME] [--user NAME]\n"
    "                   [--system TEXT] [--usage]\n\n"
    "A chat at the terminal. Enter sends, Ctrl-J begins a new line. Ctrl-C stops the reply and\n"
    "puts the message back on the line; on an empty line it leaves, as Ctrl-D does.\n"
    "Where standard input or output is no terminal: sends what comes on standard input as one\n"
    "message and writes the reply; exit status 0 when it ended as done, 1 otherwise.\n\n"
    "  --chat CHAT_ID  goes on with that chat and shows its last turns\n"
    "  --model NAME, --graph NAME, --user NAME, --system TEXT  as in a request\n"
    "  --usage         tells the tokens of each turn\n";

/* Owned; NULL: why is said. */
static char *read_message(void)
{
    struct buf text;
    char bytes[4096];
    size_t len = 0;
    buf_init(&text, CHAT_MESSAGE_MAX);
    for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);) {
        n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n > 0)
            (void)buf_append(&text, bytes, (size_t)n); /* looked at below */
    }
    bool is_whole = buf_error(&text) == 0;
    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.ptr[--text.len] = '\0'; /* as in a shell's $(...) */
    struct span all = buf_as_span(&text);
    const char *fault = NULL;
    if (!is_whole)
        fault = "the message has more than 256 KiB";
    else if (span_trim(all).len == 0)
        fault = "there is no message on standard input";
    else if (!span_is_utf8(all) || memchr(all.ptr, '\0', all.len) != NULL)
        fault = "the message is not text in UTF-8";
    char *message = buf_take(&text, &len);
    if (fault == NULL)
        return message;
    (void)fprintf(stderr, "sluice: %s\n", fault);
    mem_free(message);
    return NULL;
}

static int chat(const struct chat_options *options)
{
    if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
        return chat_run(options, NULL);
    char *message = read_message();
    int exit_status = message == NULL ? EXIT_FAILED : chat_run(options, message);
    mem_free(message);
    return exit_status;
}

int command_chat(int argc, char **argv)
{
    static const struct option options[] = {
        {"chat", required_argument, NULL, 'c'},   {"model", required_argument, NULL, 'm'},
        {"graph", required_argument, NULL, 'g'},  {"user", required_argument, NULL, 'u'},
        {"system", required_argument, NULL, 's'}, {"usage", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *id = NULL;
    struct chat_options chosen = {.model = NULL};
    const struct {
        int letter;
        const char **to;
    } texts[] = {{'c', &id},
                 {'m', &chosen.model},
                 {'g', &chosen.graph},
                 {'u', &chosen.user},
                 {'s', &chosen.system}};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == '?')
            return command_misused(HELP);
        chosen.wants_usage = chosen.wants_usage || c == 't';
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (texts[i].letter == c)
                *texts[i].to = optarg;
    }
    if (argc != optind || (chosen.model != NULL && chosen.graph != NULL))
        return command_misused(HELP);
    if (id != NULL && !client_is_id(id))
        return EXIT_USAGE;
    chosen.is_new = id == NULL;
    chosen.chat = id == NULL ? id_mint("chat") : id_from(span_of(id));
    return chat(&chosen);
}
