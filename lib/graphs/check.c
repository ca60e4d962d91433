/* A graph's expressions, compiled all in one call. */
#include "graphs/check.h"

#include "base/mem.h"

#include <stdio.h>

enum { CHECK_MAGIC_NUMBER = 0x67636865, MESSAGE_MAX = 1024 };

struct graph_check {
    uint32_t magic;
    const struct graph *graph;
    struct jq_call *call;
    on_graph_checked done;
    void *arg;
};

static void describe(const struct graph *graph, const struct jq_answer *answer, char *out,
                     size_t size)
{
    if (answer->failed >= graph->expr_count) { /* of a graph without any */
        (void)snprintf(out, size, "%s:1:1: %s", graph->file, answer->message);
        return;
    }
    const struct expr *expr = graph->exprs[answer->failed];
    int below = answer->line > 1 ? answer->line - 1 : 0;
    (void)snprintf(out, size, "%s:%d:%d: `%.*s` is no expression: %s", graph->file,
                   expr->at.line + below, expr->at.column, (int)strcspn(expr->text, "\n"),
                   expr->text, answer->message);
}

static void on_compiled(int status, const struct jq_answer *answer, void *arg)
{
    struct graph_check *c = arg;
    char message[MESSAGE_MAX] = "";
    CHECK_MAGIC(c, CHECK_MAGIC_NUMBER);
    if (status == -ERR_BAD_REQUEST) {
        describe(c->graph, answer, message, sizeof message);
        status = -ERR_CONFIG;
    } else if (status != 0) {
        (void)snprintf(message, sizeof message, "%s", answer->message);
    }
    on_graph_checked done = c->done;
    void *its = c->arg;
    c->magic = 0;
    mem_free(c);
    done(status, status == 0 ? NULL : message, its);
}

struct graph_check *graph_check(struct jq *jq, const struct graph *graph, on_graph_checked done,
                                void *arg)
{
    struct graph_check *c = MEM_NEW(struct graph_check);
    struct span *programs = mem_new_array(graph->expr_count, sizeof *programs);
    for (size_t i = 0; i < graph->expr_count; i++)
        programs[i] = span_of(graph->exprs[i]->text);
    *c =
        (struct graph_check){.magic = CHECK_MAGIC_NUMBER, .graph = graph, .done = done, .arg = arg};
    c->call = jq_compile(jq, programs, graph->expr_count, on_compiled, c);
    mem_free(programs);
    return c;
}

void graph_check_cancel(struct graph_check *c)
{
    if (c == NULL)
        return;
    CHECK_MAGIC(c, CHECK_MAGIC_NUMBER);
    jq_cancel(c->call);
    c->magic = 0;
    mem_free(c);
}
