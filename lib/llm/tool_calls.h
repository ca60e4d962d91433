/* Private to lib/llm: the tool calls of an answer, put together from their fragments. */
#ifndef SLUICE_LLM_TOOL_CALLS_H
#define SLUICE_LLM_TOOL_CALLS_H

#include "llm/format.h"

struct tool_call {
    int64_t index; /* the provider's */
    int64_t part;
    char *id;
    char *name; /* NULL until said */
    struct buf arguments;
};

struct tool_calls {
    struct tool_call *each;
    size_t count;
};

void tool_calls_release(struct tool_calls *calls);
/* A new one, of which nothing was said yet; an empty `id` gets one minted. NULL, and the reading's
 * failure is filled, when there are too many. Valid until the next is added. */
struct tool_call *tool_calls_add(struct tool_calls *calls, struct llm_reading *reading,
                                 int64_t index, struct span id);
/* A fragment: kept, and said to the caller. An empty name was said before, or is not known yet. 0
 * or a negative code with the reading's failure filled. */
MUST_USE int tool_call_grow(struct tool_call *call, struct llm_reading *reading, struct span name,
                            struct span arguments);
/* Says all of them, whole. */
void tool_calls_say(const struct tool_calls *calls, struct llm_reading *reading);

#endif
