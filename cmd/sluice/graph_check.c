/* sluice graph check: everything that is wrong in graph files, a line each. Files of a folder are
 * also checked against each other: names, sub-graphs. */
#include "command.h"

#include "graphs/library.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

static const char HELP[] =
    "usage: sluice graph check FILE|FOLDER...\n\n"
    "Prints everything that is wrong as file:line:column: what is wrong; what to write.\n"
    "Of a folder every *.yaml is checked, also against the others. Status 1: something was "
    "wrong.\n";

static void print_problem(const char *message, void *arg)
{
    (void)arg;
    (void)printf("%s\n", message); /* looked at once, at the end */
}

static bool check_file(const char *path)
{
    struct graph *graph = NULL;
    int result = graph_load(path, print_problem, NULL, &graph, NULL);
    graph_free(graph);
    return result == 0;
}

static bool check_folder(const char *path)
{
    struct library *library = NULL;
    int result = library_read(path, print_problem, NULL, &library, NULL);
    library_free(library);
    return result == 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int command_graph_check(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int wrong = 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        return command_misused(HELP);
    }
    if (optind == argc)
        return command_misused(HELP);
    for (int i = optind; i < argc; i++)
        wrong += !(is_folder(argv[i]) ? check_folder(argv[i]) : check_file(argv[i]));
    return wrong == 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
