/* Owns: one search. A server that was named must answer GET <url>/models (a local one may still be
 * loading its model); Ollama is only looked for. */
#include "provider.h"
#include "client.h"
#include "folders.h"

#include "base/mem.h"
#include "wire/json.h"

enum { SEARCH_MAGIC = 0x70726f76, ASK_AGAIN_MS = 300, OLLAMA_CONNECT_MS = 300, ANSWER_MS = 5000 };

/* Providers that a key alone names, the first that is there. */
static const struct {
    const char *variable, *key, *format, *url, *model;
} KEYED[] = {
    {"OPENAI_API_KEY", "env:OPENAI_API_KEY", "openai", "https://api.openai.com/v1", "gpt-4o-mini"},
    {"ANTHROPIC_API_KEY", "env:ANTHROPIC_API_KEY", "anthropic", "https://api.anthropic.com",
     "claude-haiku-4-5"},
};
static const char OLLAMA_URL[] = "http://127.0.0.1:11434/v1";

struct provider_search {
    uint32_t magic;
    struct loop *loop;
    struct fetcher *fetcher;
    struct provider found;
    struct timer again;
    int64_t patience_ms;
    bool is_optional; /* Ollama: no answer means no Ollama */
    const char *key;  /* for GET /models, or ""; the configuration's or the environment's */
    char *why;
    on_provider done;
    void *arg;
};

static const char *environment(const char *name)
{
    return environment_or(name, "");
}

static void conclude(void *arg)
{
    struct provider_search *s = arg;
    CHECK_MAGIC(s, SEARCH_MAGIC);
    s->done(s->why == NULL ? 0 : -ERR_CONFIG, &s->found, s->why, s->arg);
}

static void name_provider(struct provider_search *s, const char *url, const char *model,
                          const char *key)
{
    struct span trimmed = span_of(url);
    while (trimmed.len > 0 && trimmed.ptr[trimmed.len - 1] == '/')
        trimmed.len--;
    mem_free(s->found.url);
    mem_free(s->found.model);
    s->found.url = span_dup(trimmed);
    s->found.model = mem_strdup(model);
    s->found.key = key;
}

/* Names the one that a key in the environment stands for; false when there is none. */
static bool find_keyed(struct provider_search *s, const char *model)
{
    for (size_t i = 0; i < sizeof KEYED / sizeof *KEYED; i++)
        if (*environment(KEYED[i].variable) != '\0') {
            name_provider(s, KEYED[i].url, *model == '\0' ? KEYED[i].model : model, KEYED[i].key);
            s->found.format = KEYED[i].format;
            return true;
        }
    return false;
}

static void ask_for_models(void *arg);

static void no_answer(struct provider_search *s, int status)
{
    if (s->is_optional) {
        name_provider(s, "", "", "");
        s->found.needs_simulator = true;
        conclude(s);
    } else if (s->patience_ms > 0) {
        s->patience_ms -= ASK_AGAIN_MS;
        timer_start(&s->again, ASK_AGAIN_MS);
    } else {
        s->why = status < 0
                     ? mem_printf("%s cannot be reached", s->found.url)
                     : mem_printf("%s/models answers %d and lists no model: set SLUICE_LLM_MODEL",
                                  s->found.url, status);
        conclude(s);
    }
}

static void on_models(int status, struct span body, void *arg)
{
    struct provider_search *s = arg;
    struct json_doc *doc = NULL;
    struct err err = {.code = ERR_OK};
    CHECK_MAGIC(s, SEARCH_MAGIC);
    struct span first = SPAN_NONE;
    if (status == 200 && json_parse(body, &doc, &err) == 0)
        first = json_string(json_get(json_at(json_get(json_root(doc), "data"), 0), "id"));
    bool is_up = status == 200 && (first.len > 0 || *s->found.model != '\0');
    if (is_up && *s->found.model == '\0') {
        mem_free(s->found.model);
        s->found.model = span_dup(first);
    }
    json_free(doc);
    if (is_up)
        conclude(s);
    else
        no_answer(s, status);
}

static void ask_for_models(void *arg)
{
    struct provider_search *s = arg;
    CHECK_MAGIC(s, SEARCH_MAGIC);
    char *url = mem_printf("%s/models", s->found.url);
    char *authorization =
        *s->key == '\0' || s->is_optional ? NULL : mem_printf("Bearer %s", s->key);
    (void)client_start(
        s->loop, s->fetcher,
        &(struct client_call){.method = "GET",
                              .url = url,
                              .authorization = authorization,
                              .connect_ms = s->is_optional ? OLLAMA_CONNECT_MS : 3000,
                              .total_ms = ANSWER_MS},
        on_models, s);
    mem_free(authorization);
    mem_free(url);
}

/* Only OpenAI's format has a list of models at a place that all its servers share. */
static void find_named(struct provider_search *s, const char *model)
{
    if (strcmp(s->found.format, "openai") == 0) {
        ask_for_models(s);
        return;
    }
    if (*model == '\0')
        s->why = mem_printf("SLUICE_LLM_PROVIDER=%s: set SLUICE_LLM_MODEL too", s->found.format);
    loop_defer(s->loop, conclude, s);
}

struct provider_search *provider_find(struct loop *loop, struct fetcher *fetcher,
                                      const struct conf *conf, int64_t patience_ms,
                                      on_provider done, void *arg)
{
    struct provider_search *s = MEM_NEW(struct provider_search);
    s->magic = SEARCH_MAGIC;
    s->loop = loop;
    s->fetcher = fetcher;
    s->patience_ms = patience_ms;
    s->key = conf->model_count > 0 ? conf->models[0].key : environment("SLUICE_LLM_KEY");
    s->found.format = "openai";
    s->done = done;
    s->arg = arg;
    timer_init(&s->again, loop, ask_for_models, s);
    const char *model = environment("SLUICE_LLM_MODEL");
    if (conf->model_count > 0 &&
        !span_is(span_of(conf->models[0].base_url), environment("SLUICE_LLM_URL"))) {
        name_provider(s, conf->models[0].base_url, conf->models[0].model, "");
        s->found.is_configured = true;
        loop_defer(loop, conclude, s);
    } else if (*environment("SLUICE_LLM_URL") != '\0') {
        name_provider(s, environment("SLUICE_LLM_URL"), model,
                      ""); /* SLUICE_LLM_KEY reaches the children as it is */
        s->found.format = environment_or("SLUICE_LLM_PROVIDER", "openai");
        find_named(s, model);
    } else if (find_keyed(s, model)) {
        loop_defer(loop, conclude, s);
    } else {
        name_provider(s, OLLAMA_URL, model, "");
        s->is_optional = true;
        ask_for_models(s);
    }
    return s;
}

void provider_search_free(struct provider_search *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, SEARCH_MAGIC);
    timer_release(&s->again);
    mem_free(s->found.url);
    mem_free(s->found.model);
    mem_free(s->why);
    s->magic = 0;
    mem_free(s);
}
