/* `params` of llm and agent nodes: those of a request, but for the tools, which a node names. */
#include "graphs/read.h"
#include "wire/params.h"

static void wrong_param(struct reading *r, const struct node *member)
{
    struct nearest nearest = nearest_to(member->name);
    for (size_t i = 0; param_at(i) != NULL; i++)
        nearest_try(&nearest, param_at(i)->name);
    if (nearest.best != NULL)
        wrong(r, member->name_at, "there is no param '%.60s'; did you mean '%s'?", member->name,
              nearest.best);
    else
        wrong(r, member->name_at,
              "there is no param '%.60s'; write what only the provider knows into extra: {...}",
              member->name);
}

static void check_param(struct reading *r, const struct node *member, const struct json *value)
{
    const struct param *param = param_find(member->name);
    if (param == NULL)
        wrong_param(r, member);
    else if (strcmp(param->name, "tools") == 0 || strcmp(param->name, "tool_choice") == 0)
        wrong(r, member->name_at, "%s is no param of a graph; write tools: [...] in an agent",
              param->name);
    else if (!param->fits(value))
        wrong(r, member->at, "%s must be %s; write it so", param->name, param->wanted);
}

void read_params(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct json_doc *doc = NULL;
    read_json_object(r, f, value, to);
    if (value->kind != NODE_MAP)
        return;
    struct err err = {0};
    if (json_parse(span_of(*(const char **)to), &doc, &err) != 0) {
        wrong(r, value->at, "%s cannot be JSON: %s; write what JSON can hold", f->name,
              err.message);
        return;
    }
    for (const struct node *member = value->first; member != NULL; member = member->next)
        if (!node_is_empty(member))
            check_param(r, member, json_get(json_root(doc), member->name));
    json_free(doc);
}
