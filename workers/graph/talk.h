/* What an llm or agent step says to its model: the chat's earlier turns, the system prompt, the
 * prompt, and what an agent's turns have added. */
#ifndef SLUICE_WORKERS_GRAPH_TALK_H
#define SLUICE_WORKERS_GRAPH_TALK_H

#include "graph/step.h"

enum { TALK_TEXT_MAX = 1024 * 1024 /* of the system prompt, and of the prompt */ };

struct talk {
    struct step *step;
    char *system, *prompt; /* owned, "" for none */
    char *params;          /* JSON text, owned; NULL: none */
};

/* Fills in the texts. -ERR_BAD_REQUEST, -ERR_TOO_LARGE with `err`. Close it in any case. */
MUST_USE int talk_open(struct talk *t, struct step *step, struct err *err);
void talk_close(struct talk *t);
/* What it is called when talk_open or speech_new failed. */
enum step_error talk_error(int rc);
/* The node's model, else the request's, else the chat's; SPAN_NONE: the configuration's. */
struct span node_model(const struct conf *conf, const struct graph_node *node,
                       const struct claimed *claimed);
struct span talk_model(const struct talk *t);
bool talk_has_images(const struct talk *t);

/* Asks with it: `more` (borrowed) stands behind the prompt; `prefill` as llm_request has it. As
 * ask_send; images are left out for a model that cannot see. */
bool talk_send(const struct talk *t, struct ask *ask, const struct llm_message *more,
               size_t more_count, struct span prefill);

#endif
