/* Configuration: one YAML file, one table of settings (conf.def; lists.def for the lists;
 * types.def), SLUICE_<SECTION>_<NAME> over it. The only folder that knows libyaml. Errors name
 * file, line, column and what was expected. docs/configuration.md is made from the same tables
 * (conf_document). */
#ifndef SLUICE_CONF_CONF_H
#define SLUICE_CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

struct conf_list {
    char **items;
    size_t count;
};

struct conf_model {
    char *name;     /* ours */
    char *provider; /* openai anthropic ollama */
    char *base_url; /* "https://api.openai.com/v1" */
    char *key;      /* the secret itself once resolved from env:NAME or file:PATH, or "" */
    char *model;    /* the provider's name */
    int64_t concurrency;
    struct conf_list supports; /* tools image prefill */
    struct conf_list fallbacks;
    int64_t connect_ms, first_byte_ms, first_token_ms, idle_ms, total_ms;
};
struct conf_tenant {
    char *name;
    int64_t running, queued, requests_per_minute, tokens_per_day;
    char *webhook_url, *webhook_secret;
};
struct conf_key {
    char *id, *tenant, *role, *sha256;
    int64_t connections;
};
struct conf_secret {
    char *name, *value; /* the secret itself, resolved */
};

/* How each type of types.def is kept. */
#define CONF_KEPT_TEXT   char *
#define CONF_KEPT_NUMBER int64_t
#define CONF_KEPT_LIST   struct conf_list
#define T(type, kept, check, expected)                                                             \
    typedef CONF_KEPT_##kept conf_type_##type; /* so that rows become members */
#include "conf/types.def"
#undef T

/* conf->worker_slots, conf->limits_output, ... Texts are never NULL. */
struct conf {
#define X(section, name, type, fallback, min, max, when, sentence)                                 \
    conf_type_##type section##_##name;
#include "conf/conf.def"
#undef X
    struct conf_model *models;
    size_t model_count;
    struct conf_tenant *tenants;
    size_t tenant_count;
    struct conf_key *keys;
    size_t key_count;
    struct conf_secret *secrets;
    size_t secret_count;
    char *path; /* of the file; NULL: none */
};

/* Reads `path` (NULL: SLUICE_CONFIG, or defaults alone when that is unset or empty) and the
 * environment over it; resolves secrets. SLUICE_LLM_URL and SLUICE_LLM_MODEL (and SLUICE_LLM_KEY,
 * SLUICE_LLM_PROVIDER) define the model `default` when the file defines no model. 0, or -ERR_CONFIG
 * with `err->message` as "file:line:column: what is wrong; expected what" or "SLUICE_NAME: ...",
 * never with a secret in it; `*out` is untouched then. */
MUST_USE int conf_load(const char *path, struct conf **out, struct err *err);
void conf_free(struct conf *conf); /* NULL is a no-op */

/* What SIGHUP does: reads the same file, and secrets, again. Lists and the rows that are LIVE take
 * their new values in place, so pointers to old ones are void then. The others keep theirs;
 * `on_kept` names each whose value has become another. `check` is the program's own word on a
 * configuration (0 or negative with `err`). On failure, as of conf_load, nothing changes. */
struct conf_reload_hooks {
    int (*check)(const struct conf *conf, struct err *err); /* may be NULL */
    void (*on_kept)(const char *key, void *arg);
    void *arg;
};
MUST_USE int conf_reload(struct conf *conf, const struct conf_reload_hooks *hooks, struct err *err);

/* An owned copy, for who outlives a reload. */
struct conf_model *conf_model_copy(const struct conf_model *model);
void conf_model_free(struct conf_model *model); /* NULL is a no-op */
const struct conf_model *conf_find_model(
    const struct conf *conf,
    struct span name); /* empty name: `default`, else the first; NULL when there is none */
bool conf_model_can(const struct conf_model *model,
                    const char *ability); /* declared for it: supports */
const struct conf_tenant *conf_find_tenant(const struct conf *conf,
                                           struct span name); /* `default` is always there */

const char *conf_find_secret(const struct conf *conf,
                             struct span name); /* its text; NULL when there is none */

/* What a key of `keys` is kept as: its SHA-256 in hex. */
enum { CONF_KEY_HEX = 64 };
struct conf_key_hash {
    char hex[CONF_KEY_HEX + 1];
};
struct conf_key_hash conf_key_hash(struct span key);
/* The row of an API key, or NULL. Every row is looked at, each in constant time. */
const struct conf_key *conf_find_key(const struct conf *conf, struct span key);
const struct conf_key *conf_find_key_id(const struct conf *conf, struct span id); /* or NULL */

/* The effective settings as YAML, secrets and Redis's password as "***". */
void conf_print(const struct conf *conf, struct buf *out);
/* redis_url for people, user and password as "***"; owned. */
char *conf_redis_url_masked(const struct conf *conf);
/* The whole of docs/configuration.md, from the same rows. */
void conf_document(struct buf *out);

#endif
