/* Graph files that are broken: broken/<name>.yaml, each with lines "#! <line>:<column> <text>" at
 * its top: exactly these problems, in this order, are told of it, each at its place, and each says
 * what to write. */
#include "base/buf.h"
#include "base/mem.h"
#include "graphs/library.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER SLUICE_SOURCE_DIR "/tests/unit/graphs/broken"

enum { FILE_MAX = 128 * 1024, FEWEST = 60 };

struct expected {
    char *path;
    struct buf text; /* the file */
    struct span rest;
    size_t told, wrong;
};

static void read_file(const char *path, struct buf *text)
{
    char part[4096];
    size_t len;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    buf_init(text, FILE_MAX);
    while ((len = fread(part, 1, sizeof part, file)) > 0)
        assert_int_equal(buf_append(text, part, len), 0);
    assert_int_equal(fclose(file), 0);
}

/* The next "#! place text". */
static bool next_line(struct expected *e, char *place, size_t size, struct span *says)
{
    struct span line = span_cut(&e->rest, '\n');
    if (!span_starts_with(line, "#! "))
        return false;
    *says = span_make(line.ptr + 3, line.len - 3);
    struct span at = span_cut(says, ' ');
    assert_true(snprintf(place, size, "%s:%.*s: ", e->path, SPAN_ARG(at)) < (int)size);
    return true;
}

static void on_problem(const char *message, void *arg)
{
    struct expected *e = arg;
    char place[512];
    struct span says;
    e->told++;
    if (!next_line(e, place, sizeof place, &says)) {
        print_error("not expected: %s\n", message);
        e->wrong++;
        return;
    }
    char *text = span_dup(says);
    bool is_there = strncmp(message, place, strlen(place)) == 0 && strstr(message, text) != NULL;
    bool has_advice = strstr(message, "; ") != NULL && strpbrk(message, "\r\n") == NULL;
    if (!is_there || !has_advice) {
        print_error("told: %s\n   expected: %s%s\n", message, place, text);
        e->wrong++;
    }
    mem_free(text);
}

/* The number of things that were not told as they should be. */
static size_t check(const char *name)
{
    struct expected e = {.path = mem_printf("%s/%s", FOLDER, name)};
    struct graph *graph = NULL;
    struct err err = {0};
    char place[512];
    struct span says;
    read_file(e.path, &e.text);
    e.rest = buf_as_span(&e.text);
    if (graph_load(e.path, on_problem, &e, &graph, &err) != -ERR_CONFIG || e.told == 0) {
        print_error("accepted: %s\n", e.path);
        e.wrong++;
        graph_free(graph);
    }
    while (next_line(&e, place, sizeof place, &says)) {
        print_error("not told: %s%.*s\n", place, SPAN_ARG(says));
        e.wrong++;
    }
    /* The first one stands in err too; what is longer is cut. */
    e.rest = buf_as_span(&e.text);
    assert_true(next_line(&e, place, sizeof place, &says));
    e.wrong += strncmp(err.message, place, strlen(place)) != 0;
    buf_release(&e.text);
    mem_free(e.path);
    return e.wrong;
}

static void every_mistake_is_told_at_its_place(void **state)
{
    struct dirent **entries = NULL;
    size_t wrong = 0;
    int files = 0;
    (void)state;
    int count = scandir(FOLDER, &entries, NULL, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        if (strstr(entries[i]->d_name, ".yaml") != NULL) {
            wrong += check(entries[i]->d_name);
            files++;
        }
        free(entries[i]);
    }
    free(entries);
    print_message("%d broken files, %zu told wrongly\n", files, wrong);
    assert_int_equal(wrong, 0);
    assert_true(files >= FEWEST);
}

static void a_file_that_is_not_there(void **state)
{
    struct graph *graph = NULL;
    struct err err = {0};
    (void)state;
    assert_int_equal(graph_load(FOLDER "/none", NULL, NULL, &graph, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(graph_load(FOLDER, NULL, NULL, &graph, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, "cannot be read"));
}

static void a_file_that_is_too_large(void **state)
{
    struct err err = {0};
    struct graph *graph = NULL;
    struct buf text;
    (void)state;
    buf_init(&text, FILE_MAX);
    while (text.len <= YAML_BYTES_MAX)
        (void)buf_text(&text, "# much ado\n");
    assert_int_equal(graph_read(buf_as_span(&text), "x.yaml", &graph, &err), -ERR_CONFIG);
    assert_string_equal(err.message,
                        "x.yaml:1:1: the file is larger than 65536 bytes; make two of it");
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_told_at_its_place),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(a_file_that_is_too_large),
    };
    return cmocka_run_group_tests_name("graphs.broken", tests, NULL, NULL);
}
