/* Private to lib/llm: between the files of the format anthropic. */
#ifndef SLUICE_LLM_ANTHROPIC_H
#define SLUICE_LLM_ANTHROPIC_H

#include "llm/conversation.h"
#include "llm/format.h"
#include "llm/params.h"

/* The members that params and `extra` become. -ERR_NOT_SUPPORTED for what cannot be said. */
MUST_USE int anthropic_put_params(struct json_writer *w, const struct params *params,
                                  const struct conversation *c, struct err *err);

#endif
