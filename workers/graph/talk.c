/* A step's conversation put together for the model that was chosen. */
#include "graph/talk.h"
#include "base/mem.h"
#include "model/history.h"
#include "model/request.h"

enum { PARAMS_MAX = 1024 * 1024 };

static int fill(const struct step *step, const struct template *t, const char *what, char **out,
                struct err *err)
{
    struct buf text;
    size_t len;
    buf_init(&text, TALK_TEXT_MAX);
    int rc = render_text(step_values(step), t, &text, err);
    if (rc == -ERR_TOO_LARGE || buf_error(&text) != 0)
        rc = err_set(err, ERR_TOO_LARGE, what, "The %s is larger than %d bytes.", what,
                     TALK_TEXT_MAX);
    if (rc == 0)
        *out = buf_take(&text, &len);
    buf_release(&text);
    return rc;
}

static void put_tool(struct json_writer *w, const struct graph_tool *tool)
{
    json_open(w, NULL, '{');
    json_member_str(w, "type", SPAN_LIT("function"));
    json_open(w, "function", '{');
    json_member_str(w, "name", span_of(tool->id));
    json_member_str(w, "description", span_of(tool->description));
    json_member_raw(w, "parameters", span_of(tool->parameters));
    json_close(w);
    json_close(w);
}

/* The node's params (the file has no `tools` there), with an agent's tools in the one form that all
 * of lib/llm's formats translate. */
static char *params_of(const struct graph_node *node)
{
    const char *given = node->of.llm.params;
    struct buf text;
    size_t len;
    if (node->of.llm.tool_count == 0)
        return mem_strdup(given);
    buf_init(&text, PARAMS_MAX);
    struct json_writer w = json_writer(&text);
    struct json_walk walk = json_walk_object(given == NULL ? SPAN_LIT("{}") : span_of(given));
    struct span name, value;
    json_open(&w, NULL, '{');
    while (json_walk_next(&walk, &name, &value)) {
        json_key_raw(&w, name);
        json_put_raw(&text, value);
    }
    json_open(&w, "tools", '[');
    for (size_t i = 0; i < node->of.llm.tool_count; i++)
        put_tool(&w, node->of.llm.tools[i]);
    json_close(&w);
    json_close(&w);
    CHECK(buf_error(&text) == 0); /* a graph file is far smaller */
    char *params = buf_take(&text, &len);
    buf_release(&text);
    return params;
}

int talk_open(struct talk *t, struct step *step, struct err *err)
{
    const struct graph_node *node = step_node(step);
    *t = (struct talk){.step = step};
    int rc = fill(step, &node->of.llm.system, "system prompt", &t->system, err);
    if (rc == 0)
        rc = fill(step, &node->of.llm.prompt, "prompt", &t->prompt, err);
    if (rc == 0)
        t->params = params_of(node);
    return rc;
}

void talk_close(struct talk *t)
{
    mem_free(t->system);
    mem_free(t->prompt);
    mem_free(t->params);
    *t = (struct talk){.step = NULL};
}

enum step_error talk_error(int rc)
{
    return rc == -ERR_BAD_REQUEST ? STEP_BAD_EXPRESSION
           : rc == -ERR_TOO_LARGE ? STEP_TOO_LARGE
                                  : STEP_MODEL;
}

struct span node_model(const struct conf *conf, const struct graph_node *node,
                       const struct claimed *claimed)
{
    const char *own = node->of.llm.model;
    return own != NULL ? span_of(own) : request_model(conf, claimed);
}

struct span talk_model(const struct talk *t)
{
    const struct conf *conf = worker_conf(step_graphs(t->step)->worker);
    return node_model(conf, step_node(t->step), step_claimed(t->step));
}

/* The turn's attachments belong to a step that takes part in the chat, not to one that looks at
 * some text. */
static struct span attachments_of(const struct talk *t)
{
    return step_node(t->step)->of.llm.wants_history ? step_attachments(t->step) : SPAN_NONE;
}

bool talk_has_images(const struct talk *t)
{
    struct json_walk walk = json_walk_array(attachments_of(t));
    struct span name, item;
    while (json_walk_next(&walk, &name, &item))
        if (span_is(json_raw(item, "type"), "\"image\""))
            return true;
    return false;
}

static void add_prompt(const struct talk *t, struct history *h)
{
    const struct llm_message prompt = {
        .role = "user", .content = span_of(t->prompt), .attachments = attachments_of(t)};
    if (*t->prompt != '\0' || prompt.attachments.len > 0)
        history_add(h, &prompt);
}

bool talk_send(const struct talk *t, struct ask *ask, const struct llm_message *more,
               size_t more_count, struct span prefill)
{
    struct history h = {.messages = NULL};
    size_t count;
    const struct llm_message *earlier = step_history(t->step, &count);
    history_share(&h, earlier, step_node(t->step)->of.llm.wants_history ? count : 0);
    add_prompt(t, &h);
    if (!conf_model_can(ask_model(ask), "image"))
        history_hide_images(&h);
    for (size_t i = 0; i < more_count; i++)
        history_add(&h, &more[i]);
    const struct llm_request request = {
        .messages = h.messages,
        .message_count = h.count,
        .system = *t->system == '\0' ? SPAN_NONE : span_of(t->system),
        .params = span_of(t->params),
        .prefill = prefill,
        .generation = step_claimed(t->step)->generation,
    };
    bool goes_out = ask_send(ask, &request);
    history_release(&h);
    return goes_out;
}
