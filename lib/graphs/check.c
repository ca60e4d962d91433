/* A graph's expressions, compiled all in one call; behind one that does not compile, the others. */
#include "graphs/check.h"

#include "base/mem.h"

#include <string.h>

enum { CHECK_MAGIC_NUMBER = 0x67636865, SHOWN_MAX = 100 };

struct graph_check {
    uint32_t magic;
    struct jq *jq;
    const struct graph *graph;
    struct jq_call *call;
    size_t first;  /* expression of the call */
    char *message; /* the first that does not compile; NULL: none yet */
    on_graph_problem on_problem;
    on_graph_checked done;
    void *arg;
};

/* "file:line:column: what is wrong; what to write", owned. */
static char *describe(const struct graph *graph, size_t failed, const struct jq_answer *answer)
{
    if (failed >= graph->expr_count) /* of a graph without any */
        return mem_printf("%s:1:1: %s", graph->file, answer->message);
    const struct expr *expr = graph->exprs[failed];
    int below = answer->line > 1 ? answer->line - 1 : 0;
    size_t shown = strcspn(expr->text, "\n");
    return mem_printf("%s:%d:%d: `%.*s` is no expression: %s; write one of jq", graph->file,
                      expr->at.line + below, expr->at.column,
                      (int)(shown < SHOWN_MAX ? shown : SHOWN_MAX), expr->text, answer->message);
}

static void finish(struct graph_check *c, int status, const char *message)
{
    on_graph_checked done = c->done;
    void *its = c->arg;
    char *first = c->message;
    c->magic = 0;
    mem_free(c);
    done(status, message, its);
    mem_free(first);
}

static void compile_from(struct graph_check *c, size_t first);

static void on_compiled(int status, const struct jq_answer *answer, void *arg)
{
    struct graph_check *c = arg;
    CHECK_MAGIC(c, CHECK_MAGIC_NUMBER);
    c->call = NULL;
    if (status == 0) {
        finish(c, c->message == NULL ? 0 : -ERR_CONFIG, c->message);
        return;
    }
    if (status != -ERR_BAD_REQUEST) {
        finish(c, status, answer->message);
        return;
    }
    size_t failed = c->first + answer->failed;
    char *message = describe(c->graph, failed, answer);
    if (c->on_problem != NULL)
        c->on_problem(message, c->arg);
    if (c->message == NULL)
        c->message = message;
    else
        mem_free(message);
    if (c->on_problem != NULL && failed + 1 < c->graph->expr_count)
        compile_from(c, failed + 1);
    else
        finish(c, -ERR_CONFIG, c->message);
}

static void compile_from(struct graph_check *c, size_t first)
{
    size_t count = c->graph->expr_count - first;
    struct span *programs = mem_new_array(count, sizeof *programs);
    for (size_t i = 0; i < count; i++)
        programs[i] = span_of(c->graph->exprs[first + i]->text);
    c->first = first;
    c->call = jq_compile(c->jq, programs, count, on_compiled, c);
    mem_free(programs);
}

struct graph_check *graph_check_all(struct jq *jq, const struct graph *graph,
                                    on_graph_problem on_problem, on_graph_checked done, void *arg)
{
    struct graph_check *c = MEM_NEW(struct graph_check);
    *c = (struct graph_check){.magic = CHECK_MAGIC_NUMBER,
                              .jq = jq,
                              .graph = graph,
                              .on_problem = on_problem,
                              .done = done,
                              .arg = arg};
    compile_from(c, 0);
    return c;
}

struct graph_check *graph_check(struct jq *jq, const struct graph *graph, on_graph_checked done,
                                void *arg)
{
    return graph_check_all(jq, graph, NULL, done, arg);
}

void graph_check_cancel(struct graph_check *c)
{
    if (c == NULL)
        return;
    CHECK_MAGIC(c, CHECK_MAGIC_NUMBER);
    jq_cancel(c->call);
    mem_free(c->message);
    c->magic = 0;
    mem_free(c);
}
