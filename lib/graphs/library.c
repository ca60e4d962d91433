/* All graphs that are known, checked against each other. Owns them. Invariant: a sub-graph that is
 * named is there, no way through sub-graphs is longer than GRAPH_DEPTH_MAX, and all of them
 * together lead to GRAPH_REACH_MAX graphs at most. */
#include "graphs/library.h"
#include "base/buf.h"
#include "base/mem.h"
#include "graphs/suggest.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct library {
    struct graph **graphs;
    size_t count;
};

enum { READ_PART = 4096 };

static const char ending[] = ".yaml";

void library_free(struct library *library)
{
    if (library == NULL)
        return;
    for (size_t i = 0; i < library->count; i++)
        graph_free(library->graphs[i]);
    mem_free(library->graphs);
    mem_free(library);
}

size_t library_count(const struct library *library)
{
    return library->count;
}

const struct graph *library_at(const struct library *library, size_t index)
{
    CHECK(index < library->count);
    return library->graphs[index];
}

const struct graph *library_find(const struct library *library, struct span name)
{
    for (size_t i = 0; i < library->count; i++)
        if (span_is(name, library->graphs[i]->name))
            return library->graphs[i];
    return NULL;
}

const struct graph *library_find_version(const struct library *library, struct span version)
{
    for (size_t i = 0; i < library->count; i++)
        if (span_is(version, library->graphs[i]->version))
            return library->graphs[i];
    return NULL;
}

/* Problems. */

struct collecting {
    void (*on_wrong)(const char *message, void *arg);
    void *arg;
    int result; /* of the first thing that was wrong */
    struct err *err;
};

static void collect(struct collecting *c, int result, const struct err *err)
{
    if (c->on_wrong != NULL)
        c->on_wrong(err->message, c->arg);
    if (c->result == 0 && c->err != NULL)
        *c->err = *err;
    if (c->result == 0)
        c->result = result;
}

/* Sub-graphs. */

static int refuse(const struct graph *graph, struct mark at, struct err *err, const char *what)
{
    return err_set(err, ERR_CONFIG, NULL, "%s:%d:%d: %s", graph->file, at.line, at.column, what);
}

const struct graph_node *graph_subs_next(struct graph_subs *s)
{
    while (s->node < s->graph->node_count) {
        const struct graph_node *node = &s->graph->nodes[s->node];
        size_t child = s->child++;
        if (child > graph_child_count(node)) {
            s->node++;
            s->child = 0;
            continue;
        }
        if (child > 0)
            node = graph_child(node, child - 1);
        if (node->kind == GRAPH_GRAPH)
            return node;
    }
    return NULL;
}

static int check_known(const struct library *library, const struct graph *graph,
                       const struct graph_node *sub, struct err *err)
{
    char what[160];
    const char *name = sub->of.sub.graph;
    struct nearest nearest = nearest_to(name);
    if (library_find(library, span_of(name)) != NULL)
        return 0;
    for (size_t i = 0; i < library->count; i++)
        nearest_try(&nearest, library->graphs[i]->name);
    if (nearest.best != NULL)
        (void)snprintf(what, sizeof(what), "there is no graph '%s'; did you mean '%s'?", name,
                       nearest.best);
    else
        (void)snprintf(what, sizeof(what),
                       "there is no graph '%s'; write the name of one of the folder", name);
    return refuse(graph, sub->of.sub.at, err, what);
}

static int check_asks(const struct graph *outer, const struct graph_node *sub,
                      const struct graph *graph, struct err *err)
{
    char what[160];
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].kind == GRAPH_ASK) {
            (void)snprintf(what, sizeof(what),
                           "the graph '%s' asks (node '%s'), which a sub-graph cannot; write one "
                           "without ask",
                           graph->name, graph->nodes[i].id);
            return refuse(outer, sub->of.sub.at, err, what);
        }
    return 0;
}

/* A way down through sub-graphs, the outermost first. */
struct way {
    struct graph_subs steps[GRAPH_DEPTH_MAX];
    size_t depth;
};

static int check_step(const struct way *way, const struct graph_node *sub, const struct graph *next,
                      struct err *err)
{
    char what[160];
    const struct graph *graph = way->steps[way->depth - 1].graph;
    for (size_t i = 0; i < way->depth; i++)
        if (strcmp(way->steps[i].graph->name, next->name) == 0) {
            (void)snprintf(what, sizeof(what),
                           "the graph '%s' would run inside itself; write another graph's name",
                           next->name);
            return refuse(graph, sub->of.sub.at, err, what);
        }
    if (way->depth == GRAPH_DEPTH_MAX) {
        (void)snprintf(what, sizeof(what), "sub-graphs are nested deeper than %d; write fewer",
                       GRAPH_DEPTH_MAX);
        return refuse(graph, sub->of.sub.at, err, what);
    }
    return 0;
}

/* Every way down from a graph, without recursion; all its sub-graphs are known. */
static int check_ways(const struct library *library, const struct graph *graph, struct err *err)
{
    struct way way = {.steps = {{.graph = graph}}, .depth = 1};
    while (way.depth > 0) {
        const struct graph_node *sub = graph_subs_next(&way.steps[way.depth - 1]);
        if (sub == NULL) {
            way.depth--;
            continue;
        }
        const struct graph *next = library_find(library, span_of(sub->of.sub.graph));
        int result = check_step(&way, sub, next, err);
        if (result != 0)
            return result;
        way.steps[way.depth++] = (struct graph_subs){.graph = next};
    }
    return 0;
}

static bool has(const struct graph *const *graphs, size_t count, const struct graph *graph)
{
    for (size_t i = 0; i < count; i++)
        if (graphs[i] == graph)
            return true;
    return false;
}

/* GRAPH_REACH_MAX + 1: there are more. */
static size_t reach(const struct library *library, const struct graph *graph,
                    const struct graph *out[GRAPH_REACH_MAX])
{
    const struct graph_node *sub;
    size_t count = 1;
    out[0] = graph;
    for (size_t i = 0; i < count; i++) {
        struct graph_subs subs = {.graph = out[i]};
        while ((sub = graph_subs_next(&subs)) != NULL) {
            const struct graph *next = library_find(library, span_of(sub->of.sub.graph));
            if (has(out, count, next))
                continue;
            if (count == GRAPH_REACH_MAX)
                return GRAPH_REACH_MAX + 1;
            out[count++] = next;
        }
    }
    return count;
}

size_t library_reach(const struct library *library, const struct graph *graph,
                     const struct graph *out[GRAPH_REACH_MAX])
{
    size_t count = reach(library, graph, out);
    CHECK(count <= GRAPH_REACH_MAX); /* looked at when the folder was read */
    return count;
}

static int check_reach(const struct library *library, const struct graph *graph, struct err *err)
{
    const struct graph *all[GRAPH_REACH_MAX];
    if (reach(library, graph, all) <= GRAPH_REACH_MAX)
        return 0;
    return err_set(err, ERR_CONFIG, NULL,
                   "%s:1:1: the graph '%s' runs more than %d graphs, those of its sub-graphs "
                   "counted; write fewer",
                   graph->file, graph->name, GRAPH_REACH_MAX);
}

/* Of a graph's own sub-graphs each. */
static void check_subs(const struct library *library, const struct graph *graph,
                       struct collecting *c)
{
    struct graph_subs subs = {.graph = graph};
    const struct graph_node *sub;
    while ((sub = graph_subs_next(&subs)) != NULL) {
        struct err err = {0};
        int result = check_known(library, graph, sub, &err);
        if (result == 0)
            result =
                check_asks(graph, sub, library_find(library, span_of(sub->of.sub.graph)), &err);
        if (result != 0)
            collect(c, result, &err);
    }
}

/* Reading. */

static int read_file(const char *path, struct buf *bytes, struct err *err)
{
    char part[READ_PART];
    size_t len;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(err, ERR_CONFIG, NULL, "%s: %s; write the path of a graph file", path,
                       strerror(errno));
    while (bytes->len <= YAML_BYTES_MAX && (len = fread(part, 1, sizeof(part), file)) > 0)
        CHECK(buf_append(bytes, part, len) == 0);
    bool has_failed = ferror(file) != 0;
    (void)fclose(file); /* only read */
    return has_failed ? err_set(err, ERR_CONFIG, NULL,
                                "%s: cannot be read; write the path of a graph file", path)
                      : 0;
}

int graph_load(const char *path, on_graph_problem on_problem, void *arg, struct graph **out,
               struct err *err)
{
    struct buf bytes;
    struct err own = {0};
    struct err *detail = err == NULL ? &own : err;
    buf_init(&bytes, YAML_BYTES_MAX + READ_PART); /* what is too large the reader tells */
    int result = read_file(path, &bytes, detail);
    if (result != 0 && on_problem != NULL)
        on_problem(detail->message, arg);
    if (result == 0)
        result = graph_read_all(buf_as_span(&bytes), path, on_problem, arg, out, detail);
    buf_release(&bytes);
    return result;
}

static void read_one(struct library *library, const char *path, struct collecting *c)
{
    struct graph *graph = NULL;
    struct err err = {0};
    int result = graph_load(path, NULL, NULL, &graph, &err);
    const struct graph *other = result == 0 ? library_find(library, span_of(graph->name)) : NULL;
    if (other != NULL) {
        result = err_set(&err, ERR_CONFIG, NULL,
                         "%s:1:1: the graph '%s' is in %s too; write another name", path,
                         graph->name, other->file);
        graph_free(graph);
    }
    if (result != 0) {
        collect(c, result, &err);
        return;
    }
    library->graphs = mem_grow(library->graphs, library->count + 1, sizeof(struct graph *));
    library->graphs[library->count++] = graph;
}

int library_is_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    size_t end = sizeof(ending) - 1;
    return entry->d_name[0] != '.' && len > end && strcmp(entry->d_name + len - end, ending) == 0;
}

static void check_all(const struct library *library, struct collecting *c)
{
    struct err err = {0};
    for (size_t i = 0; i < library->count; i++)
        check_subs(library, library->graphs[i], c);
    for (size_t i = 0; i < library->count && c->result == 0; i++) {
        int result = check_reach(library, library->graphs[i], &err);
        if (result == 0)
            result = check_ways(library, library->graphs[i], &err);
        if (result != 0)
            collect(c, result, &err);
    }
}

int library_read(const char *folder, void (*on_wrong)(const char *message, void *arg), void *arg,
                 struct library **out, struct err *err)
{
    struct dirent **entries = NULL;
    struct collecting c = {on_wrong, arg, 0, err};
    struct err own = {0};
    struct library *library = MEM_NEW(struct library);
    int count = scandir(folder, &entries, library_is_file, alphasort);
    if (count < 0)
        collect(&c,
                err_set(&own, ERR_CONFIG, NULL, "%s: %s; write the path of a folder", folder,
                        strerror(errno)),
                &own);
    if (count > LIMIT_GRAPHS) /* what is published, and found again, are so many */
        collect(&c,
                err_set(&own, ERR_CONFIG, NULL, "%s: %d graphs; write at most %d", folder, count,
                        LIMIT_GRAPHS),
                &own);
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", folder, entries[i]->d_name);
        read_one(library, path, &c);
        mem_free(path);
        free(entries[i]); /* scandir's */
    }
    free(entries);
    if (c.result == 0)
        check_all(library, &c);
    if (c.result == 0)
        *out = library;
    else
        library_free(library);
    return c.result;
}
