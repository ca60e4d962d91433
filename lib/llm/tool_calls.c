/* Tool calls of an answer. Invariant: what was said in fragments is what is said whole. */
#include "llm/tool_calls.h"
#include "base/id.h"
#include "base/mem.h"
#include "wire/limits.h"

void tool_calls_release(struct tool_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        mem_free(calls->each[i].id);
        mem_free(calls->each[i].name);
        buf_release(&calls->each[i].arguments);
    }
    mem_free(calls->each);
    *calls = (struct tool_calls){.each = NULL};
}

struct tool_call *tool_calls_add(struct tool_calls *calls, struct llm_reading *reading,
                                 int64_t index, struct span id)
{
    if (calls->count == LIMIT_TOOLS) {
        (void)failure_set(&reading->failure, -ERR_OUTPUT_LIMIT, "more than %d tool calls",
                          LIMIT_TOOLS);
        return NULL;
    }
    calls->each = mem_grow(calls->each, calls->count + 1, sizeof(*calls->each));
    struct tool_call *call = &calls->each[calls->count++];
    *call = (struct tool_call){.index = index, .part = reading->parts++};
    call->id = id.len > 0 ? span_dup(id) : mem_strdup(id_mint("call").text);
    buf_init(&call->arguments, LIMIT_OUTPUT);
    return call;
}

int tool_call_grow(struct tool_call *call, struct llm_reading *reading, struct span name,
                   struct span arguments)
{
    bool is_naming = call->name == NULL && name.len > 0;
    if (is_naming)
        call->name = span_dup(name);
    if (buf_span(&call->arguments, arguments) != 0)
        return failure_set(&reading->failure, -ERR_OUTPUT_LIMIT,
                           "a tool call's arguments are larger than the limit");
    llm_say_call(reading,
                 &(struct call_piece){.kind = EVENT_TOOL_CALL_DELTA,
                                      .part = call->part,
                                      .call_id = span_of(call->id),
                                      .name = is_naming ? span_of(call->name) : SPAN_NONE,
                                      .arguments = arguments.len == 0 ? SPAN_LIT("") : arguments});
    return 0;
}

void tool_calls_say(const struct tool_calls *calls, struct llm_reading *reading)
{
    for (size_t i = 0; i < calls->count; i++) {
        const struct tool_call *call = &calls->each[i];
        llm_say_call(reading, &(struct call_piece){.kind = EVENT_TOOL_CALL,
                                                   .part = call->part,
                                                   .call_id = span_of(call->id),
                                                   .name = call->name == NULL ? SPAN_LIT("")
                                                                              : span_of(call->name),
                                                   .arguments = buf_as_span(&call->arguments)});
    }
}
