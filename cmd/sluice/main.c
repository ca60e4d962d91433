/* sluice: the command line. Owns the table of subcommands; each lives in a file of its name. */
#include "command.h"

#include "base/log.h"
#include "base/span.h"

#include <stdio.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *sentence;
};

static const struct command COMMANDS[] = {
    {"run", command_run,
     "start the whole stack on this machine: Redis, a provider, the API and workers"},
    {"chat", command_chat, "chat at the terminal, or send one message from a pipe"},
    {"stop", command_stop, "stop a generation and print the message given back"},
    {"tail", command_tail, "print a generation while it runs"},
    {"graph", command_graph, "check and draw graph files, run a graph"},
    {"queue", command_queue, "look at the queue, pause and resume lanes, see what died"},
    {"top", command_top, "watch the queue, what runs and how fast, and stop what runs"},
    {"doctor", command_doctor, "look at Redis and the configuration, and say what to do"},
    {"config", command_config, "print the effective settings, secrets masked"},
    {"key", command_key, "make an API key and its row for the configuration"},
};

static void print_help(FILE *to)
{
    (void)fprintf(to, "usage: sluice COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        (void)fprintf(to, "  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].sentence);
    (void)fprintf(
        to, "\nsluice COMMAND --help tells a command's options; sluice --version the version.\n"
            "chat, stop, tail and graph run find their server by SLUICE_URL "
            "(http://127.0.0.1:8080) and "
            "SLUICE_API_KEY.\n");
}

int command_misused(const char *help)
{
    (void)fputs(help, stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct span name = argc > 1 ? span_of(argv[1]) : SPAN_NONE;
    log_setup("sluice", LOG_INFO, false);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (span_is(name, COMMANDS[i].name)) {
            char title[32];
            (void)snprintf(title, sizeof title, "sluice %s", COMMANDS[i].name);
            argv[1] = title; /* what getopt calls the program */
            return COMMANDS[i].run(argc - 1, argv + 1);
        }
    if (span_is(name, "--help") || span_is(name, "-h") || span_is(name, "help")) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (span_is(name, "--version")) {
        (void)printf("sluice %s\n", SLUICE_VERSION);
        return EXIT_OK;
    }
    if (name.ptr != NULL)
        (void)fprintf(stderr, "sluice: there is no command %s\n\n", name.ptr);
    print_help(stderr);
    return EXIT_USAGE;
}
