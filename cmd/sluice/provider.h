/* Which provider a first try uses, in this order: the configuration's models, SLUICE_LLM_URL,
 * OPENAI_API_KEY, ANTHROPIC_API_KEY, a local Ollama, else the simulated one. */
#ifndef SLUICE_CMD_PROVIDER_H
#define SLUICE_CMD_PROVIDER_H

#include "conf/conf.h"
#include "fetch/fetch.h"

/* What was found; texts are owned by the search. needs_simulator: nothing was, start sluice-llmsim.
 */
struct provider {
    char *url;          /* its base URL, without a slash at the end */
    const char *format; /* what it speaks: "openai", "anthropic" */
    char *model;        /* the provider's name for it */
    const char *key;    /* a reference such as "env:OPENAI_API_KEY", or "" */
    bool is_configured; /* the configuration file has models: nothing is to be handed on */
    bool needs_simulator;
};

struct provider_search;

/* status 0, or -ERR_CONFIG with a sentence for people. Exactly once, never before provider_find
 * returns. `patience_ms`: how long a given server may take to come up. */
typedef void (*on_provider)(int status, const struct provider *provider, const char *why,
                            void *arg);
struct provider_search *provider_find(struct loop *loop, struct fetcher *fetcher,
                                      const struct conf *conf, int64_t patience_ms,
                                      on_provider done, void *arg);
void provider_search_free(struct provider_search *search);

#endif
