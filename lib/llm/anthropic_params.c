/* The params as Anthropic's Messages have them. Pure. What the format lacks: `seed` is left out (a
 * promise that no provider keeps fully), json_object is refused, a temperature above 1 counts as 1.
 *
 * reasoning_effort becomes a budget of thinking, within a max_tokens that was given, of which it
 * takes no more than half. There is none where the provider would refuse it: under a forced tool
 * choice, behind a prefill, and in a round of tools whose calls come without the signed reasoning
 * that led to them. With it, temperature and top_p are left out, which it does not go with. */
#include "base/num.h"
#include "llm/anthropic.h"

enum {
    MAX_TOKENS = 4096 /* the provider demands a number; every model of it can do this one */,
    BUDGET_MIN = 1024 /* the provider's */
};

/* What the members depend on. */
struct plan {
    const struct params *params;
    int64_t max_tokens;
    int64_t budget; /* of thinking; 0: none */
    bool has_tools;
};

static bool is_tool_forced(const struct params *params)
{
    const struct json *choice = params_get(params, "tool_choice");
    return json_type(choice) == JSON_OBJECT || span_is(json_string(choice), "required");
}

/* The round of tools at the end, if there is one, began without signed reasoning. */
static bool is_round_unsigned(const struct conversation *c)
{
    if (c->count == 0 || c->messages[c->count - 1].role != ROLE_TOOL)
        return false;
    for (size_t i = c->count; i > 0; i--)
        if (c->messages[i - 1].role == ROLE_ASSISTANT) {
            const struct parts *parts = &c->messages[i - 1].parts;
            return parts->count == 0 || parts->each[0].kind != PART_REASONING ||
                   parts->each[0].signature.len == 0;
        }
    return true;
}

static int64_t budget_of(struct span effort)
{
    static const struct {
        const char *effort;
        int64_t budget;
    } budgets[] = {{"none", 0},      {"minimal", 0},  {"low", 2048},
                   {"medium", 8192}, {"high", 16384}, {"xhigh", 32768}};
    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
        if (span_is(effort, budgets[i].effort))
            return budgets[i].budget;
    return effort.len == 0 ? 0 : budgets[3].budget;
}

static struct plan plan_of(const struct params *params, const struct conversation *c)
{
    struct plan plan = {.params = params,
                        .budget = budget_of(json_string(params_get(params, "reasoning_effort"))),
                        .has_tools = json_count(params_get(params, "tools")) > 0 ||
                                     params_has_extra(params, "tools")};
    struct span given = params_has_extra(params, "max_tokens")
                            ? json_raw(params->extra, "max_tokens")
                            : params_raw(params, "max_tokens");
    if (is_tool_forced(params) || conversation_has_prefill(c) || is_round_unsigned(c))
        plan.budget = 0;
    if (given.len == 0) {
        plan.max_tokens = MAX_TOKENS + plan.budget;
        return plan;
    }
    if (num_parse_i64(given, &plan.max_tokens) != 0)
        plan.max_tokens = INT64_MAX; /* 1e3 and the like go out as they came */
    if (plan.budget > plan.max_tokens / 2)
        plan.budget = plan.max_tokens / 2;
    if (plan.budget < BUDGET_MIN)
        plan.budget = 0;
    return plan;
}

/* The members: each writes itself, or nothing. */

static int put_max_tokens(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    struct span given = params_raw(plan->params, "max_tokens");
    if (given.len > 0)
        json_member_raw(w, "max_tokens", given);
    else
        json_member_int(w, "max_tokens", plan->max_tokens);
    return 0;
}

static int put_temperature(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    double number;
    if (plan->budget > 0 || !json_number(params_get(plan->params, "temperature"), &number))
        return 0;
    json_member_raw(w, "temperature",
                    number > 1 ? SPAN_LIT("1") : params_raw(plan->params, "temperature"));
    return 0;
}

static int put_top_p(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    struct span given = params_raw(plan->params, "top_p");
    if (plan->budget == 0 && given.len > 0)
        json_member_raw(w, "top_p", given);
    return 0;
}

static int put_stop(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    params_put_stop(w, "stop_sequences", plan->params);
    return 0;
}

static int put_thinking(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    if (plan->budget == 0)
        return 0;
    json_open(w, "thinking", '{');
    json_member_str(w, "type", SPAN_LIT("enabled"));
    json_member_int(w, "budget_tokens", plan->budget);
    json_close(w);
    return 0;
}

static void put_tool(struct json_writer *w, struct span tool)
{
    static const struct {
        const char *name, *theirs;
    } members[] = {{"name", "name"},
                   {"description", "description"},
                   {"parameters", "input_schema"},
                   {"strict", "strict"}};
    struct span function = json_raw(tool, "function");
    if (function.ptr == NULL) {
        json_member_raw(w, NULL, tool); /* the provider's own kind */
        return;
    }
    json_open(w, NULL, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct span value = json_raw(function, members[i].name);
        if (value.ptr != NULL)
            json_member_raw(w, members[i].theirs, value);
        else if (i == 2)
            json_member_raw(w, "input_schema", SPAN_LIT("{\"type\":\"object\"}"));
    }
    json_close(w);
}

static int put_tools(struct json_writer *w, const struct plan *plan, struct err *err)
{
    (void)err;
    struct json_walk walk = json_walk_array(params_raw(plan->params, "tools"));
    struct span name, tool;
    if (json_count(params_get(plan->params, "tools")) == 0)
        return 0;
    json_open(w, "tools", '[');
    while (json_walk_next(&walk, &name, &tool))
        put_tool(w, tool);
    json_close(w);
    return 0;
}

static int put_tool_choice(struct json_writer *w, const struct plan *plan, struct err *err)
{
    static const struct {
        const char *ours, *theirs;
    } choices[] = {{"auto", "auto"}, {"none", "none"}, {"required", "any"}};
    const struct json *choice = params_get(plan->params, "tool_choice");
    struct span name = json_string(json_get(json_get(choice, "function"), "name"));
    if (choice == NULL || !plan->has_tools)
        return 0;
    if (json_type(choice) == JSON_OBJECT && name.ptr == NULL) {
        json_member_raw(w, "tool_choice", params_raw(plan->params, "tool_choice"));
        return 0;
    }
    const char *type = name.ptr != NULL ? "tool" : NULL;
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (span_is(json_string(choice), choices[i].ours))
            type = choices[i].theirs;
    if (type == NULL)
        return err_set(err, ERR_NOT_SUPPORTED, "params.tool_choice",
                       "the provider knows no tool_choice \"%.*s\"", SPAN_ARG(json_string(choice)));
    json_open(w, "tool_choice", '{');
    json_member_str(w, "type", span_of(type));
    if (name.ptr != NULL)
        json_member_str(w, "name", name);
    json_close(w);
    return 0;
}

static int put_format(struct json_writer *w, const struct plan *plan, struct err *err)
{
    struct params_format format = params_format(plan->params);
    if (format.kind == FORMAT_TEXT)
        return 0;
    if (format.kind != FORMAT_SCHEMA)
        return err_set(err, ERR_NOT_SUPPORTED, "params.response_format",
                       "the provider takes a response_format of the type json_schema only");
    json_open(w, "output_config", '{');
    json_open(w, "format", '{');
    json_member_str(w, "type", SPAN_LIT("json_schema"));
    json_member_raw(w, "schema", format.schema);
    json_close(w);
    json_close(w);
    return 0;
}

int anthropic_put_params(struct json_writer *w, const struct params *params,
                         const struct conversation *c, struct err *err)
{
    static const char *const ours[] = {"model", "messages", "system", "stream", NULL};
    static const struct {
        const char *name;
        int (*put)(struct json_writer *w, const struct plan *plan, struct err *err);
    } members[] = {
        {"max_tokens", put_max_tokens},   {"temperature", put_temperature}, {"top_p", put_top_p},
        {"stop_sequences", put_stop},     {"thinking", put_thinking},       {"tools", put_tools},
        {"tool_choice", put_tool_choice}, {"output_config", put_format},
    };
    const struct plan plan = plan_of(params, c);
    int result = 0;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && result == 0; i++)
        if (!params_has_extra(params, members[i].name))
            result = members[i].put(w, &plan, err);
    params_put_extra(w, params->extra, ours);
    return result;
}
