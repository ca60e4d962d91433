/* A graph as its file says it (design: docs/graphs.md): nodes, edges, tools, limits, with the place
 * of everything that can be wrong. Read and checked by graph_read, but for its expressions, which
 * only the jq child can compile (graphs/check.h). Never changed after it was read. Knows YAML by
 * conf/yaml.h only. */
#ifndef SLUICE_GRAPHS_GRAPH_H
#define SLUICE_GRAPHS_GRAPH_H

#include "base/err.h"
#include "base/span.h"
#include "graphs/limits.h"
#include "graphs/template.h"
#include <stdint.h>

enum {
    GRAPH_ID_MAX = 32,  /* [a-z0-9_]{1,32}: graphs, nodes, tools, branches */
    GRAPH_VERSION = 64, /* SHA-256 of the file's bytes, hex */
    GRAPH_DEPTH_MAX = 4 /* sub-graphs, the outermost counted */
};

enum graph_kind {
    GRAPH_LLM,
    GRAPH_AGENT,
    GRAPH_HTTP,
    GRAPH_SET,
    GRAPH_BRANCH,
    GRAPH_PARALLEL,
    GRAPH_MAP,
    GRAPH_ASK,
    GRAPH_GRAPH,
    GRAPH_KINDS
};
const char *graph_kind_name(enum graph_kind kind); /* "llm" */

enum graph_effect { EFFECT_NONE, EFFECT_KEYED, EFFECT_ONCE };

/* What `retry.on` names. */
enum retry_on {
    RETRY_TIMEOUT = 1,
    RETRY_CONNECT = 2,
    RETRY_429 = 4,
    RETRY_5XX = 8,
    RETRY_BAD_JSON = 16
};
struct retry {
    int64_t times; /* after the first try; 0: none */
    unsigned on;
    int64_t backoff_ms; /* doubled with each try, 30 s at most */
};

struct graph_header {
    const char *name;
    struct template value;
};
/* A request, of an http node or of a tool. */
struct graph_request {
    const char *method;
    struct template url; /* its values are percent-encoded */
    struct graph_header *headers;
    size_t header_count;
    struct value *body; /* NULL: none */
    enum graph_effect effect;
    int64_t timeout_ms, max_bytes;
};
struct graph_tool {
    const char *id, *description;
    const char *parameters;       /* JSON Schema, JSON text */
    struct graph_request request; /* `.args` is there beside the state */
    const struct expr **exprs;    /* of its request: evaluated together for each call */
    size_t expr_count;
};

struct graph_case {
    const struct expr *condition;
    const char *then; /* node id */
    struct mark at;
};

struct graph_node;
struct graph_branch {
    const char *name;
    struct graph_node *node;
};

struct graph_node {
    const char *id; /* of a child: the branch's name, or "do" */
    enum graph_kind kind;
    struct mark at;
    const char *next;     /* node id or "end"; NULL in branch and children */
    const char *on_error; /* node id or NULL */
    int64_t timeout_ms;   /* 0: none of its own */
    struct retry retry;
    bool is_visible; /* of llm, agent and set; of graph: the visible ones of the sub-graph show */

    union {
        struct {               /* llm, agent */
            const char *model; /* configured name; NULL: the request's, then the default */
            bool wants_history;
            struct template system, prompt; /* count 0: not given */
            const char *params;             /* JSON text or NULL */
            bool wants_json;                /* output: json */
            const struct graph_tool **tools;
            size_t tool_count;
            int64_t max_turns; /* agent */
        } llm;
        struct {
            struct graph_request request;
            int64_t *expect; /* statuses; count 0: any 2xx */
            size_t expect_count;
            bool wants_json; /* response: json (else text) */
        } http;
        struct {
            const struct expr *value;
        } set;
        struct {
            struct graph_case *cases;
            size_t count;
            const char *otherwise; /* `else` */
        } branch;
        struct {
            struct graph_branch *branches;
            size_t count;
            bool is_fast; /* fail: fast */
        } parallel;
        struct {
            const struct expr *over;
            int64_t concurrency;
            bool is_fast;
            struct graph_node *child; /* `do` */
        } map;
        struct {
            struct template prompt;
            int64_t expires_ms;
        } ask;
        struct {
            const char *graph;   /* name of the sub-graph */
            struct mark at;      /* of that name */
            struct value *input; /* NULL: the state's input */
        } sub;
    } of;
    /* Every expression of the node and its request, but not of its children: evaluated together
     * when it begins. */
    const struct expr **exprs;
    size_t expr_count;
};

struct graph {
    const char *name, *file;
    char version[GRAPH_VERSION + 1];
    const char *text; /* the file's bytes, NUL-terminated */
    size_t text_len;
    const char *start;
    struct {
        int64_t steps, seconds, state_bytes;
        struct mark steps_at; /* 1:1 when they are not given */
    } limits;
    struct graph_tool *tools;
    size_t tool_count;
    struct graph_node *nodes;
    size_t node_count;
    const struct expr **exprs; /* by index */
    size_t expr_count;
    struct own *own; /* all of it */
};

/* Reads and checks one file: unknown or misspelled fields, wrong types, unknown or unreachable
 * nodes, missing edges, no visible node, bad templates, functions that are refused. Owned.
 * -ERR_CONFIG: err says "file:line:column: what is wrong; what to write". `file` is for messages,
 * copied. */
MUST_USE int graph_read(struct span bytes, const char *file, struct graph **out, struct err *err);
/* The same, and every problem goes to on_problem (may be NULL), in order of place; err has the
 * first. */
typedef void (*on_graph_problem)(const char *message, void *arg);
MUST_USE int graph_read_all(struct span bytes, const char *file, on_graph_problem on_problem,
                            void *arg, struct graph **out, struct err *err);
void graph_free(struct graph *graph); /* NULL is a no-op */
const struct graph_node *graph_node(const struct graph *graph,
                                    const char *id); /* NULL for "end" and unknown ones */
const struct graph_tool *graph_tool(const struct graph *graph, const char *id);
/* The children of a parallel or map node; other kinds have none. */
size_t graph_child_count(const struct graph_node *node);
const struct graph_node *graph_child(const struct graph_node *node, size_t index);

#endif
