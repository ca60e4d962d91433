/* The graphs of a folder: each alone, and against each other. */
#include "base/buf.h"
#include "base/mem.h"
#include "graphs/library.h"
#include "wire/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES_MAX = LIMIT_GRAPHS + 1, TOLD_MAX = 1024 };

static char folder[64];
static char *files[FILES_MAX];
static size_t file_count;
static char told[TOLD_MAX];

static void put(const char *name, const char *text)
{
    assert_true(file_count < FILES_MAX);
    files[file_count] = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(files[file_count++], "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* <name>.yaml: a graph that runs the others, one after another. */
static void put_graph(const char *name, const char *first, const char *second)
{
    char *file = mem_printf("%s.yaml", name);
    char *text = mem_printf(
        "graph: %s\nstart: a\nnodes:\n"
        "  - {id: a, kind: set, visible: true, value: '1', next: %s}\n%s%s%s%s%s%s",
        name, first == NULL ? "end" : "b",
        first == NULL ? "" : "  - {id: b, kind: parallel, branches: {x: {kind: graph, graph: ",
        first == NULL ? "" : first,
        first == NULL    ? ""
        : second == NULL ? "}}, next: end}\n"
                         : "}}, next: c}\n",
        second == NULL ? "" : "  - {id: c, kind: graph, next: end, graph: ",
        second == NULL ? "" : second, second == NULL ? "" : "}\n");
    put(file, text);
    mem_free(file);
    mem_free(text);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/sluice-graphs-XXXXXX");
    assert_non_null(mkdtemp(folder));
    told[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (file_count > 0) {
        (void)unlink(files[--file_count]);
        mem_free(files[file_count]);
    }
    return rmdir(folder);
}

static void on_wrong(const char *message, void *arg)
{
    size_t used = strlen(told);
    (void)arg;
    assert_true(strncmp(message, folder, strlen(folder)) == 0);
    message += strlen(folder);
    message += *message == '/';
    (void)snprintf(told + used, sizeof told - used, "%s\n", message);
}

static struct library *well(void)
{
    struct library *library = NULL;
    struct err err = {0};
    if (library_read(folder, NULL, NULL, &library, &err) != 0)
        fail_msg("%s", err.message);
    return library;
}

static void is_refused(const char *says)
{
    struct library *library = NULL;
    struct err err = {0};
    assert_int_equal(library_read(folder, on_wrong, NULL, &library, &err), -ERR_CONFIG);
    assert_null(library);
    assert_string_equal(told, says);
    size_t first = strcspn(says, "\n");
    assert_memory_equal(err.message + strlen(folder) + 1, says, first);
}

static void a_folder(void **state)
{
    (void)state;
    put_graph("two", NULL, NULL);
    put_graph("one", "two", "three");
    put_graph("three", "two", NULL);
    put("notes.txt", "graph");
    put(".one.yaml", "hidden: by an editor");
    struct library *library = well();
    assert_int_equal(library_count(library), 3);
    assert_string_equal(library_at(library, 0)->name, "one");
    assert_string_equal(library_at(library, 2)->name, "two");
    const struct graph *two = library_find(library, SPAN_LIT("two"));
    assert_ptr_equal(two, library_at(library, 2));
    assert_ptr_equal(library_find_version(library, span_of(two->version)), two);
    assert_null(library_find(library, SPAN_LIT("tw")));
    assert_null(library_find(library, SPAN_NONE));
    assert_null(library_find_version(library, SPAN_LIT("0")));
    library_free(library);
    library_free(NULL);
}

static void an_empty_folder(void **state)
{
    (void)state;
    struct library *library = well();
    assert_int_equal(library_count(library), 0);
    library_free(library);
}

static void no_folder(void **state)
{
    struct library *library = NULL;
    struct err err = {0};
    (void)state;
    assert_int_equal(library_read("/nowhere/at/all", NULL, NULL, &library, &err), -ERR_CONFIG);
    assert_string_equal(err.message,
                        "/nowhere/at/all: No such file or directory; write the path of a folder");
}

static void the_first_mistake_of_each_file(void **state)
{
    (void)state;
    put("a.yaml", "graph: a\nstrat: b\n");
    put_graph("b", NULL, NULL);
    put("c.yaml", "{graph: c, start: a, nodes: []}\n");
    is_refused("a.yaml:1:1: the file must have 'start'; write start: the id of the first node\n"
               "c.yaml:1:29: nodes is empty; write at least one item\n");
}

static void names_are_unique(void **state)
{
    (void)state;
    put_graph("a", NULL, NULL);
    put("b.yaml",
        "{graph: a, start: a, nodes: [{id: a, kind: set, visible: true, value: '2', next: "
        "end}]}");
    struct library *library = NULL;
    assert_int_equal(library_read(folder, on_wrong, NULL, &library, NULL), -ERR_CONFIG);
    assert_non_null(strstr(told, "b.yaml:1:1: the graph 'a' is in /tmp/"));
    assert_non_null(strstr(told, "/a.yaml too; write another name\n"));
}

static void sub_graphs_are_there(void **state)
{
    (void)state;
    put_graph("outer", "reviw", NULL);
    put_graph("review", NULL, NULL);
    is_refused("outer.yaml:5:64: there is no graph 'reviw'; did you mean 'review'?\n");
}

static void each_is_told(void **state)
{
    (void)state;
    put_graph("a", "x", "b");
    put_graph("b", "y", NULL);
    is_refused("a.yaml:5:64: there is no graph 'x'; write the name of one of the folder\n"
               "b.yaml:5:64: there is no graph 'y'; write the name of one of the folder\n");
}

static void no_graph_runs_in_itself(void **state)
{
    (void)state;
    put_graph("a", "b", NULL);
    put_graph("b", "c", NULL);
    put_graph("c", "a", NULL);
    is_refused("c.yaml:5:64: the graph 'a' would run inside itself; write another graph's name\n");
}

static void four_deep_and_no_deeper(void **state)
{
    (void)state;
    put_graph("d1", "d2", NULL);
    put_graph("d2", "d3", NULL);
    put_graph("d3", "d4", NULL);
    put_graph("d4", NULL, NULL);
    library_free(well());
    put_graph("d0", "d4", "d1");
    is_refused("d3.yaml:5:64: sub-graphs are nested deeper than 4; write fewer\n");
}

static void a_sub_graph_does_not_ask(void **state)
{
    (void)state;
    put("asks.yaml", "graph: asks\nstart: q\nnodes:\n"
                     "  - {id: q, kind: ask, prompt: Which?, next: a}\n"
                     "  - {id: a, kind: set, visible: true, value: '1', next: end}\n");
    library_free(well());
    put_graph("outer", "asks", NULL);
    is_refused("outer.yaml:5:64: the graph 'asks' asks (node 'q'), which a sub-graph cannot; write "
               "one without ask\n");
}

static void no_more_than_can_be_published(void **state)
{
    char id[GRAPH_ID_MAX + 1];
    (void)state;
    for (int i = 0; i < LIMIT_GRAPHS; i++) {
        (void)snprintf(id, sizeof id, "g%03d", i);
        put_graph(id, NULL, NULL);
    }
    library_free(well());
    put_graph("one_more", NULL, NULL);
    struct library *library = NULL;
    assert_int_equal(library_read(folder, on_wrong, NULL, &library, NULL), -ERR_CONFIG);
    assert_string_equal(told, ": 501 graphs; write at most 500\n");
}

static void by_name_and_by_version(void **state)
{
    (void)state;
    put_graph("a", NULL, NULL);
    put_graph("b", NULL, NULL);
    struct library *library = well();
    const struct graph *b = library_find(library, SPAN_LIT("b"));
    assert_string_equal(b->name, "b");
    assert_ptr_equal(library_find_version(library, span_of(b->version)), b);
    assert_null(library_find(library, SPAN_LIT("c")));
    assert_null(library_find_version(library, SPAN_LIT("b")));
    library_free(library);
}

/* all.yaml: a graph that runs `count` others, g0, g1 and so on. */
static void put_all(int count)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    assert_int_equal(buf_text(&text, "graph: all\nstart: n0\nnodes:\n"), 0);
    for (int i = 0; i < count; i++) {
        char next[16] = "end";
        if (i + 1 < count)
            (void)snprintf(next, sizeof next, "n%d", i + 1);
        assert_int_equal(
            buf_printf(&text, "  - {id: n%d, kind: graph, graph: g%d, visible: true, next: %s}\n",
                       i, i, next),
            0);
    }
    put("all.yaml", text.ptr);
    buf_release(&text);
}

static void what_a_graph_reaches(void **state)
{
    const struct graph *all[GRAPH_REACH_MAX];
    char name[16];
    (void)state;
    for (int i = 0; i < GRAPH_REACH_MAX; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        put_graph(name, i == 1 ? "g0" : NULL, NULL);
    }
    put_all(GRAPH_REACH_MAX - 1);
    struct library *library = well();
    const struct graph *outer = library_find(library, SPAN_LIT("all"));
    assert_int_equal(library_reach(library, outer, all), GRAPH_REACH_MAX);
    assert_ptr_equal(all[0], outer);
    assert_ptr_equal(all[2], library_find(library, SPAN_LIT("g1")));
    assert_int_equal(library_reach(library, all[2], all), 2);
    assert_ptr_equal(all[1], library_find(library, SPAN_LIT("g0")));
    library_free(library);
    file_count--;
    mem_free(files[file_count]);
    put_all(GRAPH_REACH_MAX);
    is_refused("all.yaml:1:1: the graph 'all' runs more than 64 graphs, those of its sub-graphs "
               "counted; write fewer\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_folder, set_up, tear_down),
        cmocka_unit_test(no_folder),
        cmocka_unit_test_setup_teardown(the_first_mistake_of_each_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_unique, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sub_graphs_are_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_graph_runs_in_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(four_deep_and_no_deeper, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sub_graph_does_not_ask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_than_can_be_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_name_and_by_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_graph_reaches, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("graphs.library", tests, NULL, NULL);
}
