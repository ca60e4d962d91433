/* Nodes: which fields each kind has, and what stands where the file says nothing. */
#include "base/buf.h"
#include "graphs/read.h"

#include <stdio.h>

#define IN_NODE(field)   offsetof(struct graph_node, field)
#define OF_REQUEST(part) offsetof(struct graph_node, of.http.request.part)

enum {
    ALL_MAIN = (1u << GRAPH_KINDS) - 1,
    CHILDREN = CHILD(GRAPH_LLM) | CHILD(GRAPH_AGENT) | CHILD(GRAPH_HTTP) | CHILD(GRAPH_SET) |
               CHILD(GRAPH_GRAPH),
    EACH = ALL_MAIN | CHILDREN,
    SPEAKING = BOTH(GRAPH_LLM) | BOTH(GRAPH_AGENT),
    SHOWING = SPEAKING | BOTH(GRAPH_SET) | BOTH(GRAPH_GRAPH),
    HTTP = BOTH(GRAPH_HTTP)
};

static const char *const history_words[] = {"none", "chat"};
static const char *const output_words[] = {"text", "json"};
static const char *const fail_words[] = {"collect", "fast"};

#define PROMPT_ROW(kinds_, member)                                                                 \
    {                                                                                              \
        .name = "prompt", .read = read_template, .offset = IN_NODE(member), .kinds = (kinds_),     \
        .missing = "prompt: \"{{ .input.message }}\""                                              \
    }
#define FAIL_ROW(kinds_, member)                                                                   \
    {                                                                                              \
        .name = "fail", .read = read_either, .offset = IN_NODE(member), .kinds = (kinds_),         \
        .words = fail_words                                                                        \
    }

static const struct field rows[] = {
    {.name = "id",
     .read = read_id,
     .offset = IN_NODE(id),
     .kinds = ALL_MAIN,
     .missing = "id: name"},
    {.name = "kind", .kinds = EACH}, /* read first */
    {.name = "next",
     .read = read_edge,
     .offset = IN_NODE(next),
     .kinds = ALL_MAIN & ~MAIN(GRAPH_BRANCH),
     .missing = "next: end, or the id of a node"},
    {.name = "on_error", .read = read_on_error, .offset = IN_NODE(on_error), .kinds = ALL_MAIN},
    {.name = "timeout_s",
     .read = read_seconds,
     .offset = IN_NODE(timeout_ms),
     .kinds = EACH,
     .min = GRAPH_TIMEOUT_MS_MIN,
     .max = GRAPH_TIMEOUT_MS_MAX},
    {.name = "retry", .read = read_retry, .offset = IN_NODE(retry), .kinds = EACH},
    {.name = "visible", .read = read_flag, .offset = IN_NODE(is_visible), .kinds = SHOWING},
    /* llm, agent */
    {.name = "model",
     .read = read_text,
     .offset = IN_NODE(of.llm.model),
     .kinds = SPEAKING,
     .max = GRAPH_NAME_MAX},
    {.name = "history",
     .read = read_either,
     .offset = IN_NODE(of.llm.wants_history),
     .kinds = SPEAKING,
     .words = history_words},
    {.name = "system", .read = read_template, .offset = IN_NODE(of.llm.system), .kinds = SPEAKING},
    PROMPT_ROW(SPEAKING, of.llm.prompt),
    {.name = "params", .read = read_params, .offset = IN_NODE(of.llm.params), .kinds = SPEAKING},
    {.name = "output",
     .read = read_either,
     .offset = IN_NODE(of.llm.wants_json),
     .kinds = SPEAKING,
     .words = output_words},
    {.name = "tools",
     .read = read_tool_names,
     .offset = IN_NODE(of.llm.tools),
     .kinds = BOTH(GRAPH_AGENT),
     .missing = "tools: [name, ...]"},
    {.name = "max_turns",
     .read = read_number,
     .offset = IN_NODE(of.llm.max_turns),
     .kinds = BOTH(GRAPH_AGENT),
     .min = 1,
     .max = GRAPH_TURNS_MAX},
    /* http */
    REQUEST_ROWS(OF_REQUEST, HTTP),
    {.name = "expect", .read = read_expect, .offset = IN_NODE(of.http.expect), .kinds = HTTP},
    {.name = "response",
     .read = read_either,
     .offset = IN_NODE(of.http.wants_json),
     .kinds = HTTP,
     .words = output_words},
    {.name = "max_bytes",
     .read = read_number,
     .offset = OF_REQUEST(max_bytes),
     .kinds = HTTP,
     .min = 1,
     .max = GRAPH_HTTP_BYTES_MAX},
    {.name = "effect", .read = read_effect, .offset = OF_REQUEST(effect), .kinds = HTTP},
    /* the others */
    {.name = "value",
     .read = read_expr,
     .offset = IN_NODE(of.set.value),
     .kinds = BOTH(GRAPH_SET),
     .missing = "value: .input.message, or another expression"},
    {.name = "cases",
     .read = read_cases,
     .offset = IN_NODE(of.branch),
     .kinds = MAIN(GRAPH_BRANCH),
     .missing = "cases: [{if: expression, then: node}]"},
    {.name = "else",
     .read = read_edge,
     .offset = IN_NODE(of.branch.otherwise),
     .kinds = MAIN(GRAPH_BRANCH),
     .missing = "else: end, or the id of a node"},
    {.name = "branches",
     .read = read_branches,
     .offset = IN_NODE(of.parallel),
     .kinds = MAIN(GRAPH_PARALLEL),
     .missing = "branches: {name: {kind: ...}}"},
    FAIL_ROW(MAIN(GRAPH_PARALLEL), of.parallel.is_fast),
    {.name = "over",
     .read = read_expr,
     .offset = IN_NODE(of.map.over),
     .kinds = MAIN(GRAPH_MAP),
     .missing = "over: an expression that gives a list"},
    {.name = "concurrency",
     .read = read_number,
     .offset = IN_NODE(of.map.concurrency),
     .kinds = MAIN(GRAPH_MAP),
     .min = 1,
     .max = GRAPH_CONCURRENCY_MAX},
    FAIL_ROW(MAIN(GRAPH_MAP), of.map.is_fast),
    {.name = "do",
     .read = read_child,
     .offset = IN_NODE(of.map.child),
     .kinds = MAIN(GRAPH_MAP),
     .missing = "do: {kind: ...}"},
    PROMPT_ROW(MAIN(GRAPH_ASK), of.ask.prompt),
    {.name = "expires_s",
     .read = read_seconds,
     .offset = IN_NODE(of.ask.expires_ms),
     .kinds = MAIN(GRAPH_ASK),
     .min = 1000,
     .max = (int64_t)GRAPH_ASK_S_MAX * 1000},
    {.name = "graph",
     .read = read_subgraph,
     .offset = IN_NODE(of.sub),
     .kinds = BOTH(GRAPH_GRAPH),
     .missing = "graph: the name of another graph"},
    {.name = "input",
     .read = read_input,
     .offset = IN_NODE(of.sub.input),
     .kinds = BOTH(GRAPH_GRAPH)},
};

/* Which kind it is; false: it cannot be said, and a problem was noted. */
static bool read_kind(struct reading *r, const struct node *map, bool is_child,
                      enum graph_kind *out)
{
    const struct node *kind = node_member(map, "kind");
    if (kind == NULL)
        wrong(r, map->at, "a node must have 'kind'; write kind: llm, or another kind");
    if (kind == NULL || !want_string(r, kind, "kind"))
        return false;
    struct nearest nearest = nearest_to(kind->text);
    for (enum graph_kind i = 0; i < GRAPH_KINDS; i++) {
        bool fits = !is_child || (CHILD(i) & CHILDREN) != 0;
        if (fits)
            nearest_try(&nearest, graph_kind_name(i));
        if (strcmp(kind->text, graph_kind_name(i)) == 0) {
            *out = i;
            if (!fits)
                wrong(r, kind->at,
                      "a child cannot be of kind %s; write llm, agent, http, set or graph",
                      kind->text);
            return fits;
        }
    }
    if (nearest.best != NULL)
        wrong(r, kind->at, "there is no kind '%.60s'; did you mean '%s'?", kind->text,
              nearest.best);
    else
        wrong(r, kind->at, "there is no kind '%.60s'; write %s", kind->text,
              is_child ? "llm, agent, http, set or graph"
                       : "llm, agent, http, set, branch, parallel, map, ask or graph");
    return false;
}

static void set_defaults(struct graph_node *node)
{
    switch (node->kind) {
    case GRAPH_AGENT:
        node->of.llm.max_turns = GRAPH_TURNS;
        break;
    case GRAPH_HTTP:
        node->of.http.request.max_bytes = GRAPH_HTTP_BYTES;
        break;
    case GRAPH_PARALLEL:
        node->of.parallel.is_fast = true;
        break;
    case GRAPH_MAP:
        node->of.map.is_fast = true;
        node->of.map.concurrency = GRAPH_CONCURRENCY;
        break;
    case GRAPH_ASK:
        node->of.ask.expires_ms = GRAPH_ASK_MS;
        break;
    case GRAPH_LLM:
    case GRAPH_SET:
    case GRAPH_BRANCH:
    case GRAPH_GRAPH:
    case GRAPH_KINDS:
        break;
    }
}

/* What depends on other fields. */
static void finish(struct reading *r, const struct node *map, struct graph_node *node)
{
    bool speaks = node->kind == GRAPH_LLM || node->kind == GRAPH_AGENT;
    if (speaks && node_member(map, "history") == NULL)
        node->of.llm.wants_history = node->is_visible;
    if (node->kind == GRAPH_HTTP) {
        struct graph_request *request = &node->of.http.request;
        request->timeout_ms = node->timeout_ms > 0 ? node->timeout_ms : GRAPH_HTTP_TIMEOUT_MS;
        request_finish(r, map, map, request);
    }
}

void read_node(struct reading *r, const struct node *map, struct graph_node *node, bool is_child)
{
    char what[48];
    struct expr_list around = r->here;
    node->at = map->at;
    if (!read_kind(r, map, is_child, &node->kind)) {
        const struct node *id = node_member(map, "id"); /* for the edges that lead here */
        if (!is_child && id != NULL && id->kind == NODE_TEXT && is_graph_id(id->text))
            node->id = own_text(r->own, span_of(id->text));
        return;
    }
    (void)snprintf(what, sizeof(what), "a %s of kind %s", is_child ? "child" : "node",
                   graph_kind_name(node->kind));
    const struct fields fields = {rows, COUNT_OF(rows),
                                  is_child ? CHILD(node->kind) : MAIN(node->kind), what};
    r->here = (struct expr_list){0};
    set_defaults(node);
    read_fields(r, &fields, map, node);
    finish(r, map, node);
    node->expr_count = r->here.count;
    node->exprs = own_list(r->own, r->here.items, r->here.count, sizeof(struct expr *));
    r->here = around;
}

static void check_id(struct reading *r, const struct node *map, const struct graph_node *node)
{
    const struct node *id = node_member(map, "id");
    if (strcmp(node->id, "end") == 0)
        wrong(r, id->at, "'end' is where the graph ends; write another id");
    else if (*node->id != '\0' && graph_node(r->graph, node->id) != node)
        wrong(r, id->at, "the node '%s' stands here twice; write another id", node->id);
}

void read_nodes(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph *graph = r->graph;
    (void)to; /* the graph's list, with its count */
    if (!want_list(r, value, f->name, GRAPH_NODES_MAX))
        return;
    graph->nodes = own_room(r->own, value->count, sizeof(*graph->nodes));
    for (const struct node *item = value->first; item != NULL; item = item->next) {
        if (!want_map(r, item, "a node"))
            continue;
        struct graph_node *node = &graph->nodes[graph->node_count++];
        node->id = "";
        r->node = node;
        read_node(r, item, node, false);
        check_id(r, item, node);
    }
    r->node = NULL;
}
