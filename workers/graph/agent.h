/* Private to the agent kind: kind_agent.c (its life, asking), agent_calls.c (the calls of a turn),
 * agent_again.c (what an earlier claim kept). */
#ifndef SLUICE_WORKERS_GRAPH_AGENT_H
#define SLUICE_WORKERS_GRAPH_AGENT_H

#include "graph/round.h"
#include "graph/speech.h"
#include "graph/talk.h"
#include "graph/tools.h"

enum {
    AGENT_MAGIC = 0x6b61676e,
    AGENT_TALK_MAX = 8 * 1024 * 1024, /* what its turns add to the conversation */
    ROUND_BYTES_MAX = 8 * 1024 * 1024
};

struct agent;
struct agent_call {
    struct agent *agent;
    size_t index;
    struct tool *tool; /* NULL: it is over */
};

struct agent {
    uint32_t magic;
    struct step *step;
    struct talk talk;
    struct round *rounds; /* the last may lack results */
    size_t round_count;
    struct speech *speech;    /* NULL: no model is asked now */
    struct agent_call *calls; /* of the last round; NULL: none are under way */
    size_t call_count;
    struct used used; /* by the rounds */
    struct used told; /* of that, what the step was not told of by an earlier try */
    bool is_silent;   /* the step is stopped: only its usage counts */
    bool is_held;
};

struct agent *agent_of(void *arg);
struct agent_name {
    char text[48];
};
struct agent_name agent_turn_name(size_t turn);              /* "t1": turns count from 1 */
struct agent_name agent_call_name(size_t turn, size_t call); /* "t1/c0" */
void agent_go_on(struct agent *a);                           /* whatever comes next */
void agent_ask(struct agent *a);

/* agent_calls.c */
bool agent_is_at_limit(const struct agent *a); /* no further turn may be asked for */
void agent_fail_limit(struct agent *a);
void agent_call_tools(struct agent *a); /* those of the last round that have no result yet */
void agent_drop_calls(struct agent *a); /* closes their connections at once */
/* The last round's call and its result, for readers; `keep_as` as of step_put_tool_result. */
void agent_tell_result(struct agent *a, const struct round_call *call, const char *keep_as,
                       struct span value);
/* The rounds as messages; owned, what is in them borrowed. */
struct llm_message *agent_messages(const struct agent *a, size_t *count);

/* agent_again.c */
/* Not 0: the step has said its last word, or will be stopped. */
MUST_USE int agent_take_kept(struct agent *a);

#endif
