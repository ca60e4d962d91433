/* sluice graph check: everything that is wrong in graph files, a line each. Each file is read; what
 * is well so far has its expressions compiled; the files of a folder are looked at together last:
 * their names, their sub-graphs. */
#include "command.h"

#include "base/mem.h"
#include "graphs/check.h"
#include "graphs/library.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char HELP[] =
    "usage: sluice graph check FILE|FOLDER...\n\n"
    "Prints everything that is wrong as file:line:column: what is wrong; what to write.\n"
    "Of a folder every *.yaml is checked, also against the others. Status 1: something was "
    "wrong.\n";

struct checking {
    struct loop *loop;
    struct jq *jq;
    size_t files, problems;
    bool is_jq_away;
};

static void on_problem(const char *message, void *arg)
{
    struct checking *c = arg;
    c->problems++;
    (void)printf("%s\n", message); /* looked at once, at the end */
}

static void on_checked(int status, const char *message, void *arg)
{
    struct checking *c = arg;
    if (status == -ERR_UNAVAILABLE) {
        (void)fprintf(stderr, "sluice: expressions cannot be checked: %s\n", message);
        c->is_jq_away = true;
    }
    loop_stop(c->loop);
}

static void check_file(struct checking *c, const char *path)
{
    struct graph *graph = NULL;
    c->files++;
    if (graph_load(path, on_problem, c, &graph, NULL) == 0 && !c->is_jq_away) {
        (void)graph_check_all(c->jq, graph, on_problem, on_checked, c); /* over when the loop is */
        loop_run(c->loop);
    }
    graph_free(graph);
}

static void check_folder(struct checking *c, const char *path)
{
    struct dirent **entries = NULL;
    struct library *library;
    size_t problems = c->problems;
    int count = scandir(path, &entries, library_is_file, alphasort);
    for (int i = 0; i < count; i++) {
        char *file = mem_printf("%s/%s", path, entries[i]->d_name);
        check_file(c, file);
        mem_free(file);
        free(entries[i]); /* scandir's */
    }
    free(entries);
    /* Else the same would be told twice. */
    if (c->problems == problems && library_read(path, on_problem, c, &library, NULL) == 0)
        library_free(library);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int check(char **paths, int count)
{
    struct checking c = {.loop = loop_new()};
    c.jq = jq_new(c.loop, &(struct jq_options){.children = 1});
    for (int i = 0; i < count; i++) {
        if (is_folder(paths[i]))
            check_folder(&c, paths[i]);
        else
            check_file(&c, paths[i]);
    }
    jq_free(c.jq);
    loop_free(c.loop);
    bool is_well = c.problems == 0 && !c.is_jq_away;
    if (is_well)
        (void)fprintf(stderr, "%zu graph%s, nothing to complain of\n", c.files,
                      c.files == 1 ? "" : "s");
    return is_well && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_graph_check(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        return command_misused(HELP);
    }
    return optind == argc ? command_misused(HELP) : check(argv + optind, argc - optind);
}
