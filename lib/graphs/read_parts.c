/* The parts of nodes that are more than one value: edges, retry, cases, branches, children. */
#include "base/num.h"
#include "graphs/read.h"

/* Edges. */

void read_edge(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    const char *id = read_id_text(r, value, f->name);
    if (id == NULL)
        return;
    *(const char **)to = id;
    add_edge(r, (struct edge){false, r->node, f->name, id, value->at});
}

void read_start(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (value->kind == NODE_TEXT && strcmp(value->text, "end") == 0)
        wrong(r, value->at, "start cannot be end; write the id of the first node");
    else
        read_edge(r, f, value, to);
}

void read_on_error(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (value->kind == NODE_TEXT && strcmp(value->text, "end") == 0)
        wrong(r, value->at, "on_error cannot be end; write the id of a node, or leave it out");
    else
        read_edge(r, f, value, to);
}

/* retry */

static const struct {
    const char *name;
    enum retry_on on;
} retry_words[] = {{"timeout", RETRY_TIMEOUT},
                   {"connect", RETRY_CONNECT},
                   {"429", RETRY_429},
                   {"5xx", RETRY_5XX},
                   {"bad_json", RETRY_BAD_JSON}};

static unsigned find_retry(struct reading *r, const struct node *item)
{
    for (size_t i = 0; item->kind == NODE_TEXT && i < COUNT_OF(retry_words); i++)
        if (strcmp(item->text, retry_words[i].name) == 0)
            return retry_words[i].on;
    wrong(r, item->at,
          "nothing is retried on '%.60s'; write timeout, connect, 429, 5xx or bad_json",
          item->kind == NODE_TEXT ? item->text : "...");
    return 0;
}

static void read_retry_on(struct reading *r, const struct field *f, const struct node *value,
                          void *to)
{
    unsigned *on = to;
    if (!want_list(r, value, f->name, COUNT_OF(retry_words)))
        return;
    *on = 0;
    for (const struct node *item = value->first; item != NULL; item = item->next)
        *on |= find_retry(r, item);
}

static const struct field retry_rows[] = {
    {.name = "times",
     .read = read_number,
     .offset = offsetof(struct retry, times),
     .min = 0,
     .max = GRAPH_RETRY_TIMES_MAX,
     .missing = "times: 1, or more"},
    {.name = "on", .read = read_retry_on, .offset = offsetof(struct retry, on)},
    {.name = "backoff_ms",
     .read = read_number,
     .offset = offsetof(struct retry, backoff_ms),
     .min = 0,
     .max = GRAPH_BACKOFF_MS_MAX},
};
static const struct fields retry_fields = {retry_rows, COUNT_OF(retry_rows), 0, "retry"};

void read_retry(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct retry *retry = to;
    if (!want_map(r, value, f->name))
        return;
    *retry = (struct retry){.on = RETRY_TIMEOUT | RETRY_CONNECT | RETRY_429 | RETRY_5XX,
                            .backoff_ms = GRAPH_BACKOFF_MS};
    read_fields(r, &retry_fields, value, retry);
}

/* branch */

static const struct field case_rows[] = {
    {.name = "if",
     .read = read_expr,
     .offset = offsetof(struct graph_case, condition),
     .missing = "if: an expression"},
    {.name = "then",
     .read = read_edge,
     .offset = offsetof(struct graph_case, then),
     .missing = "then: end, or the id of a node"},
};
static const struct fields case_fields = {case_rows, COUNT_OF(case_rows), 0, "a case"};

void read_cases(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph_node *node =
        (struct graph_node *)(void *)((char *)to - offsetof(struct graph_node, of.branch));
    if (!want_list(r, value, f->name, GRAPH_CASES_MAX))
        return;
    node->of.branch.cases = own_room(r->own, value->count, sizeof(*node->of.branch.cases));
    for (const struct node *item = value->first; item != NULL; item = item->next) {
        if (!want_map(r, item, "a case"))
            continue;
        struct graph_case *one = &node->of.branch.cases[node->of.branch.count++];
        one->at = item->at;
        read_fields(r, &case_fields, item, one);
    }
}

/* Children. */

void read_branches(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph_node *node =
        (struct graph_node *)(void *)((char *)to - offsetof(struct graph_node, of.parallel));
    if (!want_map(r, value, f->name))
        return;
    if (value->count < 1 || value->count > GRAPH_BRANCHES_MAX) {
        wrong(r, value->at, "%zu branches; write 1 to %d", value->count, GRAPH_BRANCHES_MAX);
        return;
    }
    node->of.parallel.branches = own_room(r->own, value->count, sizeof(struct graph_branch));
    for (const struct node *item = value->first; item != NULL; item = item->next) {
        if (!is_graph_id(item->name))
            wrong(r, item->name_at,
                  "'%.60s' is not a branch's name; write 1 to %d of a-z, 0-9 and _", item->name,
                  GRAPH_ID_MAX);
        if (!want_map(r, item, "a branch"))
            continue;
        struct graph_branch *branch = &node->of.parallel.branches[node->of.parallel.count++];
        branch->name = own_text(r->own, span_of(item->name));
        branch->node = own_room(r->own, 1, sizeof(*branch->node));
        branch->node->id = branch->name;
        read_node(r, item, branch->node, true);
    }
}

void read_child(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (!want_map(r, value, f->name))
        return;
    struct graph_node *child = own_room(r->own, 1, sizeof(*child));
    child->id = "do";
    read_node(r, value, child, true);
    *(struct graph_node **)to = child;
}

/* http */

void read_expect(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    static const struct field status = {.name = "a status", .min = 100, .max = 599};
    struct graph_node *node =
        (struct graph_node *)(void *)((char *)to - offsetof(struct graph_node, of.http.expect));
    if (!want_list(r, value, f->name, GRAPH_EXPECT_MAX))
        return;
    node->of.http.expect = own_room(r->own, value->count, sizeof(*node->of.http.expect));
    for (const struct node *item = value->first; item != NULL; item = item->next)
        read_number(r, &status, item, &node->of.http.expect[node->of.http.expect_count++]);
}

/* graph */

void read_subgraph(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph_node *node =
        (struct graph_node *)(void *)((char *)to - offsetof(struct graph_node, of.sub));
    node->of.sub.graph = read_id_text(r, value, f->name);
    node->of.sub.at = value->at;
    const struct node *own = node_member(r->tree->root, "graph");
    if (node->of.sub.graph != NULL && own != NULL && own->kind == NODE_TEXT &&
        strcmp(own->text, node->of.sub.graph) == 0)
        wrong(r, value->at, "a graph cannot run inside itself; write another graph's name");
}

void read_input(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct value **input = to;
    read_value(r, f, value, to);
    const struct value *v = *input;
    bool is_alone =
        v->kind == VALUE_TEMPLATE && v->text.count == 1 && v->text.pieces[0].kind == PIECE_EXPR;
    if (v->kind != VALUE_MAP && !is_alone && r->problems.count == 0)
        wrong(r, value->at, "input must be a map; write {message: \"{{ .input.message }}\"}");
}
