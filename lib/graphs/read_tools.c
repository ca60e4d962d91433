/* The tools of a graph, and their names in an agent. */
#include "base/mem.h"
#include "graphs/read.h"

#define IN_REQUEST(field) offsetof(struct graph_request, field)
#define IN_TOOL(field)    offsetof(struct graph_tool, field)

static const struct field request_rows[] = {REQUEST_ROWS(IN_REQUEST, 0)};
static const struct fields request_fields = {request_rows, COUNT_OF(request_rows), 0, "http"};

static void read_http(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (want_map(r, value, f->name))
        read_fields(r, &request_fields, value, to);
}

static void read_parameters(struct reading *r, const struct field *f, const struct node *value,
                            void *to)
{
    read_json_object(r, f, value, to);
    const struct node *type = node_member(value, "type");
    if (value->kind == NODE_MAP &&
        (type == NULL || type->kind != NODE_TEXT || strcmp(type->text, "object") != 0))
        wrong(r, type == NULL ? value->at : type->at,
              "parameters must be the JSON Schema of an object; write {type: object, properties: "
              "{...}}");
}

static const struct field tool_rows[] = {
    {.name = "id", .read = read_id, .offset = IN_TOOL(id), .missing = "id: name_of_the_tool"},
    {.name = "description",
     .read = read_text,
     .offset = IN_TOOL(description),
     .max = GRAPH_DESCRIPTION_MAX,
     .missing = "description: what it does, for the model"},
    {.name = "parameters", .read = read_parameters, .offset = IN_TOOL(parameters)},
    {.name = "http",
     .read = read_http,
     .offset = IN_TOOL(request),
     .missing = "http: {method: GET, url: ...}"},
    {.name = "effect", .read = read_effect, .offset = IN_TOOL(request.effect)},
    {.name = "timeout_s",
     .read = read_seconds,
     .offset = IN_TOOL(request.timeout_ms),
     .min = GRAPH_TIMEOUT_MS_MIN,
     .max = GRAPH_TIMEOUT_MS_MAX},
    {.name = "max_bytes",
     .read = read_number,
     .offset = IN_TOOL(request.max_bytes),
     .min = 1,
     .max = GRAPH_HTTP_BYTES_MAX},
};
static const struct fields tool_fields = {tool_rows, COUNT_OF(tool_rows), 0, "a tool"};

static void read_tool(struct reading *r, const struct node *map, struct graph_tool *tool)
{
    *tool = (struct graph_tool){
        .id = "",
        .description = "",
        .parameters = "{\"type\":\"object\",\"properties\":{}}",
        .request = {.timeout_ms = GRAPH_TOOL_TIMEOUT_MS, .max_bytes = GRAPH_TOOL_BYTES}};
    read_fields(r, &tool_fields, map, tool);
    request_finish(r, map, node_member(map, "http"), &tool->request);
    tool->expr_count = r->here.count;
    tool->exprs = own_list(r->own, r->here.items, r->here.count, sizeof(struct expr *));
    r->here = (struct expr_list){0};
}

void read_tools(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph *graph = r->graph;
    (void)to; /* the graph's list, with its count */
    if (!want_list(r, value, f->name, GRAPH_TOOLS_MAX))
        return;
    graph->tools = own_room(r->own, value->count, sizeof(*graph->tools));
    for (const struct node *item = value->first; item != NULL; item = item->next) {
        if (!want_map(r, item, "a tool"))
            continue;
        struct graph_tool tool;
        read_tool(r, item, &tool);
        if (*tool.id != '\0' && graph_tool(graph, tool.id) != NULL)
            wrong(r, node_member(item, "id")->at,
                  "the tool '%s' stands here twice; write another "
                  "id",
                  tool.id);
        else
            graph->tools[graph->tool_count++] = tool;
    }
}

static const struct graph_tool *find_tool(struct reading *r, const struct node *name)
{
    if (!want_string(r, name, "a tool's name"))
        return NULL;
    const struct graph_tool *tool = graph_tool(r->graph, name->text);
    struct nearest nearest = nearest_to(name->text);
    for (size_t i = 0; i < r->graph->tool_count; i++)
        nearest_try(&nearest, r->graph->tools[i].id);
    if (tool == NULL)
        wrong_name(r, name->at, "tool", name->text, &nearest);
    return tool;
}

void read_tool_names(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph_node *node =
        (struct graph_node *)(void *)((char *)to - offsetof(struct graph_node, of.llm.tools));
    if (!want_list(r, value, f->name, GRAPH_TOOLS_MAX))
        return;
    node->of.llm.tools = own_room(r->own, value->count, sizeof(struct graph_tool *));
    for (const struct node *name = value->first; name != NULL; name = name->next) {
        const struct graph_tool *tool = find_tool(r, name);
        for (size_t i = 0; tool != NULL && i < node->of.llm.tool_count; i++)
            if (node->of.llm.tools[i] == tool) {
                wrong(r, name->at, "the tool '%s' stands here twice; leave one out", tool->id);
                tool = NULL;
            }
        if (tool != NULL)
            node->of.llm.tools[node->of.llm.tool_count++] = tool;
    }
}
