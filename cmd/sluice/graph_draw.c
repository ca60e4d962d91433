/* sluice graph draw: a graph's nodes and edges, for people or for Graphviz. */
#include "command.h"
#include "graph_picture.h"

#include "graphs/library.h"

#include <getopt.h>
#include <stdio.h>

enum { PICTURE_MAX = 4 * 1024 * 1024 };

static const char HELP[] =
    "usage: sluice graph draw [--dot] FILE\n\n"
    "Prints the graph of a file for the terminal: each node with its kind, what it has, and where\n"
    "it goes on. --dot prints it for Graphviz: sluice graph draw --dot FILE | dot -Tsvg\n";

static void on_problem(const char *message, void *arg)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", message);
}

static int draw(const char *path, bool want_dot)
{
    struct graph *graph = NULL;
    struct buf out;
    if (graph_load(path, on_problem, NULL, &graph, NULL) != 0)
        return EXIT_FAILED;
    buf_init(&out, PICTURE_MAX);
    if (want_dot)
        picture_dot(graph, &out);
    else
        picture_text(graph, &out);
    bool is_out = buf_error(&out) == 0 && fwrite(out.ptr, 1, out.len, stdout) == out.len &&
                  fflush(stdout) == 0;
    buf_release(&out);
    graph_free(graph);
    return is_out ? EXIT_OK : EXIT_FAILED;
}

int command_graph_draw(int argc, char **argv)
{
    static const struct option options[] = {
        {"dot", no_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool want_dot = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c != 'd')
            return command_misused(HELP);
        want_dot = true;
    }
    return optind + 1 == argc ? draw(argv[optind], want_dot) : command_misused(HELP);
}
