/* sluice graph: what can be done with graphs; each thing lives in a file of its name. */
#include "command.h"

#include "base/span.h"

#include <stdio.h>

struct action {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct action ACTIONS[] = {
    {"check", command_graph_check},
    {"draw", command_graph_draw},
    {"run", command_graph_run},
};

static const char HELP[] = "usage: sluice graph check FILE|FOLDER...\n"
                           "       sluice graph draw [--dot] FILE\n"
                           "       sluice graph run [--chat CHAT_ID] NAME MESSAGE\n"
                           "       sluice graph run --chat CHAT_ID --answer MESSAGE\n\n"
                           "check tells everything that is wrong in graph files, a line each, with "
                           "file, line and column.\n"
                           "draw prints a graph for the terminal, or with --dot for Graphviz.\n"
                           "run sends a message to a graph and prints its steps and its reply.\n";

int command_graph(int argc, char **argv)
{
    struct span name = argc > 1 ? span_of(argv[1]) : SPAN_NONE;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (span_is(name, ACTIONS[i].name)) {
            char title[32];
            (void)snprintf(title, sizeof title, "sluice graph %s", ACTIONS[i].name);
            argv[1] = title; /* what getopt calls the program */
            return ACTIONS[i].run(argc - 1, argv + 1);
        }
    if (span_is(name, "--help") || span_is(name, "-h"))
        return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
    if (name.ptr != NULL)
        (void)fprintf(stderr, "sluice: graph has no command %s\n\n", name.ptr);
    return command_misused(HELP);
}
