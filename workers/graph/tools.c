/* A tool's call, and its answer in words. */
#include "graph/tools.h"
#include "base/mem.h"
#include "graph/errand.h"
#include "graph/words.h"

enum { TOOL_MAGIC = 0x746f6f6c };

struct tool {
    uint32_t magic;
    struct step *step;
    const struct graph_tool *form; /* NULL: there is none of that name */
    char *within, *arguments;      /* arguments: a JSON object */
    on_tool done;
    void *arg;
    struct jq_call *eval;
    struct errand *request;
    char *error; /* to be told when `soon` comes */
    struct timer soon;
};

static struct tool *tool_of(void *arg)
{
    struct tool *t = arg;
    CHECK_MAGIC(t, TOOL_MAGIC);
    return t;
}

/* Ends. */

static void tell_error(struct tool *t, const char *code, const char *message)
{
    char *text = mem_printf("Error: %s: %s", code, message);
    t->done(span_of(text), true, t->arg);
    mem_free(text);
}

/* Takes `error`. */
static void refuse_soon(struct tool *t, char *error)
{
    t->error = error;
    timer_start(&t->soon, 0);
}

static void on_soon(void *arg)
{
    struct tool *t = tool_of(arg);
    t->done(span_of(t->error), true, t->arg);
}

static void on_answer(const struct errand_answer *answer, void *arg)
{
    struct tool *t = tool_of(arg);
    struct buf words;
    buf_init(&words, answer->body.len + WORDS_ROOM);
    bool is_text = words_of_answer(&words, answer->status, answer->body, answer->was_cut) == 0;
    if (is_text)
        t->done(buf_as_span(&words), words_is_error(answer->status), t->arg);
    else
        tell_error(t, "bad_json", "the tool's answer is no text.");
    buf_release(&words);
}

static void on_request_failed(const struct errand_failure *failure, void *arg)
{
    tell_error(tool_of(arg), step_error_name(failure->error), failure->message);
}

/* Its beginning. */

static void send(struct tool *t, const struct span *values)
{
    const struct errand_hooks hooks = {
        .on_answer = on_answer, .on_failed = on_request_failed, .arg = t};
    const struct render render = {.values = values, .secret = step_secret, .arg = t->step};
    const struct errand_wants wants = {.step = t->step,
                                       .form = &t->form->request,
                                       .values = &render,
                                       .within = t->within,
                                       .is_cut = true};
    t->request = errand_new(&wants, &hooks);
}

static void on_values(int status, const struct jq_answer *answer, void *arg)
{
    struct tool *t = tool_of(arg);
    t->eval = NULL;
    if (status != 0) {
        const char *why = answer == NULL || answer->message == NULL ? "they could not be evaluated"
                                                                    : answer->message;
        char *message = mem_printf("its templates do not fit these arguments: %.200s", why);
        tell_error(t, "bad_expression", message);
        mem_free(message);
        return;
    }
    struct span *values = mem_new_array(step_graph(t->step)->expr_count, sizeof *values);
    CHECK(answer->count == t->form->expr_count);
    for (size_t i = 0; i < answer->count; i++)
        values[t->form->exprs[i]->index] = answer->values[i];
    send(t, values);
    mem_free(values);
}

static const struct graph_tool *find(const struct graph_node *node, const char *name)
{
    for (size_t i = 0; i < node->of.llm.tool_count; i++)
        if (strcmp(node->of.llm.tools[i]->id, name) == 0)
            return node->of.llm.tools[i];
    return NULL;
}

static char *unknown(const struct graph_node *node)
{
    struct buf text;
    size_t len;
    buf_init(&text, WORDS_ROOM + GRAPH_TOOLS_MAX * (GRAPH_ID_MAX + 2));
    (void)buf_text(&text, "Error: there is no such tool. The tools are: "); /* it fits */
    for (size_t i = 0; i < node->of.llm.tool_count; i++)
        (void)buf_printf(&text, "%s%s", i == 0 ? "" : ", ", node->of.llm.tools[i]->id);
    char *error = buf_take(&text, &len);
    buf_release(&text);
    return error;
}

struct tool *tool_call(const struct tool_wants *wants, on_tool done, void *arg)
{
    struct tool *t = MEM_NEW(struct tool);
    const struct graph_node *node = step_node(wants->step);
    struct span arguments = span_trim(span_of(wants->arguments));
    t->magic = TOOL_MAGIC;
    t->step = wants->step;
    t->form = find(node, wants->name);
    t->within = mem_strdup(wants->within);
    t->arguments = arguments.len == 0 ? mem_strdup("{}") : span_dup(arguments);
    t->done = done;
    t->arg = arg;
    timer_init(&t->soon, worker_loop(step_graphs(t->step)->worker), on_soon, t);
    char *error = t->form == NULL ? unknown(node) : words_of_bad_arguments(span_of(t->arguments));
    if (t->form == NULL || error != NULL)
        refuse_soon(t, error);
    else if (t->form->expr_count == 0)
        send(t, NULL);
    else
        t->eval = step_eval(t->step, "args", span_of(t->arguments), t->form->exprs,
                            t->form->expr_count, on_values, t);
    return t;
}

void tool_free(struct tool *tool)
{
    if (tool == NULL)
        return;
    CHECK_MAGIC(tool, TOOL_MAGIC);
    jq_cancel(tool->eval);
    errand_free(tool->request);
    timer_release(&tool->soon);
    mem_free(tool->within);
    mem_free(tool->arguments);
    mem_free(tool->error);
    tool->magic = 0;
    mem_free(tool);
}
