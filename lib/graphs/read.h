/* Private to lib/graphs: reading a file's tree into a graph. Nothing stops at the first mistake:
 * every reader notes its problems and goes on; what it could not read stays as it was. */
#ifndef SLUICE_GRAPHS_READ_H
#define SLUICE_GRAPHS_READ_H

#include "conf/yaml.h"
#include "graphs/graph.h"
#include "graphs/own.h"
#include "graphs/place.h"
#include "graphs/suggest.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What is wrong, sorted by place at the end. */
struct problem {
    struct mark at;
    char *text;
};
struct problems {
    struct problem *items;
    size_t count;
};

/* A name of a node where one is wanted. `from`: whose; NULL: the graph's start. A mention in an
 * expression leads nowhere. */
struct edge {
    bool is_mention;
    const struct graph_node *from;
    const char *field, *to;
    struct mark at;
};
struct expr_list {
    const struct expr **items;
    size_t count;
};

struct reading {
    const struct tree *tree;
    struct walk walk; /* of the file's bytes */
    struct own *own;
    struct graph *graph;
    struct problems problems;
    struct edge *edges;
    size_t edge_count;
    const struct graph_node *node; /* of the main line, that is being read; NULL: none */
    struct expr_list all;          /* expressions of the graph */
    struct expr_list here;         /* and of the node or tool that is being read */
};

/* Notes a problem: what is wrong; what to write. */
__attribute__((format(printf, 3, 4))) void wrong(struct reading *r, struct mark at,
                                                 const char *format, ...);
/* That a name is not known: with the nearest of those that are. */
void wrong_name(struct reading *r, struct mark at, const char *what, const char *name,
                const struct nearest *nearest);

/* read_fields.c: a row per field; `read` puts the value at `to`, offset bytes into its owner. */
struct field {
    const char *name;
    void (*read)(struct reading *r, const struct field *field, const struct node *value, void *to);
    size_t offset;
    unsigned kinds; /* who has it, of those who share a table; 0: all */
    int64_t min, max;
    const char *const *words; /* two: the first is false, the second true */
    const char *missing;      /* what to write when it is not there; NULL: it may be left out */
    bool has_secrets;         /* $secret may stand there */
};
struct fields {
    const struct field *rows;
    size_t count;
    unsigned kind;    /* of whom the map is; 0: of all */
    const char *what; /* "a tool" */
};
/* Kinds of nodes in field.kinds: in the main line, and as a child of parallel or map. */
#define MAIN(kind)  (1u << (kind))
#define CHILD(kind) (1u << (GRAPH_KINDS + (kind)))
#define BOTH(kind)  (MAIN(kind) | CHILD(kind))

/* A map's members into `owner`. */
void read_fields(struct reading *r, const struct fields *fields, const struct node *map,
                 void *owner);
bool want_map(struct reading *r, const struct node *value, const char *what);
bool want_list(struct reading *r, const struct node *value, const char *what, size_t max);
bool want_string(struct reading *r, const struct node *value, const char *what);
bool is_graph_id(const char *text);
/* The text when it is an id, else NULL and a problem. */
const char *read_id_text(struct reading *r, const struct node *value, const char *what);

void read_id(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_text(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_flag(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_either(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_number(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_seconds(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_template.c */
void read_expr(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_template(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_value.c */
void read_value(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_json_object(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_request.c: of http nodes and of `http` in tools. `OFFSET(member)` finds it in the owner. */
#define REQUEST_ROWS(OFFSET, kinds_)                                                               \
    {.name = "method", .read = read_method, .offset = OFFSET(method), .kinds = (kinds_)},          \
        {.name = "url",                                                                            \
         .read = read_url,                                                                         \
         .offset = OFFSET(url),                                                                    \
         .kinds = (kinds_),                                                                        \
         .has_secrets = true,                                                                      \
         .missing = "url: https://host/path"},                                                     \
        {.name = "headers",                                                                        \
         .read = read_headers,                                                                     \
         .offset = OFFSET(headers),                                                                \
         .kinds = (kinds_),                                                                        \
         .has_secrets = true},                                                                     \
    {                                                                                              \
        .name = "body", .read = read_value, .offset = OFFSET(body), .kinds = (kinds_),             \
        .has_secrets = true                                                                        \
    }
void read_method(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_url(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_headers(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_effect(struct reading *r, const struct field *f, const struct node *value, void *to);
/* After its fields were read: what hangs together, and what was not said. `owner`: where effect
 * would stand; `map`: where method and body would. */
void request_finish(struct reading *r, const struct node *owner, const struct node *map,
                    struct graph_request *request);

/* read_tools.c */
void read_tools(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_tool_names(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_node.c: nodes, by their kinds. */
void read_nodes(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_node(struct reading *r, const struct node *map, struct graph_node *node, bool is_child);

/* read_parts.c: the parts of nodes that are more than one value. */
void read_edge(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_start(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_on_error(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_retry(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_cases(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_branches(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_child(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_expect(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_subgraph(struct reading *r, const struct field *f, const struct node *value, void *to);
void read_input(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_params.c: `params` of llm and agent nodes. */
void read_params(struct reading *r, const struct field *f, const struct node *value, void *to);

/* read_edges.c: what only the whole file shows. `rest` begins with the node's name. */
void read_mention(struct reading *r, struct span rest, struct mark at);
void add_edge(struct reading *r, struct edge edge);
void check_edges(struct reading *r);

#endif
