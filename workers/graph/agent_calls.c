/* The calls of an agent's turn, all at once, and the conversation that they make. */
#include "base/mem.h"
#include "graph/agent.h"

static struct round *last_round(const struct agent *a)
{
    CHECK(a->round_count > 0);
    return &a->rounds[a->round_count - 1];
}

bool agent_is_at_limit(const struct agent *a)
{
    return (int64_t)a->round_count >= step_node(a->step)->of.llm.max_turns;
}

void agent_fail_limit(struct agent *a)
{
    step_fail(a->step, STEP_TOOL_LIMIT, 0, -1,
              "The model still calls tools in the last of its max_turns.");
}

void agent_drop_calls(struct agent *a)
{
    for (size_t i = 0; i < a->call_count; i++)
        tool_free(a->calls[i].tool);
    mem_free(a->calls);
    a->calls = NULL;
    a->call_count = 0;
}

static size_t talk_bytes(const struct agent *a)
{
    size_t bytes = 0;
    for (size_t i = 0; i < a->round_count; i++) {
        const struct round *r = &a->rounds[i];
        bytes += strlen(r->text) + (r->calls_json == NULL ? 0 : strlen(r->calls_json)) +
                 (r->reasoning == NULL ? 0 : strlen(r->reasoning));
        for (size_t j = 0; j < r->call_count; j++)
            bytes += r->calls[j].result == NULL ? 0 : strlen(r->calls[j].result);
    }
    return bytes;
}

void agent_tell_result(struct agent *a, const struct round_call *call, const char *keep_as,
                       struct span value)
{
    struct span text = span_of(call->result);
    struct buf json;
    buf_init(&json, JSON_ESCAPED * text.len + 2);
    if (json_check(text, NULL) == 0)
        json_put_raw(&json, text);
    else
        json_put_string(&json, text);
    step_put_tool_result(a->step, span_of(call->id), buf_as_span(&json), call->is_error, keep_as,
                         value);
    buf_release(&json);
}

static void keep_result(struct agent *a, size_t index)
{
    const struct round_call *call = &last_round(a)->calls[index];
    struct buf kept;
    buf_init(&kept, ROUND_BYTES_MAX);
    round_write_result(call, &kept); /* max_bytes is far smaller */
    agent_tell_result(a, call, agent_call_name(a->round_count, index).text, buf_as_span(&kept));
    buf_release(&kept);
}

static void on_result(struct span result, bool is_error, void *arg)
{
    struct agent_call *c = arg;
    struct agent *a = agent_of(c->agent);
    struct round_call *call = &last_round(a)->calls[c->index];
    call->result = span_dup(result);
    call->is_error = is_error;
    tool_free(c->tool);
    c->tool = NULL;
    keep_result(a, c->index);
    if (!round_has_all_results(last_round(a)))
        return;
    agent_drop_calls(a); /* c with them */
    if (talk_bytes(a) > AGENT_TALK_MAX)
        step_fail(a->step, STEP_TOO_LARGE, 0, -1, "The agent's conversation is too large.");
    else
        agent_go_on(a);
}

void agent_call_tools(struct agent *a)
{
    const struct round *round = last_round(a);
    agent_drop_calls(a);
    a->calls = mem_new_array(round->call_count, sizeof *a->calls);
    a->call_count = round->call_count;
    for (size_t i = 0; i < round->call_count; i++) {
        const struct agent_name within = agent_call_name(a->round_count, i);
        const struct tool_wants wants = {.step = a->step,
                                         .name = round->calls[i].name,
                                         .arguments = round->calls[i].arguments,
                                         .within = within.text};
        a->calls[i] = (struct agent_call){.agent = a, .index = i};
        if (round->calls[i].result == NULL)
            a->calls[i].tool = tool_call(&wants, on_result, &a->calls[i]);
    }
}

struct llm_message *agent_messages(const struct agent *a, size_t *count)
{
    size_t most = 0;
    for (size_t i = 0; i < a->round_count; i++)
        most += 1 + a->rounds[i].call_count;
    struct llm_message *messages = mem_new_array(most, sizeof *messages);
    *count = 0;
    for (size_t i = 0; i < a->round_count; i++) {
        const struct round *r = &a->rounds[i];
        messages[(*count)++] =
            (struct llm_message){.role = "assistant",
                                 .content = *r->text == '\0' ? SPAN_NONE : span_of(r->text),
                                 .tool_calls = span_of(r->calls_json),
                                 .reasoning = span_of(r->reasoning)};
        for (size_t j = 0; j < r->call_count; j++)
            messages[(*count)++] = (struct llm_message){.role = "tool",
                                                        .content = span_of(r->calls[j].result),
                                                        .tool_call_id = span_of(r->calls[j].id)};
    }
    return messages;
}
